package inject

import (
	"net/http"
	"net/url"
	"strings"
)

// Gateway is where the caller reached us: what takes the upstream's place in links.
type Gateway struct {
	// Origin is scheme and host, `https://gateway.example`.
	Origin string
	// Path is the raw path of the app, `/proxy/{connection_id}/{app}`, without a trailing slash.
	Path string
}

// linkHeaders hold one URL each; `Link` (RFC 8288) holds several.
var linkHeaders = []string{"Location", "Content-Location"}

// RewriteLinks turns URLs of x's own upstream into gateway URLs, so that pagination and resumable
// uploads stay behind the gateway. Other URLs stay as they are.
func (x *Exchange) RewriteLinks(h http.Header, gw func() Gateway) {
	for _, name := range linkHeaders {
		for i, v := range h[name] {
			h[name][i] = x.rewriteURL(v, gw)
		}
	}
	for i, v := range h["Link"] {
		h["Link"][i] = x.rewriteLinkValue(v, gw)
	}
}

// rewriteLinkValue rewrites what stands between angle brackets outside of quoted strings.
func (x *Exchange) rewriteLinkValue(v string, gw func() Gateway) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\' && quoted && i+1 < len(v):
			b.WriteByte(c)
			i++
			b.WriteByte(v[i])
			continue
		case c == '"':
			quoted = !quoted
		case c == '<' && !quoted:
			if end := strings.IndexByte(v[i:], '>'); end > 0 {
				b.WriteByte('<')
				b.WriteString(x.rewriteURL(v[i+1:i+end], gw))
				i += end - 1
				continue
			}
		}
		b.WriteByte(v[i])
	}
	return b.String()
}

// rewriteURL keeps the form of the reference: an absolute URL stays absolute, an absolute path stays a
// path. What is relative to the request's own path resolves correctly as it is.
func (x *Exchange) rewriteURL(raw string, gw func() Gateway) string {
	u, err := url.Parse(raw)
	if err != nil || u.Opaque != "" || u.User != nil {
		return raw
	}
	own := u.Host != "" && x.ownHost(u)
	switch {
	case u.Host != "" && !own, u.Host == "" && u.Scheme != "":
		return raw
	case u.Host == "" && !strings.HasPrefix(u.Path, "/"):
		return x.withoutKeys(u)
	}
	path, inside := x.belowBase(u.EscapedPath())
	if !inside {
		// Only the upstream can serve it: a path would resolve against the gateway.
		u.Scheme, u.Host = x.placement.upstream.scheme, x.host
		return x.withoutKeys(u)
	}
	g := gw()
	u.Scheme, u.Host, u.Path, u.RawPath = "", "", "", ""
	rest := x.withoutKeys(u)
	if own {
		return g.Origin + g.Path + path + rest
	}
	return g.Path + path + rest
}

// belowBase returns what follows the upstream's base path and the credential's path prefix.
func (x *Exchange) belowBase(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, x.placement.upstream.path+x.prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return rest, true
}

// withoutKeys spells u without the query parameters that carry the credential.
func (x *Exchange) withoutKeys(u *url.URL) string {
	u.RawQuery = x.placement.cleanQuery(u.RawQuery)
	return u.String()
}

// ownHost compares host and port with the one that was called; a missing port is the scheme's default.
func (x *Exchange) ownHost(u *url.URL) bool {
	scheme := u.Scheme
	if scheme == "" {
		scheme = x.placement.upstream.scheme
	}
	if scheme != "https" && scheme != x.placement.upstream.scheme {
		return false
	}
	return withPort(scheme, strings.ToLower(u.Host)) == withPort(x.placement.upstream.scheme, x.host)
}

func withPort(scheme, host string) string {
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return host
	}
	if scheme == "http" {
		return host + ":80"
	}
	return host + ":443"
}
