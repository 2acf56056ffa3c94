package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/connect/store"
)

func init() { caddy.RegisterModule(new(Health)) }

// Health is the handler `vendgate_health`: it answers GET and HEAD of `{prefix}/live` by 200 as
// long as the process serves requests, and of `{prefix}/ready` by 200 or 503, with the reasons in
// JSON. Neither needs a key, and neither says anything of tenants. Other requests pass to the next
// handler.
//
// Ready means that this process can serve calls: it is not shutting down, its store can be read and
// has a schema that this version works with, and the keyset opens what is sealed there. A Redis
// that budgets are shared through may be away: that is told, and calls are served all the same.
// Providers and remote sources are not asked: an outage of theirs would take every gateway out of
// its balancer, and the calls that need nothing of them as well.
type Health struct {
	// Prefix begins both paths. Default: `/health`.
	Prefix string `json:"prefix,omitempty"`

	assembly  *assembly
	accessLog *telemetry.AccessLog
	leaving   *leaving
}

// CaddyModule implements caddy.Module.
func (*Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.vendgate_health", New: func() caddy.Module { return new(Health) }}
}

// Provision implements caddy.Provisioner.
func (h *Health) Provision(ctx caddy.Context) error {
	if h.Prefix == "" {
		h.Prefix = "/health"
	}
	app, err := ctx.App("vendgate")
	if err != nil {
		return fmt.Errorf("loading the vendgate app: %w", err)
	}
	h.assembly = app.(*App).assembly
	h.accessLog = h.assembly.accessLog(ctx)
	h.leaving = app.(*App).leaving
	h.leaving.join(ctx)
	return nil
}

// Validate implements caddy.Validator.
func (h *Health) Validate() error { return h.check() }

func (h *Health) check() error {
	if h.Prefix != "" && !isPlainPath(h.Prefix) {
		return fmt.Errorf("prefix %q: write a plain path without a slash at its end, like /health", h.Prefix)
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	what, ok := strings.CutPrefix(r.URL.Path, h.Prefix)
	if !ok || what != "/live" && what != "/ready" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return next.ServeHTTP(w, r)
	}
	return h.leaving.serve(w, r, func(w http.ResponseWriter, r *http.Request) error {
		return h.accessLog.Serve(w, r, func(w http.ResponseWriter, r *http.Request) error {
			h.answer(w, r, what)
			return nil
		})
	})
}

func (h *Health) answer(w http.ResponseWriter, r *http.Request, what string) {
	telemetry.Identify(w, r)
	report := healthReport{Status: "live"}
	if what == "/ready" {
		report = h.readiness(r)
	}
	report.write(w)
}

// readiness holds against what a call needs of this process.
func (h *Health) readiness(r *http.Request) healthReport {
	report := healthReport{Status: "ready"}
	report.add("server", shutdownReason(r))
	if h.assembly.store != nil {
		report.add("store", h.assembly.storeHealth.reason(h.assembly))
	}
	if reason, shares := h.assembly.limiterReason(); shares {
		report.note("limiter", reason)
	}
	return report
}

// shutdownReason is why the server takes no more calls soon; empty if it does. Caddy goes on
// serving for its `shutdown_delay`, so that balancers notice.
func shutdownReason(r *http.Request) string {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	if stopping, _ := repl.Get("http.shutting_down"); stopping == true || caddy.Exiting() {
		return "the server is shutting down"
	}
	return ""
}

// healthReport is what both paths answer.
type healthReport struct {
	// Status is `live`, `ready` or `not_ready`.
	Status string `json:"status"`
	// Checks are what was looked at.
	Checks []healthCheck `json:"checks,omitempty"`
}

// healthCheck is one component. Reason says in plain words what is wrong; empty if it is fine.
type healthCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Reason string `json:"reason,omitempty"`
}

func (h *healthReport) add(name, reason string) {
	if reason != "" {
		h.Status = "not_ready"
	}
	h.note(name, reason)
}

// note is add for a component without which calls are served all the same.
func (h *healthReport) note(name, reason string) {
	h.Checks = append(h.Checks, healthCheck{name, reason == "", reason})
}

func (h *healthReport) write(w http.ResponseWriter) {
	status := http.StatusOK
	if h.Status == "not_ready" {
		status = http.StatusServiceUnavailable
	}
	body, _ := json.Marshal(h) // of texts alone
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // an error says that the caller is gone
}

const (
	// healthEvery is how long what a check of the store found is answered: probes cannot load it.
	healthEvery = time.Second
	// healthTimeout bounds a check of the store.
	healthTimeout = time.Second
)

// storeHealth is what the last check of the store found. The zero value is ready.
type storeHealth struct {
	mu     sync.Mutex
	at     time.Time
	failed string
}

// reason is why calls cannot use the store; empty if they can. One check serves all that ask
// meanwhile. The cause goes to the log, once for each time that it begins.
func (s *storeHealth) reason(g *assembly) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if time.Since(s.at) < healthEvery {
		return s.failed
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	err := g.store.Healthy(ctx)
	was := s.failed
	switch {
	case err == nil:
		s.failed = ""
	case errors.Is(err, store.ErrUnavailable):
		s.failed = "the database server does not answer"
	case errors.Is(err, store.ErrNewerSchema):
		s.failed = "a newer version has upgraded the store, which this one cannot work with"
	case errors.Is(err, context.DeadlineExceeded):
		s.failed = "the store did not answer within a second"
	default:
		s.failed = "the store cannot be read; the log has the cause"
	}
	if s.failed != "" && was == "" {
		g.log.Error("not ready: the store cannot be read", "error", err)
	}
	s.at = time.Now()
	return s.failed
}

var (
	_ caddy.Provisioner           = (*Health)(nil)
	_ caddy.Validator             = (*Health)(nil)
	_ caddyhttp.MiddlewareHandler = (*Health)(nil)
)
