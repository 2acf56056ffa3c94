package inject

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// extraPrefix begins a path to one of an app's extra hosts: `/~upload.example.com/v1`. No host name begins with "~", and hardly any path.
const extraPrefix = "/~"

// Split takes the extra host off a caller's raw path, which is empty or begins with "/"; host is empty for a path of the upstream
// itself. An app without extra hosts has every path. Of any other, a path that a server might read as beginning with "~" is that of
// a declared host, letter for letter, or `invalid_request`: a misspelt host must not end as a path at another one.
func (p *Placement) Split(rawPath string) (host, path string, err error) {
	hosts := p.app.ExtraHosts
	if len(hosts) == 0 || !mayBeExtra(rawPath) {
		return "", rawPath, nil
	}
	if rest, ok := strings.CutPrefix(rawPath, extraPrefix); ok {
		host, _, _ = strings.Cut(rest, "/")
		if slices.Contains(hosts, host) {
			return host, rest[len(host):], nil
		}
	}
	return "", "", vending.Refuse(vending.InvalidRequest, "what follows ~ is none of the app's other hosts; write ~"+strings.Join(hosts, " or ~"))
}

// mayBeExtra reports whether a path begins with "~" in any reading: decoded however often, and behind empty segments.
func mayBeExtra(path string) bool {
	for {
		decoded := lenientDecode(path)
		if decoded == path {
			return strings.HasPrefix(strings.TrimLeft(path, "/"), "~")
		}
		path = decoded
	}
}
