package inject

import (
	"cmp"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/secretscan"
)

// ownHost tells whether a host is one of the app's, and how paths to it begin if it is not the
// upstream's.
func (inj *Injection) ownHost(host string) (at string, own bool) {
	for _, extra := range inj.placement.app.ExtraHosts {
		if sameHost(host, extra) {
			return extraPrefix + extra, true
		}
	}
	if at, own = inj.patternHost(host); own {
		return at, true
	}
	if o := inj.placement.outside; o != nil && o.host != "" && sameHost(host, o.host) {
		return o.at, true
	}
	main := inj.host
	if len(inj.at) > len(extraPrefix) {
		var err error
		if main, _, err = inj.placement.upstream.resolve(inj.credential()); err != nil {
			return "", false
		}
	}
	return "", sameHost(host, main) || inj.mayServe(host)
}

// patternHost is the place of a host that fits a pattern of the app's extra hosts, and is not the
// upstream's.
func (inj *Injection) patternHost(host string) (at string, own bool) {
	if !slices.ContainsFunc(inj.placement.app.ExtraHosts, catalog.IsHostPattern) {
		return "", false
	}
	name, port := cutPort(host)
	name = strings.ToLower(asciiName(name)) + port
	if !inj.placement.app.HasExtraHost(name) || inj.coveredTwice(name) {
		return "", false
	}
	return extraPrefix + name, true
}

// coveredTwice reports whether a host that fits a pattern is that of the upstream or of what lies
// outside of the API: it is reached in the way that rules know, and in no other.
func (inj *Injection) coveredTwice(host string) bool {
	main, _, err := inj.placement.upstream.resolve(inj.credential())
	if err == nil && sameHost(host, main) {
		return true
	}
	o := inj.placement.outside
	return o != nil && o.host != "" && sameHost(host, o.host)
}

// namedPath returns the path of the upstream for a path at one of the other names of its site. It
// is not named where the gateway would not take a call for that: then the link is not one to the
// app.
func (inj *Injection) namedPath(host, path string, gw func() Gateway) (to string, named bool) {
	names := inj.credential().SiteNames()
	if len(names) == 0 {
		return "", false
	}
	_, base, err := inj.placement.upstream.resolve(inj.credential())
	if err != nil {
		return "", false
	}
	site := strings.TrimSuffix(base, inj.placement.upstream.path)
	path = resolve("/", cmp.Or(path, "/"))
	for _, name := range names {
		nameHost, namePath := cutAt(name, '/')
		rest, below := strings.CutPrefix(path, namePath)
		if !below || rest != "" && rest[0] != '/' || !sameHost(host, nameHost) {
			continue
		}
		if inj.reaches(site+rest, gw()) {
			return site + rest, true
		}
	}
	return "", false
}

// rewriteURL keeps the form of the reference: an absolute URL stays absolute, a path stays a path.
// Empty is one that has no safe form.
func (inj *Injection) rewriteURL(raw string, gw func() Gateway) string {
	to, _ := inj.rewrite(raw, gw)
	return to
}

// rewrite is rewriteURL that also reports whether the link leads to the app by way of the gateway.
func (inj *Injection) rewrite(raw string, gw func() Gateway) (to string, inside bool) {
	r := parseURLReference(raw)
	switch {
	case r.scheme != "" && r.scheme != "http" && r.scheme != "https":
		return raw, false
	case r.scheme != "" && r.authority == "":
		return "", false // to browsers, `http:/x` is a path or a host, which depends on the scheme of the gateway
	case r.authority != "":
		return inj.rewriteAbsolute(raw, r, gw)
	case r.path == "":
		return inj.withoutKeys(r), true // resolves to the request's own path
	case r.path[0] == '/':
		return inj.place(r, inj.at, "", gw)
	}
	return inj.rewriteRelative(r, gw)
}

