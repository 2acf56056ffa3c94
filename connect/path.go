package connect

import "strings"

// APIBase is where the Platform API is served. It is fixed: clients know it.
const APIBase = "/platform/v1"

// MCPPath is the path of a tenant's MCP URL.
func MCPPath(token string) string { return APIBase + "/mcp/" + token }

// Root is where the hosted pages are served. It is fixed: providers know the redirect URI below it.
const Root = "/connect"

// CallbackPath is where providers send browsers back to.
const CallbackPath = Root + "/callback"

// IsToken reports whether text could be a request token or that of an MCP URL.
func IsToken(text string) bool {
	return len(text) == requestTokenDigits &&
		strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// LinkPath is the path of a request link.
func LinkPath(token string) string { return Root + "/" + token }

// IconPath is the path of an app's icon.
func IconPath(slug string) string { return Root + "/assets/icon/" + slug + ".svg" }
