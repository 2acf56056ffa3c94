package inject

import (
	"cmp"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// outsideAPI is what an app has outside of its API, compiled.
type outsideAPI struct {
	// at is how paths to it begin: `/~`, or `/~` and a host of its own, which host is then.
	at, host string
	patterns [][]string
	// base are the segments of the path below which the API is, folded; nil at another host.
	base []string
	// placement is how the credential gets there.
	placement *Placement
	paths     string // for messages
}

// newOutsideAPI compiles what of app lies outside of the API that api is the placement of.
func newOutsideAPI(app *catalog.App, api *Placement) (*outsideAPI, error) {
	entry := app.Beside
	there := *app
	if entry.Placement != nil {
		there.Placement = entry.Placement
	}
	p, err := newPlacement(&there)
	if err != nil {
		return nil, err
	}
	// No caller names itself there by what the API takes.
	for name := range api.sets {
		p.sets.add(name)
	}
	for key := range api.setsKeys {
		p.setsKeys.add(key)
	}
	for _, h := range api.keys.headers {
		p.keys.addHeader(h.name)
	}
	p.keys.query = len(p.setsKeys) > 0
	p.compileRemoved()
	o := &outsideAPI{at: extraPrefix + entry.Host, host: entry.Host, placement: p}
	for _, pattern := range entry.Paths {
		o.patterns = append(o.patterns, strings.Split(pattern[1:], "/"))
	}
	o.paths = o.at + strings.Join(entry.Paths, ", "+o.at)
	if base, err := url.PathUnescape(cmp.Or(entry.API, api.upstream.path)); err == nil && entry.Host == "" && base != "" {
		for segment := range strings.SplitSeq(base[1:], "/") {
			o.base = append(o.base, foldSegment(segment))
		}
	}
	p.app, p.outside, p.apart = app, o, entry.Placement != nil
	return o, nil
}

// refusal is nil for a raw path that the entry declares. Only plain spellings count: a path that a
// server could read as another one, such as one below the base path, would pass rules by.
func (o *outsideAPI) refusal(rawPath string) error {
	decoded, err := url.PathUnescape(rawPath)
	if err != nil || !plainlySpelt(rawPath, decoded) {
		return vending.Refuse(vending.InvalidRequest,
			"the path after ~ is invalid: write it without empty segments, encoded slashes, or ; and % as data")
	}
	if !o.declares(decoded) {
		return vending.Refuse(vending.InvalidRequest,
			"the app does not declare this path; outside of its API it has "+o.paths)
	}
	return nil
}

func plainlySpelt(raw, decoded string) bool {
	return strings.HasPrefix(raw, "/") && !strings.Contains(raw, "//") && utf8.ValidString(decoded) &&
		!strings.ContainsAny(decoded, `%;?#\`) && !holdsDotSegment(decoded) &&
		strings.Count(raw, "/") == strings.Count(decoded, "/") &&
		!strings.ContainsFunc(decoded, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func (o *outsideAPI) declares(decoded string) bool {
	segments := strings.Split(decoded[1:], "/")
	if o.belowBase(segments) {
		return false
	}
	for _, pattern := range o.patterns {
		if matchSegments(pattern, segments) {
			return true
		}
	}
	return false
}

// belowBase reports whether a server may take the path for one of the API. Characters outside of
// ASCII, some of which servers take for ASCII ones, count as any.
func (o *outsideAPI) belowBase(segments []string) bool {
	if len(o.base) == 0 || len(segments) < len(o.base) {
		return false
	}
	for i, want := range o.base {
		if got := segments[i]; isASCIIText(got) && foldSegment(got) != want {
			return false
		}
	}
	return true
}

func isASCIIText(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) < 0
}

// foldSegment joins what servers join: upper and lower case, and dots or spaces at the end, which
// names of Windows lose.
func foldSegment(s string) string { return strings.ToLower(strings.TrimRight(s, ". ")) }

// matchSegments matches a pattern of [catalog.Beside]. An empty segment matches nothing but `**`.
func matchSegments(pattern, segments []string) bool {
	if len(pattern) == 0 || len(segments) == 0 {
		return len(pattern) == len(segments)
	}
	if pattern[0] == "**" {
		if len(pattern) == 1 {
			return true
		}
		for i := 1; i < len(segments); i++ {
			if matchSegments(pattern[1:], segments[i:]) {
				return true
			}
		}
		return false
	}
	matched, err := path.Match(pattern[0], segments[0])
	return err == nil && matched && segments[0] != "" && matchSegments(pattern[1:], segments[1:])
}
