package inject

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// extraPrefix begins a path to one of an app's extra hosts, `/~upload.example.com/v1`, or to what
// it has outside of its API, `/~/group/repo.git`. No host name begins with "~", and hardly any
// path.
const extraPrefix = "/~"

// Split takes what names a place other than the upstream off a caller's raw path, which is empty or
// begins with "/": at is `/~` and a declared extra host, or how paths to what is outside of the
// app's API begin, which is `/~` alone at the upstream's own host. It is empty for a path of the
// upstream itself, and path is then all of it. An app without such places has every path. Of any
// other, a path that a server might read as beginning with "~" is that of a declared place, letter
// for letter, or `invalid_request`: a misspelt host must not end as a path at another one.
func (p *Placement) Split(rawPath string) (at, path string, err error) {
	if len(p.app.ExtraHosts) == 0 && p.outside == nil || !mayBeExtra(rawPath) {
		return "", rawPath, nil
	}
	if rest, ok := strings.CutPrefix(rawPath, extraPrefix); ok {
		name, _, _ := strings.Cut(rest, "/")
		at, path = rawPath[:len(extraPrefix)+len(name)], rest[len(name):]
		if p.outside != nil && at == p.outside.at {
			return at, path, p.outside.refusal(path)
		}
		if p.app.HasExtraHost(name) {
			return at, path, nil
		}
	}
	return "", "", vending.Refuse(vending.InvalidRequest,
		"the host after ~ is not one of the app's other hosts: write "+strings.Join(p.elsewhere(), " or "))
}

// elsewhere are the places besides the upstream, as paths to them begin, for messages.
func (p *Placement) elsewhere() (list []string) {
	for _, host := range p.app.ExtraHosts {
		list = append(list, "~"+host)
	}
	if p.outside != nil {
		list = append(list, p.outside.at[1:]+"/…")
	}
	return list
}

// onePlace refuses a host that fits a pattern and is reached otherwise: a tenant's rules for paths
// of the upstream would be passed by.
func (inj *Injection) onePlace() error {
	app := inj.placement.app
	outside := inj.placement.outside != nil && inj.at == inj.placement.outside.at
	if slices.Contains(app.ExtraHosts, inj.host) || outside || !inj.coveredTwice(inj.host) {
		return nil
	}
	return vending.Refuse(vending.InvalidRequest,
		"the host after ~ is that of the app's own API: leave out ~ and the host")
}

// maxDecodings bounds how often a path is decoded. The gateway takes none that is encoded so often.
const maxDecodings = 8

// mayBeExtra reports whether a path begins with "~" in any reading: decoded however often, and
// behind empty segments. One that is encoded too often may begin with anything.
func mayBeExtra(path string) bool {
	for range maxDecodings {
		decoded := lenientDecode(path)
		if decoded == path {
			return strings.HasPrefix(strings.TrimLeft(path, "/"), "~")
		}
		path = decoded
	}
	return true
}

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
			return "", vending.Refuse(vending.UnknownApp, "the app has no host with this label: "+p.labels())
		}
		return extraPrefix + host + rawPath, nil
	}
	if p.hasPlaces() && mayBeExtra(rawPath) {
		return rawPath, nil // [Placement.Split] judges what follows ~
	}
	if p.outsideByPath() && p.outside.refusal(rawPath) == nil {
		return p.outside.at + rawPath, nil
	}
	base := p.upstream.path
	if base == "" {
		return rawPath, nil
	}
	if rest, below := catalog.CutHead(rawPath, base); below {
		// To a call by path it would name another host.
		if at, _, err := p.Split(rest); err != nil || at != "" {
			return "", vending.Refuse(vending.InvalidRequest, "a path of the app's API cannot begin with ~ after "+base)
		}
		return rest, nil
	}
	return "", vending.Refuse(vending.InvalidRequest,
		"the path is outside of the app's API: at this host its paths begin with "+base)
}

// outsideByPath reports whether the path alone tells what is outside of the API, at the same host,
// from the API.
func (p *Placement) outsideByPath() bool {
	return p.outside != nil && p.outside.host == "" && len(p.outside.base) > 0
}

func (p *Placement) hasPlaces() bool { return len(p.app.ExtraHosts) > 0 || p.outside != nil }

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
