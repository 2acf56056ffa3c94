package api

import (
	"net/url"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// checkAgentOrigin refuses a call of the MCP server that a browser makes for a page of another
// origin (MCP, streamable HTTP, security warning: "Servers MUST validate the Origin header"). The
// official SDK leaves it to its user. Servers and programs send no such header. Where the
// configuration has no public_url, the request's own Host is compared, which a page whose name was
// rebound to our address has in common with us: there the key alone protects.
func checkAgentOrigin(sent []string, origin string) error {
	if len(sent) == 0 {
		return nil
	}
	own, ok := canonicalOrigin(origin)
	if from, valid := canonicalOrigin(sent[0]); len(sent) > 1 || !ok || !valid || from != own {
		return vending.Refuse(vending.PolicyDenied,
			"the Origin header is not the gateway's own, and web pages elsewhere may not call "+
				"the MCP server: call it without an Origin header, or set public_url to where the gateway is reached")
	}
	return nil
}

// canonicalOrigin spells an origin as browsers do (RFC 6454, section 6.2): in lower case, without
// its scheme's own port. ok is false for anything else, such as null.
func canonicalOrigin(text string) (origin string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != strings.Replace(text, text[:len(u.Scheme)], u.Scheme, 1) {
		return "", false
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	return u.Scheme + "://" + host, true
}
