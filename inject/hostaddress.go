package inject

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// PathByHost returns the path of a call, as [NewInjection] and rules have it, for a call that names
// the app by host: label is empty, or the label of one of the app's extra hosts, and rawPath is the
// provider's own, byte for byte. So the base path of the upstream is a part of it, and is cut off;
// what the connection fills in, a site's path or a path prefix, is not.
//
// A path outside of the base path is `invalid_request`, as it cannot be called by path either:
// rules that were written for the API would not see that it is outside of it. What the app declares
// to have there is taken.
func (p *Placement) PathByHost(label, rawPath string) (string, error) {
	if label != "" {
		host, ok := p.app.HostLabels[label]
		if !ok {
			return "", vending.Refuse(vending.UnknownApp, "the app has no host of this label; "+p.labels())
		}
		return extraPrefix + host + rawPath, nil
	}
	if p.hasPlaces() && mayBeExtra(rawPath) {
		return rawPath, nil // [Placement.Split] judges what follows ~
	}
	if p.besidePlainly() && p.beside.refusal(rawPath) == nil {
		return p.beside.at + rawPath, nil
	}
	base := p.upstream.path
	if base == "" {
		return rawPath, nil
	}
	if rest, below := catalog.CutHead(rawPath, base); below {
		// To a call by path it would name another host.
		if at, _, err := p.Split(rest); err != nil || at != "" {
			return "", vending.Refuse(vending.InvalidRequest, "a path of the app's API cannot begin with ~ behind "+base)
		}
		return rest, nil
	}
	return "", vending.Refuse(vending.InvalidRequest,
		"the path is outside of the app's API: at this host its paths begin with "+base)
}

// besidePlainly reports whether the path alone tells what lies beside the API, at the same host,
// from the API.
func (p *Placement) besidePlainly() bool {
	return p.beside != nil && p.beside.host == "" && len(p.beside.base) > 0
}

func (p *Placement) hasPlaces() bool { return len(p.app.ExtraHosts) > 0 || p.beside != nil }

// labels says which labels the app has, for messages.
func (p *Placement) labels() string {
	if len(p.app.HostLabels) == 0 {
		return "its entry declares no host_labels"
	}
	list := make([]string, 0, len(p.app.HostLabels))
	for label := range p.app.HostLabels {
		list = append(list, label)
	}
	slices.Sort(list)
	return "it has " + strings.Join(list, ", ")
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
	case p.besidePlainly() && at == p.beside.at:
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
