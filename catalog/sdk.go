package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// SDK is the client library by whose default base URL the upstream was chosen: the paths that the
// library appends must come out right behind the upstream, too.
type SDK struct {
	// Package is its name at npm, `@notionhq/client`, or at another registry, which comes first:
	// `pypi:vt-py`, `gem:gems`, `go:code.gitea.io/sdk/gitea`.
	Package string `json:"package"`
	// Version is the one in whose source BaseURL was read.
	Version string `json:"version,omitempty"`
	// BaseURL is its default base URL, with the slots of the upstream. It is the upstream, or below
	// it, or below one of the extra hosts: the rest is what callers append to the address of the app.
	BaseURL string `json:"base_url"`
}

// sdk checks that the paths of the app's SDK come out right.
func (c checker) sdk() error {
	s := c.SDK
	if s == nil {
		return nil
	}
	if s.Package == "" || strings.ContainsFunc(s.Package, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return errors.New("sdk.package is missing or invalid: write the name of a package, like @notionhq/client")
	}
	host, path := splitURL(s.BaseURL)
	if strings.ContainsAny(path, "{}?#") {
		return errors.New("sdk.base_url holds a placeholder, a query or a fragment after the host: take it out")
	}
	if err := c.slottedURL("sdk.base_url", s.BaseURL); err != nil {
		return err
	}
	main, _ := splitURL(c.Upstream)
	switch {
	case slices.Contains(c.ExtraHosts, host):
		return nil
	case host != main:
		return fmt.Errorf("sdk.base_url: %s is neither the upstream's host nor one of extra_hosts: add it there", host)
	}
	if base := c.basePath(); !below(path, base) {
		return fmt.Errorf("sdk.base_url: the upstream ends in %s, which the SDK appends to its base URL again: "+
			"take it out of the upstream", base)
	}
	return nil
}

// below reports whether path is base, or below it.
func below(path, base string) bool {
	_, ok := CutHead(path, base)
	return ok
}
