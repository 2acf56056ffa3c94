package telemetry

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/policy"
)

// PassOn serves a request that is not the gateway's by the next handler. If that fails a request
// with a key in X-Vendgate-Key, or with what looks like a token, it is answered here, with the bare
// status and without the site's handle_errors: Caddy would log the request with the error, the
// secret with the request, and no setting of it redacts that.
func (l *AccessLog) PassOn(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	_, keyed := r.Header[policy.KeyHeader]
	tells := keyed || (&AccessLog{Manages: l.Manages}).tells(r) // other handlers may change r
	err := next.ServeHTTP(w, r)
	if err == nil || !tells {
		return err
	}
	status := http.StatusInternalServerError
	var failure caddyhttp.HandlerError
	if errors.As(err, &failure) && failure.StatusCode != 0 {
		status = failure.StatusCode
	}
	if status >= http.StatusInternalServerError {
		text := err.Error()
		if quotesToken(text) {
			text = redacted // of a file, say, whose name is the address
		}
		l.Errors.Error("handler behind the gateway failed", "status", status, "error", text)
	}
	w.WriteHeader(status)
	return nil
}
