package inject

import (
	"cmp"
	"net/http"
	"strings"
)

// Gateway is where the caller reached us: what takes the upstream's place in links.
type Gateway struct {
	// Origin is scheme and host, `https://gateway.example`.
	Origin string
	// Path is the raw path of the app, `/proxy/{connection_id}/{app}`, without a trailing slash. It is
	// empty where the caller named the app by host.
	Path string
	// Takes reports whether the gateway would take a call for a raw path below Path; nil takes all.
	Takes func(path string) bool
	// OriginOf is set where the caller named the app by host: it returns the origin by which the app's
	// extra host of a label is named, or the upstream's own host if the label is empty.
	OriginOf func(label string) string
	// Own reports whether a host name, in lower case and without a port, is one of the gateway's own
	// beside that of Origin; nil means that it has no other.
	Own func(name string) bool
}

// linkHeaders hold one URL each; `Link` (RFC 8288) holds several.
var linkHeaders = []string{"Location", "Content-Location"}

// RewriteLinks turns URLs of the app's upstream and of its extra hosts into gateway URLs, so that
// pagination and resumable uploads stay behind the gateway. No link leads to a part of the gateway
// beyond the app: what would is left to the upstream, as an absolute URL without the credential, or
// removed where it names the gateway itself. Other URLs stay as they are.
func (x *Injection) RewriteLinks(h http.Header, gw func() Gateway) {
	for _, name := range linkHeaders {
		values := h[name]
		if len(values) == 0 {
			continue
		}
		setOrDelete(h, name, kept(values, func(v string) string { return x.rewriteURL(v, gw) }))
	}
	if values := h["Link"]; len(values) > 0 {
		setOrDelete(h, "Link", kept(values, func(v string) string { return x.rewriteLinkValue(v, gw) }))
	}
	if x.placement.links != nil {
		x.rewriteDeclared(h, gw)
	}
}

