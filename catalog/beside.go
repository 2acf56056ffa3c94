package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Beside is what an app has outside of its API: git over HTTP, private assets. The caller reaches
// it by a path that begins with `/~` and Host, so with `/~/` at the upstream's own host; what
// follows is the path from that host's root. It gets the credential, so that nothing is reachable
// but Paths.
type Beside struct {
	// Host is a fixed host, where it is another one than that of the upstream.
	Host string `json:"host,omitempty"`
	// Paths are patterns of the decoded path: `*` matches within one segment, and `**`, as the
	// first or the last segment, one segment or more. None of them reaches below the upstream's
	// base path, which rules judge by other paths.
	Paths []string `json:"paths"`
	// API is the path below which the host has its API, `/api`, where the upstream has no base path
	// of its own. None of Paths reaches below it either.
	API string `json:"api,omitempty"`
	// Placement says where the credential goes there, if not where it goes in calls of the API: git
	// servers want HTTP Basic.
	Placement *Placement `json:"placement,omitempty"`
}

// beside checks what is outside of the API.
func (c checker) beside() error {
	b := c.Beside
	if b == nil {
		return nil
	}
	if len(b.Paths) == 0 {
		return errors.New("beside has no paths: write those that may be called, like /*/*.git/info/refs, or take it out")
	}
	if err := c.besideHost(); err != nil {
		return err
	}
	for i, pattern := range b.Paths {
		if err := checkBesidePath(pattern); err != nil {
			return fmt.Errorf("beside.paths: %w", err)
		}
		if slices.Contains(b.Paths[:i], pattern) {
			return fmt.Errorf("beside.paths: %s is a duplicate: keep one", pattern)
		}
		if base := c.basePath(); b.Host == "" && base != "" && strings.HasPrefix(pattern, base+"/") {
			return fmt.Errorf("beside.paths: %s is below the upstream's path: take it out, since calls reach it without ~",
				pattern)
		}
	}
	switch {
	case b.API == "":
	case b.Host != "" || c.basePath() != "":
		return errors.New("beside.api says where the API is below an upstream without a base path: " +
			"write the upstream without its path, or take beside.api out")
	case checkBesidePath(b.API) != nil || strings.Contains(b.API, "*") || strings.HasSuffix(b.API, "/"):
		return fmt.Errorf("beside.api: %q is invalid: write the decoded path below which the API is, like /api", b.API)
	}
	return c.besidePlacement()
}

// basePath is the path of the upstream without a slash at its end.
func (c checker) basePath() string {
	_, path := splitURL(c.Upstream)
	return strings.TrimRight(path, "/")
}

func (c checker) besideHost() error {
	b := c.Beside
	if b.Host == "" {
		if c.basePath() == "" && b.Placement == nil {
			return errors.New("beside: the upstream has no base path, so that every path is reachable: take it out, or write " +
				"a host or a placement")
		}
		return nil
	}
	if slices.Contains(c.ExtraHosts, b.Host) {
		return fmt.Errorf("beside.host: %s is one of extra_hosts: take it out of one of them", b.Host)
	}
	return c.otherHost("beside.host", b.Host)
}

// besidePlacement holds a placement of its own to the rules of the app's: no request goes out bare.
func (c checker) besidePlacement() error {
	p := c.Beside.Placement
	switch {
	case c.Placement != nil && c.Placement.PathPrefix != "":
		return errors.New("beside: a path prefix is the upstream's alone: declare another app for these paths")
	case p == nil:
		return nil
	case p.PathPrefix != "":
		return errors.New("beside.placement: a path prefix is the upstream's alone: write a header, query or basic")
	case c.Sign != nil || c.OAuth1 != nil:
		return errors.New("beside.placement: the app's requests are signed: take it out")
	}
	probe := *c.App
	probe.Placement = p
	for _, rule := range []func() error{checker{&probe}.placement, checker{&probe}.secrecy} {
		if err := rule(); err != nil {
			return fmt.Errorf("beside: %w", err)
		}
	}
	return nil
}

// checkBesidePath wants a segment that is at least in part literal: what is open must have a name.
func checkBesidePath(pattern string) error {
	invalid := fmt.Errorf("%q is invalid: write a decoded path like /*/*.git/info/refs or /uploads/**, where * matches "+
		"within one segment and ** matches segments at the beginning or at the end", pattern)
	if !strings.HasPrefix(pattern, "/") || strings.ContainsAny(pattern, "%?#;\\[]{} ") ||
		strings.ContainsFunc(pattern, isControl) {
		return invalid
	}
	segments, named := strings.Split(pattern[1:], "/"), false
	for i, s := range segments {
		wild := strings.Contains(s, "**")
		if s == "" || s == "." || s == ".." || wild && (s != "**" || i > 0 && i < len(segments)-1) {
			return invalid
		}
		named = named || strings.Trim(s, "*") != ""
	}
	if !named || strings.HasPrefix(segments[0], "~") {
		return invalid
	}
	return nil
}
