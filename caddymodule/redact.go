package caddymodule

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/vendgate/vendgate/connect"
)

// redacted stands in a logged address for what must not be there.
const redacted = "REDACTED"

// redactURI takes from an address what whoever reads a log could use: the request token of a link, the code and the state of a callback, the
// token of an MCP URL. It reports whether there may be any. It goes by where they stand and not by what they look like: an address that is
// spelled otherwise, or has a full stop from the letter around it, still holds a token that works.
func redactURI(uri string) (string, bool) {
	parse := url.Parse
	if strings.HasPrefix(uri, "/") {
		parse = url.ParseRequestURI // "//connect/…" has no host
	}
	u, err := parse(uri)
	if err != nil {
		return redacted, true
	}
	origin := ""
	if u.Host != "" {
		origin = u.Scheme + "://" + u.Host
	}
	segments := strings.Split(strings.Trim(path.Clean("/"+u.Path), "/"), "/")
	switch {
	case len(segments) > 1 && strings.EqualFold("/"+segments[0], connect.Root) && !tellable[segments[1]]:
		return origin + connect.Root + "/" + redacted + action(segments[2:]), true
	case len(segments) > 3 && strings.EqualFold("/"+strings.Join(segments[:3], "/")+"/", connect.MCPPath("")):
		return origin + connect.MCPPath(redacted), true
	}
	return uri, false
}

// tellable are the segments below connect.Root that are no request token.
var tellable = map[string]bool{"assets": true, "dashboard": true, "vendgate-connect.js": true}

// action is what of a link's page may be told.
func action(rest []string) string {
	if len(rest) == 1 {
		switch rest[0] {
		case "accept", "reject", "credentials", "done", "status":
			return "/" + rest[0]
		}
	}
	return ""
}

// redactHeader returns h without a request token in the address that an answer sends its browser to.
func redactHeader(h http.Header) http.Header {
	uri, found := redactURI(h.Get("Location"))
	if !found {
		return h
	}
	h = h.Clone()
	h.Set("Location", uri)
	return h
}
