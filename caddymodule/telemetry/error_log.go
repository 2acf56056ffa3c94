package telemetry

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/policy"
)

// PassOn serves a request that is not the gateway's by the next handler. If that fails a request
// with a key in X-Vendgate-Key, or with what looks like a token, it is answered here, with the bare
// status and without the site's handle_errors: Caddy would log the request with the error, the
// secret with the request, and no setting of it redacts that.
func (l *AccessLog) PassOn(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	_, keyed := r.Header[policy.KeyHeader]
	tells := keyed || l.Users != nil || (&AccessLog{Manages: l.Manages}).tells(r) // other handlers may change r
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
		text = l.Users.text(text)
		l.Errors.Error("handler behind the gateway failed", "request", Identify(w, r), "status", status, "error", text)
	} else {
		Identify(w, r)
	}
	w.WriteHeader(status)
	return nil
}

// LogFailure writes the line of a call that failed, or whose answer broke off. What the caller
// alone can repair is for DEBUG; the access log has it, too. Caddy's own rule is the same.
func (l *AccessLog) LogFailure(r *http.Request, e *gateway.Event) {
	level, message := slog.LevelDebug, "call failed"
	switch {
	case e.Code == gateway.Aborted, e.Code == "" && e.Cause == "":
		return
	case e.Code == "":
		level, message = slog.LevelWarn, "the provider's response broke off"
	case e.Logged: // once, and not by each call
	case e.Code.Status() >= http.StatusInternalServerError:
		level = slog.LevelError
	}
	ctx := context.Background() // Caddy would add to the line what other handlers do to the access log
	if !l.Errors.Enabled(ctx, level) {
		return
	}
	fields := []slog.Attr{
		slog.String("request", e.ID), slog.String("tenant", e.Tenant),
		slog.String("connection", (*loggedEvent)(e).shownConnection()), slog.String("app", e.App),
		slog.String("method", r.Method), slog.String("path", l.toldPath(r)),
	}
	for _, f := range []slog.Attr{
		slog.String("caller_key", e.CallerKey), slog.String("code", string(e.Code)),
		slog.String("origin", string(e.Origin)), slog.Int("upstream_status", e.Status), slog.String("error", e.Cause),
	} {
		if !f.Value.Equal(slog.StringValue("")) && !f.Value.Equal(slog.IntValue(0)) {
			fields = append(fields, f)
		}
	}
	l.Errors.LogAttrs(ctx, level, message, fields...)
}

// toldPath is the path of a call as the access log has it, without the query.
func (l *AccessLog) toldPath(r *http.Request) string {
	told := r.RequestURI
	if c := l.placed(r); c.placement != nil {
		told = c.uri(told)
	}
	told, _ = l.redact(r.Host, told)
	path, _, _ := strings.Cut(told, "?")
	return l.Users.text(path)
}