// kept returns what rewrite makes of values, without those that it leaves nothing of.
func kept(values []string, rewrite func(string) string) []string {
	list := values[:0]
	for _, v := range values {
		if v = rewrite(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}

func setOrDelete(h http.Header, name string, values []string) {
	if h[name] = values; len(values) == 0 {
		delete(h, name)
	}
}

// rewriteLinkValue rewrites each link of a list (RFC 8288, section 3), and leaves out those that
// have no safe form: an empty one would lead to the same page again.
func (x *Injection) rewriteLinkValue(v string, gw func() Gateway) string {
	var links []string
	for rest := v; rest != ""; {
		end := endOfLink(rest)
		if link, ok := x.rewriteLink(rest[:end], gw); ok {
			links = append(links, link)
		}
		rest = rest[min(end+1, len(rest)):]
	}
	return strings.TrimLeft(strings.Join(links, ","), " ")
}

// endOfLink is where the first link of a list ends: at a comma that is neither quoted nor between
// angle brackets.
func endOfLink(list string) int {
	quoted, inside := false, false
	for i := 0; i < len(list); i++ {
		switch c := list[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"' && !inside:
			quoted = !quoted
		case c == '<' && !quoted:
			inside = true
		case c == '>' && !quoted:
			inside = false
		case c == ',' && !quoted && !inside:
			return i
		}
	}
	return len(list)
}

// rewriteLink rewrites what is between the angle brackets of one link. It is not ok if that has no
// safe form.
func (x *Injection) rewriteLink(link string, gw func() Gateway) (rewritten string, ok bool) {
	before, rest, found := strings.Cut(link, "<")
	target, after, closed := strings.Cut(rest, ">")
	if !found || !closed || strings.Contains(before, `"`) {
		return link, true
	}
	url := x.rewriteURL(target, gw)
	if url == "" && target != "" {
		return "", false
	}
	return before + "<" + url + ">" + after, true
}

// rewriteURL keeps the form of the reference: an absolute URL stays absolute, a path stays a path.
// Empty is one that has no safe form.
func (x *Injection) rewriteURL(raw string, gw func() Gateway) string {
	to, _ := x.rewrite(raw, gw)
	return to
}

// rewrite is rewriteURL that also reports whether the link leads to the app by way of the gateway.
func (x *Injection) rewrite(raw string, gw func() Gateway) (to string, inside bool) {
	r := parseReference(raw)
	switch {
	case r.scheme != "" && r.scheme != "http" && r.scheme != "https":
		return raw, false
	case r.scheme != "" && r.authority == "":
		return "", false // to browsers, `http:/x` is a path or a host, which depends on the scheme of the gateway
	case r.authority != "":
		return x.rewriteAbsolute(raw, r, gw)
	case r.path == "":
		return x.withoutKeys(r), true // resolves to the request's own path
	case r.path[0] == '/':
		return x.place(r, x.at, "", gw)
	}
	return x.rewriteRelative(r, gw)
}

func (x *Injection) rewriteAbsolute(raw string, r reference, gw func() Gateway) (to string, inside bool) {
	host, userinfo := r.host()
	if len(host) > maxHostName+len(":65535") {
		return "", false // no client finds a host of that name
	}
	host = asciiHost(host)
	at, own := x.ownHost(host)
	if own && !userinfo {
		if at == "" && !x.reaches(r.path, gw()) { // it may be the host alone that the site has in common with its name
			if path, named := x.namedPath(host, r.path, gw); named {
				r.path = path
			}
		}
		return x.place(r, at, host, gw)
	}
	if g := gw(); g.IsOwn(host) || strings.Contains(raw, `\`) && g.quotedIn(raw) {
		return "", false // what it would lead to, the provider has no say in
	}
	if path, named := x.namedPath(host, r.path, gw); named && !userinfo {
		r.path = path
		return x.place(r, "", host, gw)
	}
	return raw, false
}

// rewriteRelative leaves what resolves against the request's own path as it would at the upstream.
func (x *Injection) rewriteRelative(r reference, gw func() Gateway) (to string, inside bool) {
	whole := r
	whole.path = resolve(cmp.Or(x.base+x.path, "/"), r.path)
	to, inside = x.place(whole, x.at, "", gw)
	// A call without a path of its own has another base at the gateway than at the upstream.
	asIs := x.path != "" && strings.HasSuffix(whole.path, "/"+r.path) && !holdsDotSegment(r.path)
	if _, base := gw().placed(x.placement, x.at); asIs && to != "" && to[0] == '/' && strings.HasPrefix(to, base) {
		return x.withoutKeys(r), true
	}
	return to, inside
}

// place returns r, whose path is absolute, as a link to the gateway; host is empty for a path
// alone. What the gateway has no path for, or refuses, only the upstream can serve.
func (x *Injection) place(r reference, at, host string, gw func() Gateway) (link string, inside bool) {
	if r.path != "" {
		r.path = resolve("/", r.path)
	}
	g := gw()
	path, inside := x.locate(at, r.path)
	if !inside || g.Takes != nil && !g.Takes(path) {
		to := cmp.Or(strings.ToLower(host), x.host)
		return x.placement.upstream.scheme + "://" + to + x.withoutKeys(r), false
	}
	origin, path := g.placed(x.placement, path)
	// Of a path alone, two slashes in front would make an authority, and nothing the page itself (RFC
	// 3986, section 4.2).
	if r.path = cmp.Or(path, "/"); host != "" || origin != g.Origin || strings.HasPrefix(path, "//") {
		r.path = origin + path
	}
	return x.withoutKeys(r), true
}

// reaches reports whether the gateway would take a call for a path of the upstream, which is
// absolute.
func (x *Injection) reaches(path string, g Gateway) bool {
	located, inside := x.locate("", resolve("/", cmp.Or(path, "/")))
	return inside && (g.Takes == nil || g.Takes(located))
}

// locate returns the gateway's path for a path at one of the app's places. Not ok is what the
// gateway has no path for. At the upstream's own host that is what follows its base path and the
// credential's path prefix, or a declared path beside them.
func (x *Injection) locate(at, path string) (located string, ok bool) {
	b := x.placement.beside
	switch {
	case b != nil && at == b.at && b.host != "":
		return at + path, b.refusal(path) == nil
	case len(at) > len(extraPrefix):
		return at + path, true
	}
	aside, besides := x.asideOf(b, path)
	if besides && x.at == b.at {
		return aside, true // where a path is both, a call stays on its side
	}
	if located, ok = x.belowBase(path); !ok && besides {
		return aside, true
	}
	return located, ok
}

// asideOf returns the gateway's path for a path of the upstream's host that b declares: what
// follows the path of the connection's site.
func (x *Injection) asideOf(b *beside, path string) (located string, ok bool) {
	if b == nil || b.host != "" {
		return "", false
	}
	_, base, _ := x.placement.upstream.resolve(x.credential()) // the call's own host was resolved from it
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(base, x.placement.upstream.path))
	return b.at + rest, ok && b.refusal(rest) == nil
}

// belowBase cuts the upstream's base path and the credential's path prefix off.
func (x *Injection) belowBase(path string) (rest string, ok bool) {
	if len(x.placement.otherPrefixes) > 0 {
		return x.belowPrefix(path)
	}
	base := x.base
	if x.at != "" {
		_, base, _ = x.placement.upstream.resolve(x.credential()) // an app with other places has no prefix
	}
	rest, ok = strings.CutPrefix(path, base)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	at, _, err := x.placement.Split(rest)
	return rest, at == "" && err == nil
}

// withoutKeys spells path, query and fragment of r without the query parameters that carry the
// credential, under the names that the placement gives them or others.
func (x *Injection) withoutKeys(r reference) string {
	query := x.withoutSecrets(x.placement.cleanQuery(strings.TrimPrefix(r.query, "?")))
	if query != "" || r.query == "?" {
		query = "?" + query
	}
	return r.path + query + r.fragment
}
