package telemetry

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/vending"
)

// RequestID returns the id by which a request is known: Caddy's `{http.request.uuid}` where it has
// been asked for already, else a new one, which costs a fourth of that. To be called once a
// request.
func RequestID(r *http.Request) string {
	if id, ok := caddyhttp.GetVar(r.Context(), "uuid").(fmt.Stringer); ok {
		return id.String()
	}
	return gateway.NewRequestID()
}

// Identify names the id of a request that is no call in the header of its answer and in its entry
// of the access log.
func Identify(w http.ResponseWriter, r *http.Request) (id string) {
	id = RequestID(r)
	w.Header()[vending.RequestHeader] = []string{id}
	addToLog(r.Context(), identified(id))
	return id
}

// identified shows the id of a request to logs.
type identified string

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (id identified) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("request_id", string(id))
	return nil
}

// loggedEvent shows an event to logs and placeholders.
type loggedEvent gateway.Event

// LogEvent adds the event of a call to Caddy's access-log entry, where one will be written.
func LogEvent(ctx context.Context, event *gateway.Event) { addToLog(ctx, (*loggedEvent)(event)) }

func addToLog(ctx context.Context, e zapcore.ObjectMarshaler) {
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil || server.Logs == nil {
		return
	}
	if extra, ok := ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields); ok {
		extra.Set(zap.Object("vendgate", e))
		caddyhttp.SetVar(ctx, eventVar, e)
	}
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (e *loggedEvent) MarshalLogObject(enc zapcore.ObjectEncoder) error {
	enc.AddString("request_id", e.ID)
	enc.AddString("tenant", e.Tenant)
	enc.AddString("connection", e.shownConnection())
	enc.AddString("app", e.App)
	if e.CallerKey != "" {
		enc.AddString("caller_key", e.CallerKey)
	}
	if e.Code != "" {
		enc.AddString("code", string(e.Code))
		enc.AddString("origin", string(e.Origin))
	}
	if !e.Vending.IsZero() {
		enc.AddFloat64("vend_ms", milliseconds(e.Vend))
	}
	if e.Upstream > 0 {
		enc.AddFloat64("upstream_ms", milliseconds(e.Upstream))
	}
	if e.Status != 0 {
		enc.AddInt("upstream_status", e.Status)
	}
	return nil
}

// shownConnection is the connection that a call named, unless it named a request token or a key
// instead.
func (e *loggedEvent) shownConnection() string {
	if connect.IsToken(e.Connection) || quotesKey(e.Connection) {
		return redacted
	}
	return e.Connection
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// placeholder serves `{vendgate.…}`.
func (e *loggedEvent) placeholder(key string) (any, bool) {
	switch key {
	case "vendgate.request_id":
		return e.ID, true
	case "vendgate.tenant":
		return e.Tenant, true
	case "vendgate.user":
		return e.User, true
	case "vendgate.connection":
		return e.shownConnection(), true
	case "vendgate.app":
		return e.App, true
	case "vendgate.caller_key":
		return e.CallerKey, true
	case "vendgate.code":
		return string(e.Code), true
	case "vendgate.origin":
		return string(e.Origin), true
	}
	return nil, false
}
