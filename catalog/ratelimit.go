package catalog

import (
	"net/http"
	"slices"
)

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

// RateLimit is a provider's own way to say that it has had too many calls.
type RateLimit struct {
	// Statuses are those that mean it, beside 429.
	Statuses []int `json:"statuses,omitempty"`
	// When are header fields that must have these values for one of Statuses to mean it.
	When map[string]string `json:"when,omitempty"`
	// RetryAfter is the header that says when to call again, in Format, where there is no
	// `Retry-After`.
	RetryAfter string `json:"retry_after,omitempty"`
	// Format is `seconds` or `ms` from now, `unix` or `unix_ms` for a time.
	Format string `json:"format,omitempty"`
}
