package vendgate

import (
	"fmt"
	"net/url"
	"sort"
	"strings"
)

// hostMap maps URLs of an app's hosts to the gateway's, byte for byte, and refuses all others.
// ../testdata/hosts.json says how.
type hostMap struct {
	root   target
	prefix string
	app    string
	fields map[string]string
	places []*place
	// elsewhere says that the app has other places than its upstream.
	elsewhere bool
}

func newHostMap(o *Options, root target, hosts []Host, fields map[string]string) *hostMap {
	m := &hostMap{root: root, app: o.App, fields: fields}
	m.prefix = strings.TrimRight(root.path, "/") + "/proxy/" + escape(o.Connection) + "/" + escape(o.App)
	for _, h := range hosts {
		m.places = append(m.places, compile(h, fields))
		m.elsewhere = m.elsewhere || strings.HasPrefix(h.Path, "/~")
	}
	// Fixed hosts come before patterns, long base paths before short ones, and some paths before all.
	sort.SliceStable(m.places, func(i, j int) bool {
		a, b := m.places[i], m.places[j]
		switch {
		case a.rank != b.rank:
			return a.rank < b.rank
		case len(a.BasePath) != len(b.BasePath):
			return len(a.BasePath) > len(b.BasePath)
		}
		return len(a.paths) > 0 && len(b.paths) == 0
	})
	return m
}

// find returns the gateway's URL for one of the app's, or of the gateway itself for this
// connection. All others are a *RefusedError.
func (m *hostMap) find(raw string) (string, error) {
	u, err := parse(raw)
	if err != nil {
		return "", err
	}
	if holdsDots(u.path) {
		return "", refuse(ReasonDots, "the path holds dot segments, which servers resolve: write it without them")
	}
	linked, own := cutSegments(u.path, m.prefix)
	if u.scheme == m.root.scheme && u.host == m.root.host {
		if !own {
			return "",
				refuse(ReasonGateway, fmt.Sprintf("%s of the gateway does not belong to this connection of %s", u.path, m.app))
		}
		return m.url(linked + u.query), nil
	}
	here := m.at(u, func(p *place) bool { return p.any.MatchString(u.host) })
	switch {
	case len(here) == 0:
		return "",
			refuse(ReasonHost, fmt.Sprintf("%s is not a host of %s, which has %s", shown(u.scheme, u.host), m.app, m.shown()))
	case own: // a path of the gateway's, in Location or Link, that a client has resolved against the provider's URL
		return m.url(linked + u.query), nil
	}
	mine := m.at(u, func(p *place) bool {
		return p.any.MatchString(u.host) && p.own.MatchString(u.host) && (p.whole == "" || p.whole == u.host)
	})
	if len(mine) == 0 {
		return "", refuse(ReasonAccount,
			fmt.Sprintf("%s is not known to be the host of this connection of %s, whose fields say which is", u.host, m.app))
	}
	for _, p := range mine {
		rest, ok, err := m.below(p, u.path)
		if err != nil {
			return "", err
		}
		if ok {
			return m.url(p.at(u.host) + rest + u.query), nil
		}
	}
	return "", refuse(ReasonPath, fmt.Sprintf("%s is outside of what %s has at %s", u.path, m.app, u.host))
}

func (m *hostMap) at(u target, matches func(*place) bool) (found []*place) {
	for _, p := range m.places {
		if p.Scheme == u.scheme && matches(p) {
			found = append(found, p)
		}
	}
	return found
}

func (m *hostMap) url(rest string) string {
	return m.root.scheme + "://" + m.root.host + m.prefix + rest
}

func (m *hostMap) shown() string {
	names := make([]string, len(m.places))
	for i, p := range m.places {
		names[i] = shown(p.Scheme, p.Host.Host)
	}
	return strings.Join(names, ", ")
}

func shown(scheme, host string) string {
	if scheme == "http" {
		return "http://" + host
	}
	return host
}

// below returns what follows the base path; not ok is a path that is not at this place.
func (m *hostMap) below(p *place, path string) (rest string, ok bool, err error) {
	if len(p.paths) > 0 {
		path, ok = cutSegments(path, p.site)
		for _, pattern := range p.paths {
			if ok && pattern.MatchString(path) {
				return path, true, nil
			}
		}
		return "", false, nil
	}
	found := p.base.FindStringSubmatch(path)
	if found == nil {
		return "", false, nil
	}
	for i, name := range p.slots {
		raw := found[i+1]
		decoded, _ := url.PathUnescape(raw)
		if value, known := m.fields[name]; known && value != raw && value != decoded {
			return "", false,
				refuse(ReasonAccount, fmt.Sprintf("%s in the path is not the %s of this connection of %s", raw, name, m.app))
		}
	}
	rest = found[len(found)-1]
	return rest, p.Path != "" || !m.elsewhere || !mayBePlace(rest), nil
}

// at is the place's path for the host that is called.
func (p *place) at(called string) string {
	if !strings.ContainsAny(p.Host.Host, "{*") {
		return p.Path
	}
	return strings.Replace(p.Path, p.Host.Host, called, 1)
}

// cutSegments cuts prefix off at the end of a segment.
func cutSegments(path, prefix string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, prefix)
	return rest, ok && (rest == "" || rest[0] == '/')
}
