package caddymodule

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/gateway"
)

// observer makes metrics, access-log fields and placeholders of the gateway's calls, and keeps from
// Caddy's logs what they must not have.
type observer struct {
	accessLog *accessLog
	metrics   *metrics
}

// Begin implements gateway.Observer.
func (o observer) Begin(r *http.Request, e *gateway.Event) *http.Request {
	r = o.accessLog.hide(r)
	o.metrics.inFlight.Inc()
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map((*loggedEvent)(e).placeholder)
	}
	return r
}

// Response implements gateway.Observer: where the header of an answer holds a token, the entry of
// Caddy's access log is replaced by one that does not.
func (o observer) Response(w http.ResponseWriter, r *http.Request, h http.Header,
	e *gateway.Event) http.ResponseWriter {
	if !o.accessLog.coversAnswer(r, h) {
		return w
	}
	entry := o.accessLog.open(w, r)
	if entry == nil {
		return w
	}
	entry.begun = e.Begun
	return entry
}

// End implements gateway.Observer.
func (o observer) End(w http.ResponseWriter, r *http.Request, e *gateway.Event) {
	o.metrics.inFlight.Dec()
	o.metrics.count(e)
	logEvent(r.Context(), e)
	if entry, ok := w.(*entry); ok {
		entry.write(e.Read)
	}
}

var _ gateway.Observer = observer{}
