package inject

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
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
	// besides that of Origin; nil means that it has no other.
	Own func(name string) bool
}

// defaultPrefix is where gateways take calls unless they are told otherwise.
const defaultPrefix = "/proxy/"

// MayCallGateway reports whether the call's address could be that of a call of a gateway. By path,
// `{prefix}/{connection_id}/{app}/…`, it holds the default prefix or, behind another segment, the
// slug of an app for which isApp holds, to whatever server decodes it. By host, `{app}.gw.example`,
// the first label is such a slug. Only such a call can be a part of a loop over gateways.
func (inj *Injection) MayCallGateway(isApp func(slug string) bool) bool {
	label, _, _ := strings.Cut(inj.host, ".")
	if slug, _, _ := strings.Cut(label, catalog.LabelSeparator); isApp(strings.ToLower(slug)) {
		return true
	}
	for path := inj.base + inj.path; ; {
		if holdsCall(path, isApp) {
			return true
		}
		decoded := lenientDecode(path)
		if decoded == path {
			return false
		}
		path = decoded
	}
}

func holdsCall(path string, isApp func(string) bool) bool {
	path = strings.ToLower(path)
	if strings.Contains(path, defaultPrefix) {
		return true
	}
	segments := 0
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		if segments++; segments > 1 && isApp(segment) {
			return true
		}
	}
	return false
}

// placed returns origin and raw path at the gateway for a call's path, as [Placement.PathByHost]
// returns it: the same form of address as the caller's own.
func (g Gateway) placed(p *Placement, path string) (origin, rawPath string) {
	if g.OriginOf == nil {
		return g.Origin, g.Path + path
	}
	at, rest, err := p.Split(path)
	switch {
	case err != nil:
		return g.OriginOf(""), path // never: the gateway takes the path
	case at == "":
		rawPath = p.upstream.path + path
	case p.outsideByPath() && at == p.outside.at:
		rawPath = rest
	default:
		if label, ok := p.app.LabelOf(at[len(extraPrefix):]); ok {
			return g.OriginOf(label), rest
		}
		rawPath = path
	}
	return g.OriginOf(""), rawPath
}

// IsOwn reports whether host, with its port if it has one, is the gateway's own, by any of its
// names.
func (g Gateway) IsOwn(host string) bool {
	_, own, _ := strings.Cut(g.Origin, "://")
	name, _ := cutPort(host)
	return sameHost(host, own) || g.Own != nil && g.Own(strings.ToLower(asciiName(name)))
}

// quotedIn reports whether a URL holds a name of the gateway's in some place: with a backslash,
// what RFC 3986 reads as the host may be another than what browsers do.
func (g Gateway) quotedIn(url string) bool {
	_, own, _ := strings.Cut(g.Origin, "://")
	if strings.Contains(url, own) {
		return true
	}
	return g.Own != nil && slices.ContainsFunc(strings.FieldsFunc(url, endsName), g.IsOwn)
}

func endsName(r rune) bool { return strings.ContainsRune(`/\@?#:`, r) }