func (inj *Injection) rewriteAbsolute(raw string, r urlReference, gw func() Gateway) (to string, inside bool) {
	host, userinfo := r.host()
	if len(host) > maxHostName+len(":65535") {
		return "", false // no client finds a host of that name
	}
	host = asciiHost(host)
	at, own := inj.ownHost(host)
	if own && !userinfo {
		if at == "" && !inj.reaches(r.path, gw()) { // it may be the host alone that the site has in common with its name
			if path, named := inj.namedPath(host, r.path, gw); named {
				r.path = path
			}
		}
		return inj.place(r, at, host, gw)
	}
	if g := gw(); g.IsOwn(host) || strings.Contains(raw, `\`) && g.quotedIn(raw) {
		return "", false // what it would lead to, the provider has no say in
	}
	if path, named := inj.namedPath(host, r.path, gw); named && !userinfo {
		r.path = path
		return inj.place(r, "", host, gw)
	}
	return raw, false
}

// rewriteRelative leaves what resolves against the request's own path as it would at the upstream.
func (inj *Injection) rewriteRelative(r urlReference, gw func() Gateway) (to string, inside bool) {
	whole := r
	whole.path = resolve(cmp.Or(inj.base+inj.path, "/"), r.path)
	to, inside = inj.place(whole, inj.at, "", gw)
	// A call without a path of its own has another base at the gateway than at the upstream.
	asIs := inj.path != "" && strings.HasSuffix(whole.path, "/"+r.path) && !holdsDotSegment(r.path)
	if _, base := gw().placed(inj.placement, inj.at); asIs && to != "" && to[0] == '/' && strings.HasPrefix(to, base) {
		return inj.withoutKeys(r), true
	}
	return to, inside
}

// place returns r, whose path is absolute, as a link to the gateway; host is empty for a path
// alone. What the gateway has no path for, or refuses, only the upstream can serve.
func (inj *Injection) place(r urlReference, at, host string, gw func() Gateway) (link string, inside bool) {
	if r.path != "" {
		r.path = resolve("/", r.path)
	}
	g := gw()
	path, inside := inj.locate(at, r.path)
	if !inside || g.Takes != nil && !g.Takes(path) {
		to := cmp.Or(strings.ToLower(host), inj.host)
		return inj.placement.upstream.scheme + "://" + to + inj.withoutKeys(r), false
	}
	origin, path := g.placed(inj.placement, path)
	// Of a path alone, two slashes in front would make an authority, and nothing the page itself (RFC
	// 3986, section 4.2).
	if r.path = cmp.Or(path, "/"); host != "" || origin != g.Origin || strings.HasPrefix(path, "//") {
		r.path = origin + path
	}
	return inj.withoutKeys(r), true
}

// reaches reports whether the gateway would take a call for a path of the upstream, which is
// absolute.
func (inj *Injection) reaches(path string, g Gateway) bool {
	located, inside := inj.locate("", resolve("/", cmp.Or(path, "/")))
	return inside && (g.Takes == nil || g.Takes(located))
}

// locate returns the gateway's path for a path at one of the app's places. Not ok is what the
// gateway has no path for. At the upstream's own host that is what follows its base path and the
// credential's path prefix, or a declared path outside of the API.
func (inj *Injection) locate(at, path string) (located string, ok bool) {
	o := inj.placement.outside
	switch {
	case o != nil && at == o.at && o.host != "":
		return at + path, o.refusal(path) == nil
	case len(at) > len(extraPrefix):
		return at + path, true
	}
	outside, declared := inj.outsidePath(o, path)
	if declared && inj.at == o.at {
		return outside, true // where a path is both, a call stays on its side
	}
	if located, ok = inj.belowBase(path); !ok && declared {
		return outside, true
	}
	return located, ok
}

// outsidePath returns the gateway's path for a path of the upstream's host that o declares: what
// follows the path of the connection's site.
func (inj *Injection) outsidePath(o *outsideAPI, path string) (located string, ok bool) {
	if o == nil || o.host != "" {
		return "", false
	}
	_, base, _ := inj.placement.upstream.resolve(inj.credential()) // the call's own host was resolved from it
	rest, ok := strings.CutPrefix(path, strings.TrimSuffix(base, inj.placement.upstream.path))
	return o.at + rest, ok && o.refusal(rest) == nil
}

// belowBase cuts the upstream's base path and the credential's path prefix off.
func (inj *Injection) belowBase(path string) (rest string, ok bool) {
	if len(inj.placement.otherPrefixes) > 0 {
		return inj.belowPrefix(path)
	}
	base := inj.base
	if inj.at != "" {
		_, base, _ = inj.placement.upstream.resolve(inj.credential()) // an app with other places has no prefix
	}
	rest, ok = strings.CutPrefix(path, base)
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	at, _, err := inj.placement.Split(rest)
	return rest, at == "" && err == nil
}

// withoutKeys spells path, query and fragment of r without the query parameters that carry the
// credential, under the names that the placement gives them or others.
func (inj *Injection) withoutKeys(r urlReference) string {
	query := inj.withoutSecrets(inj.placement.cleanQuery(strings.TrimPrefix(r.query, "?")))
	if query != "" || r.query == "?" {
		query = "?" + query
	}
	return r.path + query + r.fragment
}

// belowPrefix returns the gateway's path for a path of the upstream that is below one of several
// path prefixes.
func (inj *Injection) belowPrefix(path string) (located string, ok bool) {
	cred := inj.credential()
	_, base, err := inj.placement.upstream.resolve(cred)
	if err != nil {
		return "", false
	}
	below := func(t template) (string, bool) {
		filled, err := t.fill(cred, pathSegment)
		if err != nil {
			return "", false
		}
		return catalog.CutHead(path, base+filled)
	}
	for _, other := range inj.placement.otherPrefixes {
		if rest, ok := below(other.template); ok {
			return other.head + rest, true
		}
	}
	if located, ok = below(inj.placement.prefix); !ok {
		return "", false
	}
	for _, other := range inj.placement.otherPrefixes {
		if _, other := catalog.CutHead(located, other.head); other {
			return "", false // which the gateway takes for a path below the other prefix
		}
	}
	return located, true
}

// withoutSecrets removes from the query of a link every parameter that holds the credential, as
// paging of some APIs has it (`access_token` of Facebook's), under whatever name. It looks at the
// query as it is and decoded, which costs little: bodies may hold thousands of links.
func (inj *Injection) withoutSecrets(query string) string {
	if query == "" || !inj.holdsSecret(query) {
		return query
	}
	return withoutParameters(query, inj.holdsSecret)
}

func (inj *Injection) holdsSecret(text string) bool {
	decoded := lenientDecode(text)
	return slices.ContainsFunc(inj.secrets().Values(), func(v string) bool {
		return len(v) >= secretscan.MinLength && (strings.Contains(text, v) || strings.Contains(decoded, v))
	})
}
