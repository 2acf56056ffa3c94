package inject

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// signer signs a finished upstream request: its URL, headers and every other placement are
// already what will be sent, and it belongs to the transport alone.
type signer interface {
	// headers names the headers that sign sets, so that hygiene removes the caller's.
	headers() []string
	// sign sets those headers. It may replace the body by a copy in memory, within the scheme's
	// bound; a larger body is a *vending.Error with `request_too_large`.
	sign(r *http.Request, cred vending.Credential, now time.Time) error
}
