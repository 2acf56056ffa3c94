package telemetry

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/gateway"
)

// Observer makes metrics, access-log fields and placeholders of the gateway's calls, and keeps from
// Caddy's logs what they must not have.
type Observer struct {
	AccessLog *AccessLog
	Metrics   *Metrics
}

// Begin implements gateway.Observer.
func (o Observer) Begin(r *http.Request, e *gateway.Event) *http.Request {
	e.ID = RequestID(r)
	r = o.AccessLog.hide(r)
	o.Metrics.inFlight.Inc()
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(o.placeholders(e))
	}
	return r
}

// placeholders serves those of a call.
func (o Observer) placeholders(e *gateway.Event) caddy.ReplacerFunc {
	if o.AccessLog.Users == nil {
		return (*loggedEvent)(e).placeholder
	}
	return func(key string) (any, bool) {
		switch key {
		case "vendgate.user":
			return o.AccessLog.Users.shown(e.User), true
		case "vendgate.connection": // the caller may have named anything
			return o.AccessLog.Users.text((*loggedEvent)(e).shownConnection()), true
		}
		return (*loggedEvent)(e).placeholder(key)
	}
}

// Response implements gateway.Observer: where the header of an answer holds a token, the entry of
// Caddy's access log is replaced by one that does not.
func (o Observer) Response(w http.ResponseWriter, r *http.Request, h http.Header,
	e *gateway.Event) http.ResponseWriter {
	if !o.AccessLog.coversAnswer(r, h) {
		return w
	}
	entry := o.AccessLog.open(w, r)
	if entry == nil {
		return w
	}
	entry.start = e.Start
	return entry
}

// End implements gateway.Observer.
func (o Observer) End(w http.ResponseWriter, r *http.Request, e *gateway.Event) {
	o.Metrics.inFlight.Dec()
	o.Metrics.count(e)
	e.Connection, e.Cause = o.AccessLog.Users.text(e.Connection), o.AccessLog.Users.text(e.Cause)
	LogEvent(r.Context(), e)
	o.AccessLog.LogFailure(r, e) //nolint:contextcheck // it says why
	if entry, ok := w.(*entry); ok {
		entry.write(e.Read) //nolint:contextcheck // its request has it
	}
}

var _ gateway.Observer = Observer{}
