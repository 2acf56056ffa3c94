package caddymodule

import (
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/connect"
)

// redacted stands in a logged address for what must not be there.
const redacted = "REDACTED"

// tokenDigits is the length of a request token and of an MCP URL's.
const tokenDigits = 33

// redactURI takes from a request's target what whoever reads a log could use: the request token of a link, the code and the state of a
// callback, the token of an MCP URL. It reports whether there was any.
func redactURI(uri string) (string, bool) {
	if before, rest, absolute := strings.Cut(uri, "://"); absolute && !strings.HasPrefix(uri, "/") {
		host, _, _ := strings.Cut(rest, "/")
		path, found := redactURI(rest[len(host):])
		return before + "://" + host + path, found
	}
	path, _, _ := strings.Cut(uri, "?")
	if path == connect.CallbackPath && len(uri) > len(path) {
		return path + "?" + redacted, true
	}
	for _, prefix := range []string{connect.Root + "/", connect.MCPPath("")} {
		if rest, ok := strings.CutPrefix(uri, prefix); ok {
			end := strings.IndexAny(rest, "/?")
			if end < 0 {
				end = len(rest)
			}
			if isToken(rest[:end]) {
				return prefix + redacted + rest[end:], true
			}
		}
	}
	return uri, false
}

// tells reports whether the addresses that r came from and goes to hold what redactURI would take. Our own pages send no referrer, but not every
// client obeys.
func tells(r *http.Request) bool {
	_, uri := redactURI(r.RequestURI)
	_, referrer := redactURI(r.Header.Get("Referer"))
	return uri || referrer
}

func isToken(s string) bool {
	return len(s) == tokenDigits && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
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
