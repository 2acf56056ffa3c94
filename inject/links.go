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

// RewriteLinks turns URLs of the app's upstream and of its extra hosts into gateway URLs, so that pagination and resumable
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
	if err != nil || u.Opaque != "" || u.User != nil || u.Host == "" && u.Scheme != "" {
		return raw
	}
	if u.Host == "" {
		if !strings.HasPrefix(u.Path, "/") {
			return x.withoutKeys(u)
		}
		path, inside := x.belowBase(x.extra, u.EscapedPath())
		if !inside {
			// Only the upstream can serve it: a path would resolve against the gateway.
			u.Scheme, u.Host = x.placement.upstream.scheme, x.host
			return x.withoutKeys(u)
		}
		return gw().Path + path + x.afterPath(u)
	}
	extra, own := x.ownHost(u)
	if !own {
		return raw
	}
	path, inside := x.belowBase(extra, u.EscapedPath())
	if !inside {
		u.Scheme, u.Host = x.placement.upstream.scheme, strings.ToLower(u.Host)
		return x.withoutKeys(u)
	}
	g := gw()
	return g.Origin + g.Path + path + x.afterPath(u)
}

// belowBase returns the gateway's path for a path of an extra host or, where that is empty, of the upstream: what follows its base
// path and the credential's path prefix. Not inside is what the gateway has no path for.
func (x *Exchange) belowBase(extra, path string) (string, bool) {
	if extra != "" {
		return extraPrefix + extra + path, true
	}
	base := x.base
	if x.extra != "" {
		base = x.placement.upstream.path // an app with extra hosts has no prefix
	}
	rest, ok := strings.CutPrefix(path, base)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	host, _, err := x.placement.Split(rest)
	return rest, host == "" && err == nil
}

// afterPath spells query and fragment of u.
func (x *Exchange) afterPath(u *url.URL) string {
	u.Scheme, u.Host, u.Path, u.RawPath = "", "", "", ""
	return x.withoutKeys(u)
}

// withoutKeys spells u without the query parameters that carry the credential.
func (x *Exchange) withoutKeys(u *url.URL) string {
	u.RawQuery = x.placement.cleanQuery(u.RawQuery)
	return u.String()
}

// ownHost tells whether u is on one of the app's hosts, and which if it is an extra one. Hosts are compared with their ports; a missing
// port is the scheme's default.
func (x *Exchange) ownHost(u *url.URL) (extra string, own bool) {
	ours := x.placement.upstream.scheme
	scheme := u.Scheme
	if scheme == "" {
		scheme = ours
	}
	if scheme != "https" && scheme != ours {
		return "", false
	}
	host := withPort(scheme, strings.ToLower(u.Host))
	for _, extra := range x.placement.app.ExtraHosts {
		if host == withPort(ours, extra) {
			return extra, true
		}
	}
	main := x.host
	if x.extra != "" {
		var err error
		if main, err = x.placement.upstream.resolve(x.credential()); err != nil {
			return "", false
		}
	}
	return "", host == withPort(ours, main)
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
