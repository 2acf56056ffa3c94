package inject

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"github.com/vendgate/vendgate/catalog"
)

// ownHost tells whether a host is one of the app's, and how paths to it begin if it is not the
// upstream's.
func (x *Injection) ownHost(host string) (at string, own bool) {
	for _, extra := range x.placement.app.ExtraHosts {
		if sameHost(host, extra) {
			return extraPrefix + extra, true
		}
	}
	if at, own = x.patternHost(host); own {
		return at, true
	}
	if b := x.placement.beside; b != nil && b.host != "" && sameHost(host, b.host) {
		return b.at, true
	}
	main := x.host
	if len(x.at) > len(extraPrefix) {
		var err error
		if main, _, err = x.placement.upstream.resolve(x.credential()); err != nil {
			return "", false
		}
	}
	return "", sameHost(host, main) || x.mayServe(host)
}

// patternHost is the place of a host that fits a pattern of the app's extra hosts, and is not the
// upstream's.
func (x *Injection) patternHost(host string) (at string, own bool) {
	if !slices.ContainsFunc(x.placement.app.ExtraHosts, catalog.IsHostPattern) {
		return "", false
	}
	name, port := cutPort(host)
	name = strings.ToLower(asciiName(name)) + port
	if !x.placement.app.HasExtraHost(name) || x.coveredTwice(name) {
		return "", false
	}
	return extraPrefix + name, true
}

// coveredTwice reports whether a host that fits a pattern is that of the upstream or of what lies
// beside the API: it is reached in the way that rules know, and in no other.
func (x *Injection) coveredTwice(host string) bool {
	main, _, err := x.placement.upstream.resolve(x.credential())
	if err == nil && sameHost(host, main) {
		return true
	}
	b := x.placement.beside
	return b != nil && b.host != "" && sameHost(host, b.host)
}

// namedPath returns the path of the upstream for a path at one of the other names of its site. It
// is not named where the gateway would not take a call for that: then the link is not one to the
// app.
func (x *Injection) namedPath(host, path string, gw func() Gateway) (to string, named bool) {
	names := x.credential().SiteNames()
	if len(names) == 0 {
		return "", false
	}
	_, base, err := x.placement.upstream.resolve(x.credential())
	if err != nil {
		return "", false
	}
	site := strings.TrimSuffix(base, x.placement.upstream.path)
	path = resolve("/", cmp.Or(path, "/"))
	for _, name := range names {
		nameHost, namePath := cutAt(name, '/')
		rest, below := strings.CutPrefix(path, namePath)
		if !below || rest != "" && rest[0] != '/' || !sameHost(host, nameHost) {
			continue
		}
		if x.reaches(site+rest, gw()) {
			return site + rest, true
		}
	}
	return "", false
}

// sameHost compares two hosts with their ports. Those of http and https are like none: behind a
// proxy that ends TLS, a site may name itself by the other scheme, or by one scheme and the other's
// port, and is the same site. A link is fetched from the connection's own host all the same.
func sameHost(host, other string) bool {
	name, port := cutPort(host)
	otherName, otherPort := cutPort(other)
	return port == otherPort && strings.EqualFold(asciiName(name), asciiName(otherName))
}

// asciiName is a host name without the dot of the root, and an international one in its ASCII form.
// To find that takes time that grows with the square of the length, so that what is too long for a
// name stays as it is.
func asciiName(name string) string {
	name = strings.TrimSuffix(name, ".")
	if onlyASCII(name) || len(name) > maxHostName {
		return name
	}
	if ascii, err := idna.Lookup.ToASCII(name); err == nil {
		return ascii
	}
	return name
}

// asciiHost is a host with its name in ASCII, for what is compared with many. It is empty where an
// international name has no such form.
func asciiHost(host string) string {
	if onlyASCII(host) {
		return host
	}
	name, port := cutPort(host)
	if name = asciiName(name); !onlyASCII(name) {
		return ""
	}
	return name + port
}

func onlyASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
