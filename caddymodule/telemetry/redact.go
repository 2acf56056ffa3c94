package telemetry

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
)

// redacted replaces in a logged address what must not be there.
const redacted = "REDACTED"

// redactURI takes from the address of a request what the reader of a log could use: the request
// token of a link, the code and the state of a callback, the token of an MCP URL, where they stand
// and, in an address that is mistyped or quotes another, by what they look like. It reports whether
// there may be any.
func redactURI(uri string) (string, bool) {
	if told, found := redactPlace(uri); found {
		return told, true
	}
	if !quotesSecret(uri) {
		return uri, false
	}
	path, _, _ := strings.Cut(uri, "?")
	if quotesSecret(path) {
		return "/" + redacted, true
	}
	return path + "?" + redacted, true
}

// redactCall is redactURI for one of the gateway's own calls, whose addresses begin with calls.
// What follows connection and app there is the provider's to spell.
func redactCall(uri, calls string) (string, bool) {
	if !hints(uri) {
		return uri, false
	}
	path, query, _ := strings.Cut(uri, "?")
	head := strings.SplitN(path[len(calls):], "/", 3)
	switch {
	case quotesLink(path), quotesKey(path), isTokenWithin(strings.Join(head[:min(len(head), 2)], "/")):
		return calls + redacted, true
	case quotesLink(query), quotesKey(query), isTokenWithin(query):
		return path + "?" + redacted, true
	}
	return uri, false
}

// redactCallByHost is redactCall for a call that names its app by host: the provider spells all of
// its address.
func redactCallByHost(uri string) (string, bool) {
	if !hints(uri) {
		return uri, false
	}
	path, query, _ := strings.Cut(uri, "?")
	switch {
	case quotesLink(path), quotesKey(path):
		return "/" + redacted, true
	case quotesLink(query), quotesKey(query), isTokenWithin(query):
		return path + "?" + redacted, true
	}
	return uri, false
}

// redactPlace goes by where a secret is and not by what it looks like: an address that is
// spelled otherwise, or has a full stop from the letter around it, still holds a token that works.
func redactPlace(uri string) (string, bool) {
	u, err := parseAddress(uri)
	if err != nil {
		return redacted, true
	}
	return redactParsed(uri, u)
}

func parseAddress(uri string) (*url.URL, error) {
	if strings.HasPrefix(uri, "/") {
		return url.ParseRequestURI(uri) // "//connect/…" has no host
	}
	return url.Parse(uri)
}

// redactParsed takes from an address the request token of a link, the code and the state of a
// callback, the token of an MCP URL.
func redactParsed(uri string, u *url.URL) (string, bool) {
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

// redactHeader returns h without values that quote a token, whatever the header is for: proxies in
// front name the address of a request in headers of their own, and answers name the next one.
func redactHeader(h http.Header) http.Header {
	if !anyHeader(h) {
		return h
	}
	h = h.Clone()
	for name, values := range h {
		if unlogged(name) {
			continue
		}
		for i, v := range values {
			if quotes(v) {
				values[i] = redactValue(v)
			}
		}
	}
	return h
}

// redactValue keeps of an address what may be told.
func redactValue(v string) string {
	if quotesPlace(v) {
		if told, found := redactPlace(v); found && !quotesSecret(told) {
			return told
		}
	}
	return redacted
}

// anyHeader reports whether a value of h quotes a token. A call that has none pays one pass over
// its headers.
func anyHeader(h http.Header) bool {
	for name, values := range h {
		for _, v := range values {
			if len(v) >= leastQuote && hints(v) && !unlogged(name) && quotes(v) {
				return true
			}
		}
	}
	return false
}

// anyKey reports whether a value of h that would be logged holds a key.
func anyKey(h http.Header) bool {
	for name, values := range h {
		if !unlogged(name) && slices.ContainsFunc(values, quotesKey) {
			return true
		}
	}
	return false
}

func quotes(v string) bool { return quotesSecret(v) || hints(v) && quotesPlace(v) }

func quotesSecret(text string) bool { return quotesToken(text) || quotesKey(text) }

// unlogged reports whether Caddy keeps a header's values out of its logs.
func unlogged(name string) bool {
	switch name {
	case "Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", policy.KeyHeader:
		return true
	}
	return false
}

// hostTells reports whether the host of a request, or the name that it asked TLS for (RFC 6066,
// section 3), has what looks like a key or a token.
func hostTells(r *http.Request) bool {
	return nameTells(r.Host) || r.TLS != nil && nameTells(r.TLS.ServerName)
}

// nameTells also takes a run of letters and digits that is as long as a key's: clients spell host
// names in lower case, so that its letters say nothing. Digests, which previews of sites are named
// by, have another length.
func nameTells(name string) bool {
	return quotesToken(name) || quotesKey(strings.ToLower(name)) ||
		anyRun(name, func(run string) bool { return len(run) == keyDigits })
}

// withoutHost takes out of r, which is a copy, what its host and TLS tell.
func withoutHost(r *http.Request) {
	if nameTells(r.Host) {
		r.Host = redacted
	}
	if r.TLS != nil && nameTells(r.TLS.ServerName) {
		state := *r.TLS
		state.ServerName = redacted
		r.TLS = &state
	}
}
