package inject

import (
	"errors"
	"strings"

	"golang.org/x/net/idna"
)

// maxSitePath bounds the path of a site, in bytes.
const maxSitePath = 256

// splitSite splits the value of a host that may go on with a path, `example.com/blog`.
func splitSite(v string) (host, path string, err error) {
	end := strings.IndexByte(v, '/')
	if end < 0 {
		return v, "", nil
	}
	if host, path = v[:end], v[end:]; !isSitePath(path) {
		return "", "", errors.New("has an invalid path after the host")
	}
	return host, path, nil
}

// isSitePath accepts what people give folders, and nothing that a server could read otherwise than
// it is written: no encoding, no parameter, no empty or dot segment, and no dot at a segment's end.
func isSitePath(path string) bool {
	if len(path) < 2 || len(path) > maxSitePath || path[0] != '/' {
		return false
	}
	for segment := range strings.SplitSeq(path[1:], "/") {
		if segment == "" || segment[len(segment)-1] == '.' {
			return false
		}
		for i := range len(segment) {
			if c := segment[i]; !isAlnum(c) && strings.IndexByte("-._~", c) < 0 {
				return false
			}
		}
	}
	return true
}

// Site is an address of a site in the form of a host's value: `host[:port][/path]`, in ASCII and
// lower case but for the path.
type Site struct{ Host, Path string }

// ParseSite reads the address by which a site calls itself, an absolute http or https URL. The
// scheme is dropped, as is a port that is a scheme's default: behind a proxy that ends TLS, sites
// name the wrong one. It is not ok where links to it could be read in more than one way.
func ParseSite(raw string) (s Site, ok bool) {
	r := parseURLReference(raw)
	if r.scheme != "http" && r.scheme != "https" || r.authority == "" || r.query+r.fragment != "" ||
		strings.Contains(raw, `\`) {
		return Site{}, false
	}
	host, userinfo := r.host()
	path := strings.TrimRight(r.path, "/")
	if userinfo || path != "" && !isSitePath(path) {
		return Site{}, false
	}
	name, port := cutPort(host)
	if _, _, err := splitPort(name + port); err != nil {
		return Site{}, false
	}
	name, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
	if err != nil || !isLinkHost(name) {
		return Site{}, false
	}
	return Site{Host: strings.ToLower(name) + port, Path: path}, true
}

// String is the site as it is stored.
func (s Site) String() string { return s.Host + s.Path }
