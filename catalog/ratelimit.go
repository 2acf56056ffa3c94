package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// RateLimit is a provider's own way to say that it has had too many calls.
type RateLimit struct {
	// Statuses are those that mean it, besides 429.
	Statuses []int `json:"statuses,omitempty"`
	// When are header fields that must have these values for one of Statuses to mean it.
	When map[string]string `json:"when,omitempty"`
	// RetryAfter is the header that says when to call again, in Format, where there is no
	// `Retry-After`.
	RetryAfter string `json:"retry_after,omitempty"`
	// Format is `seconds` or `ms` from now, `unix` or `unix_ms` for a time.
	Format string `json:"format,omitempty"`
}

// TooMany reports whether an answer says that the provider has had too many calls: by 429, or in
// the app's own way.
func (a *App) TooMany(status int, h http.Header) bool {
	own := a.RateLimit
	if own == nil || !slices.Contains(own.Statuses, status) {
		return status == http.StatusTooManyRequests
	}
	for name, value := range own.When {
		if !slices.Contains(h.Values(name), value) {
			return false
		}
	}
	return true
}

// rateLimit checks how the provider tells of its limits.
func (c checker) rateLimit() error {
	r := c.RateLimit
	if r == nil {
		return nil
	}
	for _, status := range r.Statuses {
		if status < 400 || status > 599 || status == 401 || status == 429 {
			return fmt.Errorf("rate_limit.statuses: %d: write statuses other than 429, such as 403", status)
		}
	}
	for _, name := range append(slices.Sorted(maps.Keys(r.When)), r.RetryAfter) {
		if name != "" && strings.ContainsFunc(name, notToken) {
			return fmt.Errorf("rate_limit: %q is not a header name: write it like X-RateLimit-Reset", name)
		}
	}
	switch {
	case len(r.Statuses) == 0 && r.RetryAfter == "":
		return errors.New("rate_limit is empty: write statuses or retry_after, or leave it out")
	case len(r.Statuses) == 0 && len(r.When) > 0:
		return errors.New("rate_limit.when narrows statuses, which are missing: write some, or take when out")
	case r.RetryAfter == "" && r.Format != "":
		return errors.New("rate_limit.format is the format of retry_after, which is missing: write it, or take format out")
	case r.RetryAfter != "" && !slices.Contains([]string{"seconds", "ms", "unix", "unix_ms"}, r.Format):
		return fmt.Errorf("rate_limit.format %q is unknown: write seconds, ms, unix or unix_ms", r.Format)
	}
	return nil
}
