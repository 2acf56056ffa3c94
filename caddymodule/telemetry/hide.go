package telemetry

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
)

// placed is one of the gateway's own calls as to where its app's SDKs put an API key. What is there
// is kept from every log even if it is no key of ours: it may be a provider's, sent by mistake.
type placed struct {
	placement         *inject.Placement // nil for what is no call of a known app
	head, path, query string            // of the address
}

func (l *AccessLog) placed(r *http.Request) (c placed) {
	if app, ok := l.Domains.App(r.Host); ok {
		return placedByHost(l.Placement(app.Slug), app.Label, r.RequestURI)
	}
	rest, ok := strings.CutPrefix(r.RequestURI, l.Calls)
	if !ok || l.Calls == "" {
		return c
	}
	rest, query, _ := strings.Cut(rest, "?")
	_, app, _ := strings.Cut(rest, "/")
	slug, path := app, ""
	if slash := strings.IndexByte(app, '/'); slash >= 0 {
		slug, path = app[:slash], app[slash:]
	}
	head := r.RequestURI[:len(l.Calls)+len(rest)-len(path)]
	return placed{l.Placement(slug), head, path, query}
}

// placedByHost is placed for a call that names its app by host: its path is behind the base path of
// the app. An extra host has no path prefix, so that its path is read as it is.
func placedByHost(p *inject.Placement, label, uri string) placed {
	path, query, _ := strings.Cut(uri, "?")
	if p == nil {
		return placed{}
	}
	if located, err := p.PathByHost(label, path); err == nil && strings.HasSuffix(path, located) {
		return placed{p, path[:len(path)-len(located)], located, query}
	}
	return placed{p, "", path, query}
}

func (c placed) fills(h http.Header) bool {
	return c.placement != nil && c.placement.Fills(h, c.path, c.query)
}

// redact takes out of r, which is a copy for a log, what is in those places.
func (c placed) redact(r *http.Request) {
	c.placement.RedactHeader(r.Header, c.path)
	r.RequestURI = c.uri(r.RequestURI)
}

// uri is the address as it may be told, as far as those places go.
func (c placed) uri(asked string) string {
	path, query := c.placement.RedactTarget(c.path, c.query, policy.IsKey)
	if path == c.path && query == c.query {
		return asked
	}
	if query != "" {
		query = "?" + query
	}
	return c.head + path + query
}

// hide keeps from placeholders and from Caddy's span what no log may have of a call's address and
// of the headers with a key: `log_append`, `templates` and `tracing` read them when the call is
// over. The call is made by the request that it returns, for the header of r may be changed.
func (l *AccessLog) hide(r *http.Request) *http.Request {
	c, told := l.placed(r), r.RequestURI
	fills := c.fills(r.Header)
	if fills {
		told = c.uri(told)
	}
	told, _ = l.redact(r.Host, told)
	told = l.Users.text(told)
	if told != r.RequestURI {
		hideAddress(r, told)
	}
	if !fills && l.Users == nil {
		return r
	}
	hidden := r.WithContext(r.Context())
	hidden.Header = r.Header.Clone()
	if fills {
		c.placement.RedactHeader(r.Header, c.path) // a placeholder may have the name in any case
	}
	l.Users.hide(r.Header)
	return hidden
}

// addressPlaceholders are those of an address, behind `http.request.uri` and
// `http.request.orig_uri`.
var addressPlaceholders = []string{
	"_escaped", ".path_escaped", ".path.file", ".path.file_escaped", ".path.file.base", ".path.file.ext",
	".path.dir", ".query_escaped", ".prefixed_query",
}

// hideAddress replaces the placeholders of the address by those of told, and the attribute of
// Caddy's span that has the path (OpenTelemetry's semantic conventions, `url.path`).
func hideAddress(r *http.Request, told string) {
	path, query, _ := strings.Cut(told, "?")
	if span := trace.SpanFromContext(r.Context()); span.IsRecording() {
		span.SetAttributes(attribute.String("url.path", path))
	}
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return
	}
	segments := strings.Count(r.URL.Path, "/")
	if asked, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		segments = max(segments, strings.Count(asked.URL.Path, "/"))
	}
	for _, root := range []string{"http.request.uri", "http.request.orig_uri"} {
		repl.Set(root, told)
		repl.Set(root+".path", path)
		repl.Set(root+".query", query)
		for _, rest := range addressPlaceholders {
			repl.Set(root+rest, redacted)
		}
		for i := range segments + 1 {
			repl.Set(root+".path."+strconv.Itoa(i), redacted)
		}
		for name := range r.URL.Query() {
			repl.Set(root+".query."+name, redacted)
		}
	}
}
