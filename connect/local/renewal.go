package local

import (
	"sync"
	"time"
)

// renewalPause is how long after a renewal that failed the next one is tried. There are weeks for
// it, and meanwhile the token lasts.
const renewalPause = time.Hour

// renews reports whether a token that lasts is what brings the next one.
func (h *connectionGrant) renews() bool {
	return h.app.OAuth2 != nil && h.app.OAuth2.Renew != nil && h.values.RefreshToken == ""
}

// failedRenewals remembers, by connection, when a renewal failed. Its zero value is ready for use.
type failedRenewals struct{ failed sync.Map }

// due reports whether the connection's token may be renewed now.
func (r *failedRenewals) due(connection string, now time.Time) bool {
	at, failed := r.failed.Load(connection)
	return !failed || now.Sub(at.(time.Time)) >= renewalPause
}

// record keeps the result of a renewal.
func (r *failedRenewals) record(connection string, now time.Time, err error) {
	if err == nil {
		r.forget(connection)
		return
	}
	r.failed.Store(connection, now)
}

// forget drops what no renewal will ask for.
func (r *failedRenewals) forget(connection string) { r.failed.Delete(connection) }
