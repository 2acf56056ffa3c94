package telemetry

import (
	"context"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/gateway"
)

// loggedEvent shows an event to logs and placeholders.
type loggedEvent gateway.Event

// LogEvent adds the event of a call to Caddy's access-log entry, where one will be written.
func LogEvent(ctx context.Context, event *gateway.Event) {
	extra, ok := ctx.Value(caddyhttp.ExtraLogFieldsCtxKey).(*caddyhttp.ExtraLogFields)
	if server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok && server != nil && server.Logs != nil {
		e := (*loggedEvent)(event)
		extra.Add(zap.Object("vendgate", e))
		caddyhttp.SetVar(ctx, eventVar, e)
	}
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (e *loggedEvent) MarshalLogObject(enc zapcore.ObjectEncoder) error {
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

// shownConnection is the connection that a call named, unless it named a request token instead.
func (e *loggedEvent) shownConnection() string {
	if connect.IsToken(e.Connection) {
		return redacted
	}
	return e.Connection
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// placeholder serves `{vendgate.…}`.
func (e *loggedEvent) placeholder(key string) (any, bool) {
	switch key {
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
