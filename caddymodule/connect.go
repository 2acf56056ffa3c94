package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/dashboard"
	"github.com/vendgate/vendgate/connect/web/hosted"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(Connect)) }

// Connect is the handler `vendgate_connect`: the embedded connection manager. It serves the
// Platform API under `/platform/v1`, and the hosted pages and the dashboard under `/connect`. Other
// requests pass to the next handler.
type Connect struct {
	// DefinedAt is file and line of the Caddyfile, for error messages.
	DefinedAt string `json:"defined_at,omitempty"`

	assembly  *assembly
	leaving   *leaving
	manager   *connectionManager
	accessLog *telemetry.AccessLog
}

// CaddyModule implements caddy.Module.
func (*Connect) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.vendgate_connect", New: func() caddy.Module { return new(Connect) }}
}

// Provision implements caddy.Provisioner.
func (c *Connect) Provision(ctx caddy.Context) error {
	app, err := ctx.App("vendgate")
	if err != nil {
		return fmt.Errorf("loading the vendgate app: %w", err)
	}
	c.assembly, c.leaving = app.(*App).assembly, app.(*App).leaving
	c.leaving.join(ctx)
	if c.assembly.store == nil {
		return at(c.DefinedAt,
			errors.New("vendgate_connect serves the embedded connection manager: add source local, or leave the directive out"))
	}
	if c.assembly.publicURL == "" {
		c.assembly.warnOfHost.Do(func() { c.assembly.log.Warn(hostWarning) })
	}
	c.accessLog = c.assembly.accessLog(ctx)
	c.manager = c.assembly.openManager()
	return nil
}

// hostWarning is logged once a configuration that serves the connection manager and does not say
// where it is reached.
const hostWarning = "public_url is not set: request links, redirect URIs, and the origin that may call the MCP " +
	"server follow the " +
	"Host header of each request, which callers choose; write public_url https://HOST in the vendgate block"

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (c *Connect) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	serve := func(w http.ResponseWriter, r *http.Request) error {
		path := r.URL.EscapedPath()
		if rest, ok := strings.CutPrefix(path, connect.APIBase); ok && strings.HasPrefix(rest, "/") {
			c.call(w, r, rest)
			return nil
		}
		if rest, ok := strings.CutPrefix(path, connect.Root+"/"); ok {
			c.page(w, r, rest)
			return nil
		}
		return c.accessLog.PassOn(w, r, next)
	}
	return c.leaving.serve(w, r, func(w http.ResponseWriter, r *http.Request) error {
		return c.accessLog.Serve(w, r, serve)
	})
}

// call serves one call of the Platform API and counts it.
func (c *Connect) call(w http.ResponseWriter, r *http.Request, path string) {
	ctx, cancel := context.WithTimeout(r.Context(), c.assembly.vendTimeout)
	defer cancel()
	id := telemetry.Identify(w, r)
	platform, origin := c.manager.platform, c.assembly.origin(r)
	record, err := platform.Serve(w, r.WithContext(ctx), path, origin, id) //nolint:contextcheck // the request has it
	event := &gateway.Event{
		ID: id, Tenant: record.Tenant, User: record.User, Connection: record.Connection, App: record.App,
		CallerKey: record.CallerKey, Budget: record.Budget,
	}
	if err != nil {
		e := vending.AsError(err)
		if e.Err != nil && r.Context().Err() == nil {
			event.Cause, event.Logged = e.Err.Error(), e.Logged
		}
		gateway.Refuse(w, r, "", e)
	}
	event.Code = vending.Code(w.Header().Get(vending.CodeHeader))
	event.Origin = vending.Origin(w.Header().Get(vending.OriginHeader))
	c.assembly.metrics.CountPlatform(event)
	telemetry.LogEvent(r.Context(), event)
	c.accessLog.LogFailure(r, event) //nolint:contextcheck // it says why
}

// page serves a hosted page or one of the dashboard. What end users wait for at a provider has
// bounds of its own.
func (c *Connect) page(w http.ResponseWriter, r *http.Request, path string) {
	id := telemetry.Identify(w, r)
	ctx, cancel := context.WithTimeout(r.Context(), pageTimeout)
	defer cancel()
	r = r.WithContext(ctx)
	origin := c.assembly.origin(r)
	if origin == "" {
		http.Error(w, "the Host header is invalid: write a host name or an address, with or without a port",
			http.StatusBadRequest)
		return
	}
	defer gateway.Drain(w, r)()
	if c.manager.assets.Serve(w, r, path) {
		return
	}
	rest, isDashboard := strings.CutPrefix(path, "dashboard")
	if isDashboard && (rest == "" || rest[0] == '/') {
		where := dashboard.Where{Origin: origin, Request: id}
		c.manager.dashboard.Serve(w, r, where, rest) //nolint:contextcheck // the request has it
		return
	}
	c.manager.hosted.Serve(w, r, hosted.Where{Origin: origin, Request: id}, path)
}

// pageTimeout leaves room for a token call and a verify request at their longest.
const pageTimeout = 40 * time.Second

// hostForm is a host name or address with an optional port: what addresses may be built with.
var hostForm = regexp.MustCompile(`^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?$`)

// origin is scheme and host under which a request came, or empty if its Host header is not one.
// Where the configuration says it, that header does not matter.
func (g *assembly) origin(r *http.Request) string {
	if g.publicURL == "" && !hostForm.MatchString(r.Host) {
		return ""
	}
	return g.gateway.Origin(r)
}

var (
	_ caddy.Provisioner           = (*Connect)(nil)
	_ caddyhttp.MiddlewareHandler = (*Connect)(nil)
)
