package telemetry

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/policy"
)

// AccessLog writes the access-log entry of requests that hold a secret where Caddy would log it: a
// key in X-Vendgate-Key or where an app's SDKs put one, or a token in the address or a header.
// Caddy copies a request's header for its log before any handler runs, and redacts only
// Authorization and cookies in it. So its entry is skipped and this one written in its place, alike
// but for the secret and for fields that other handlers add.
type AccessLog struct {
	// Logger writes the entries, under Caddy's names for its loggers.
	Logger *zap.Logger
	// Errors takes what failed behind the handler, see [AccessLog.PassOn], and one line for each call
	// that failed.
	Errors *slog.Logger
	// Manages says that there is a connection manager, whose addresses hold tokens.
	Manages bool
	// Calls begins the addresses of the gateway's own calls; see redactCall. Empty means no such.
	Calls string
	// Domains are those below which every address is one of a call.
	Domains policy.Domains
	// Users shows end users; nil shows their address. Otherwise every entry is replaced.
	Users *Users
	// Placement says where an app's calls may have a key.
	Placement func(app string) *inject.Placement
}

// Serve serves r through next, and writes the entry where Caddy must not.
func (l *AccessLog) Serve(w http.ResponseWriter, r *http.Request,
	next func(http.ResponseWriter, *http.Request) error) error {
	if !l.covers(r) {
		return next(w, r)
	}
	return l.replace(w, r, next)
}

// covers reports whether Caddy's entry for r must be replaced.
func (l *AccessLog) covers(r *http.Request) bool {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if !ok || server.Logs == nil {
		return false
	}
	_, keyed := r.Header[policy.KeyHeader]
	return (keyed || l.Users != nil || l.placed(r).fills(r.Header) || l.tells(r)) && logsHost(server.Logs, r.Host)
}

// coversAnswer is covers for a request that holds no secret, and an answer to it whose header does.
func (l *AccessLog) coversAnswer(r *http.Request, h http.Header) bool {
	server, ok := r.Context().Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	return ok && server.Logs != nil && l.Manages && anyHeader(h) && logsHost(server.Logs, r.Host)
}

// tells reports whether what Caddy would log of r holds a token. Our own pages send no referrer,
// but not every client obeys, and proxies in front name the address in headers of their own.
func (l *AccessLog) tells(r *http.Request) bool {
	if !l.Manages { // there are no links, but there are keys
		return quotesKey(r.RequestURI) || anyKey(r.Header) || hostTells(r)
	}
	_, uri := l.redact(r.Host, r.RequestURI)
	return uri || anyHeader(r.Header) || hostTells(r)
}

// redact is redactURI or redactCall.
func (l *AccessLog) redact(host, uri string) (string, bool) {
	if _, _, _, byHost := l.Domains.Split(host); byHost {
		return redactCallByHost(uri)
	}
	if l.Calls != "" && strings.HasPrefix(uri, l.Calls) {
		return redactCall(uri, l.Calls)
	}
	return redactURI(uri)
}

// logsHost reports whether Caddy would log a request for host, by the same rules.
func logsHost(logs *caddyhttp.ServerLogConfig, host string) bool {
	host = httpx.WithoutPort(host)
	matches := func(pattern string) bool { return certmagic.MatchWildcard(host, pattern) }
	if slices.ContainsFunc(slices.Collect(maps.Keys(logs.LoggerNames)), matches) {
		return true
	}
	return !logs.SkipUnmappedHosts && !slices.ContainsFunc(logs.SkipHosts, matches)
}

// replace serves r through next and writes the entry.
func (l *AccessLog) replace(w http.ResponseWriter, r *http.Request,
	next func(http.ResponseWriter, *http.Request) error) error {
	e := l.open(w, r)
	if e == nil {
		return next(w, r)
	}
	body := &countedBody{ReadCloser: r.Body}
	r = r.WithContext(r.Context()) // the caller's request keeps its body
	r.Body = body
	defer func() { e.write(body.n.Load()) }() //nolint:contextcheck // the entry's request carries it
	return next(e.ResponseRecorder, r)
}

// entry is what will be logged of a request in the place of Caddy's entry.
type entry struct {
	caddyhttp.ResponseRecorder

	log     *AccessLog
	logs    *caddyhttp.ServerLogConfig
	request *http.Request // as it came, redacted
	start   time.Time
}

// Unwrap lets http.ResponseController flush and hijack.
func (e *entry) Unwrap() http.ResponseWriter { return e.ResponseRecorder }

