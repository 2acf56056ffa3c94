package catalog

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

// SiteNames say where a self-hosted app tells by which addresses it calls itself, in the links of
// its answers. They take the place of the connection's own address in links and are never called.
type SiteNames struct {
	// URL is requested by GET with the credential when a connection is made. Its host is the
	// upstream's, slot and all, `https://{host}/wp-json/`.
	URL string `json:"url"`
	// Paths lead to the addresses in its JSON, as those of a `capture` do, without brackets.
	Paths []string `json:"paths"`
	// Pattern is a regular expression with one group, which is the address; empty takes all of the
	// text.
	Pattern string `json:"pattern,omitempty"`
}

// siteNames checks where a site tells its names. Only the connection's own site is asked: any other
// would get its credential.
func (c checker) siteNames() error {
	n := c.SiteNames
	if n == nil {
		return nil
	}
	own, _ := splitURL(c.Upstream)
	authority, path := splitURL(n.URL)
	scheme, _, _ := strings.Cut(c.Upstream, "://")
	decoded, err := url.PathUnescape(path)
	switch {
	case !strings.Contains(own, "{"):
		return errors.New("site_names: the upstream has one fixed host, and no other name: take site_names out")
	case authority != own || !strings.HasPrefix(n.URL, scheme+"://"):
		return errors.New("site_names.url must have the upstream's scheme and host: write it like https://{host}/wp-json/")
	case strings.ContainsAny(path, "{}#") || err != nil || strings.ContainsFunc(decoded, isControl):
		return errors.New("site_names.url holds a placeholder, a fragment or a control character after its host: take it out")
	case len(n.Paths) == 0:
		return errors.New("site_names.paths is empty: write the members that hold an address, like home")
	}
	for _, p := range n.Paths {
		if !capturePath.MatchString(p) || strings.ContainsAny(p, "[]") {
			return errors.New("site_names.paths must be names joined by dots, like home or links.0.href")
		}
	}
	if pattern, err := regexp.Compile(n.Pattern); err != nil || n.Pattern != "" && pattern.NumSubexp() != 1 {
		return errors.New("site_names.pattern must be a regular expression with one group: write it like ^(https://.*)/api$")
	}
	return nil
}
