package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// extraHosts checks the other hosts. They get the credential, so that none may be the choice of an
// end user.
func (c checker) extraHosts() error {
	for i, host := range c.ExtraHosts {
		if slices.Contains(c.ExtraHosts[:i], host) {
			return fmt.Errorf("extra_hosts: %s is there twice: keep one", host)
		}
		check := func() error { return c.otherHost("extra_hosts", host) }
		if IsHostPattern(host) {
			check = func() error { return c.hostPattern(host) }
		}
		if err := check(); err != nil {
			return err
		}
	}
	if len(c.ExtraHosts) > 0 && c.Placement != nil && c.Placement.PathPrefix != "" {
		return errors.New("extra_hosts: a path prefix is the upstream's alone: declare another app for these hosts")
	}
	return nil
}

// otherHost checks a host besides the upstream's. It may have a port.
func (c checker) otherHost(where, host string) error {
	main, _ := splitURL(c.Upstream)
	switch {
	case strings.ContainsAny(host, "{}"):
		return fmt.Errorf("%s: %q holds a placeholder: write a fixed host", where, host)
	case strings.Contains(host, "/"):
		return fmt.Errorf("%s: %q is no host: write it like upload.example.com", where, host)
	case host == main:
		return fmt.Errorf("%s: %s is the upstream's host: take it out", where, host)
	}
	u, err := c.endpoint(where, "https://"+host)
	if err != nil {
		return err
	}
	if u.Host != host || u.Path != "" || u.RawQuery != "" {
		return fmt.Errorf("%s: %q is no host: write it like upload.example.com", where, host)
	}
	return nil
}

// defaultHeaders checks what is sent where the caller sends nothing else. The text is sent as it
// is.
func (c checker) defaultHeaders() error {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(c.Headers)) {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("headers: %w", err)
		}
		value, key := c.Headers[name], strings.ReplaceAll(strings.ToLower(name), "_", "-")
		if seen[key] {
			return fmt.Errorf("headers: %s is set twice: keep one spelling", name)
		}
		seen[key] = true
		switch {
		case key == "x-user-email" || key == "x-external-user-id" || strings.HasPrefix(key, "vendgate-") ||
			strings.HasPrefix(key, "x-vendgate-") ||
			strings.HasPrefix(key, "proxy-") || strings.HasPrefix(key, "x-forwarded") ||
			strings.Contains(key, "method-override") || key == "x-http-method":
			return fmt.Errorf("headers: %s is the gateway's to judge or to remove: take it out", name)
		case value == "" || strings.TrimSpace(value) != value || strings.ContainsFunc(value, isControl):
			return fmt.Errorf("headers %s: must be text without a line break or spaces around it", name)
		case strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Cookie"):
			return fmt.Errorf("headers: %s is for credentials: write a placement", name)
		case c.Placement != nil && setsHeader(c.Placement.Header, name):
			return fmt.Errorf("headers: the placement sets %s: keep one of them", name)
		}
	}
	return nil
}

// rateLimit checks how the provider tells of its limits.
func (c checker) rateLimit() error {
	r := c.RateLimit
	if r == nil {
		return nil
	}
	for _, status := range r.Statuses {
		if status < 400 || status > 599 || status == 401 || status == 429 {
			return fmt.Errorf("rate_limit.statuses: %d: write those beside 429, such as 403", status)
		}
	}
	for _, name := range append(slices.Sorted(maps.Keys(r.When)), r.RetryAfter) {
		if name != "" && strings.ContainsFunc(name, notToken) {
			return fmt.Errorf("rate_limit: %q is no header name: write it like X-RateLimit-Reset", name)
		}
	}
	switch {
	case len(r.Statuses) == 0 && r.RetryAfter == "":
		return errors.New("rate_limit says nothing: write statuses or retry_after, or leave it out")
	case len(r.Statuses) == 0 && len(r.When) > 0:
		return errors.New("rate_limit.when narrows statuses, and there are none: write them, or take it out")
	case r.RetryAfter == "" && r.Format != "":
		return errors.New("rate_limit.format is that of retry_after, and there is none: write it, or take format out")
	case r.RetryAfter != "" && !slices.Contains([]string{"seconds", "ms", "unix", "unix_ms"}, r.Format):
		return fmt.Errorf("rate_limit.format %q is unknown: write seconds, ms, unix or unix_ms", r.Format)
	}
	return nil
}