// open skips Caddy's entry for r and prepares one. It is nil where there is to be no entry, or
// another handler of ours writes it.
func (l *AccessLog) open(w http.ResponseWriter, r *http.Request) *entry {
	ctx := r.Context()
	if skip, _ := caddyhttp.GetVar(ctx, caddyhttp.LogSkipVar).(bool); skip {
		return nil
	}
	caddyhttp.SetVar(ctx, caddyhttp.LogSkipVar, true)
	request := r.Clone(ctx) // before it can change
	if _, keyed := request.Header[policy.KeyHeader]; keyed {
		request.Header.Set(policy.KeyHeader, redacted)
	}
	if c := l.placed(r); c.fills(r.Header) {
		c.redact(request)
	}
	if l.tells(request) {
		request.RequestURI, _ = l.redact(request.Host, request.RequestURI)
		request.Header = redactHeader(request.Header)
		if request.Header.Get("Referer") != "" {
			request.Header.Set("Referer", redacted) // a provider's may hold the state
		}
	}
	request.RequestURI, request.Header = l.Users.text(request.RequestURI), l.Users.header(request.Header)
	return &entry{caddyhttp.NewResponseRecorder(w, nil, nil), l,
		ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server).Logs,
		request, time.Now()}
}

// write writes the entry; read is how many bytes of the request's body were.
func (e *entry) write(read int64) {
	ctx := e.request.Context()
	level, message := logLevel(ctx, e.Status()), "handled request"
	if unhandled, _ := caddyhttp.GetVar(ctx, "unhandled").(bool); unhandled {
		message = "NOP" // Caddy's word for a request that no handler answered
	}
	fields := append(e.fields(time.Since(e.start)), zap.Int64("bytes_read", read))
	for _, name := range loggerNames(ctx, e.logs, e.request.Host) {
		logger := e.log.Logger
		if name != "" {
			logger = logger.Named(name)
		}
		if checked := logger.Check(level, message); checked != nil {
			checked.Write(fields...)
		}
	}
}

// countedBody counts what was read of a body. The transport may still be reading when the entry is
// written.
type countedBody struct {
	io.ReadCloser
	n atomic.Int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n.Add(int64(n))
	return n, err
}

// logLevel is error for a status from 500 on, unless a handler chose a level.
func logLevel(ctx context.Context, status int) zapcore.Level {
	if name, ok := caddyhttp.GetVar(ctx, caddyhttp.LogLevelVar).(string); ok {
		if level, err := zapcore.ParseLevel(name); err == nil && level >= zapcore.DebugLevel && level <= zapcore.ErrorLevel {
			return level
		}
	}
	if status >= http.StatusInternalServerError {
		return zapcore.ErrorLevel
	}
	return zapcore.InfoLevel
}

func (e *entry) fields(took time.Duration) []zap.Field {
	shown, credentials := *e.request, e.logs.ShouldLogCredentials
	withoutHost(&shown)
	fields := []zap.Field{
		zap.Object("request", caddyhttp.LoggableHTTPRequest{Request: &shown, ShouldLogCredentials: credentials}),
		zap.String("user_id", userID(e.request.Context())),
		zap.Duration("duration", took),
		zap.Int("size", e.Size()),
		zap.Int("status", e.Status()),
		zap.Object("resp_headers",
			caddyhttp.LoggableHTTPHeader{Header: e.log.Users.header(redactHeader(e.Header())),
				ShouldLogCredentials: credentials}),
	}
	if f, ok := caddyhttp.GetVar(e.request.Context(), eventVar).(zapcore.ObjectMarshaler); ok {
		fields = append(fields, zap.Object("vendgate", f))
	}
	return fields
}

// userID is what Caddy's authentication handlers found out, if one ran.
func userID(ctx context.Context) string {
	repl, ok := ctx.Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	id, _ := repl.GetString("http.auth.user.id")
	return id
}

// eventVar hands the event of a call, or the id of another request, from the handler to the entry
// around it.
const eventVar = "vendgate.event"

// loggerNames lists the access loggers that Caddy would use for host, by the same rules.
func loggerNames(ctx context.Context, logs *caddyhttp.ServerLogConfig, host string) []string {
	if names, ok := caddyhttp.GetVar(ctx, caddyhttp.AccessLoggerNameVarKey).([]any); ok {
		list := make([]string, 0, len(names))
		for _, n := range names {
			name, _ := n.(string)
			list = append(list, name)
		}
		return list
	}
	host = strings.ToLower(httpx.WithoutPort(host))
	if names, ok := logs.LoggerNames[host]; ok {
		return names
	}
	labels := strings.Split(host, ".")
	for i := range labels {
		if labels[i] == "" {
			continue
		}
		labels[i] = "*"
		if names, ok := logs.LoggerNames[strings.Join(labels, ".")]; ok {
			return names
		}
	}
	return []string{logs.DefaultLoggerName}
}
