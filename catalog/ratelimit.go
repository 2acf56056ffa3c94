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
