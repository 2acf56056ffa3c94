package caddymodule

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(Connect)) }

// Connect is the handler `vendgate_connect`: the Platform API of the embedded connection manager, under
// `/platform/v1`. Other requests pass to the next handler.
type Connect struct {
	// DefinedAt is file and line of the Caddyfile, for error messages.
	DefinedAt string `json:"defined_at,omitempty"`

	gateway   *gateway
	api       *connect.API
	accessLog accessLog
}

// platformBase is fixed: clients written against the Platform API know it.
const platformBase = "/platform/v1"

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
	c.gateway = app.(*App).gateway
	if c.gateway.store == nil {
		return at(c.DefinedAt, errors.New("vendgate_connect serves the embedded connection manager: add source local, or leave the directive out"))
	}
	c.accessLog = newAccessLog(ctx)
	c.api = connect.NewAPI(connect.APIOptions{Store: c.gateway.store, Catalog: c.gateway.catalog.App, Source: c.gateway.localSource()})
	return nil
}

// localSource returns the source over the gateway's own store.
func (g *gateway) localSource() vending.Source {
	for _, s := range g.sources {
		if s.isLocal {
			return s
		}
	}
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (c *Connect) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), platformBase+"/")
	if !ok {
		return next.ServeHTTP(w, r)
	}
	serve := func(w http.ResponseWriter, r *http.Request) error {
		if err := c.serve(w, r, path); err != nil {
			e := vending.AsError(err)
			if e.Code == vending.InternalError && e.Err != nil {
				c.gateway.log.Error("call of the platform api failed", "error", e.Err)
			}
			vending.WriteError(w, e, nil)
		}
		return nil
	}
	if c.accessLog.covers(r) {
		return c.accessLog.replace(w, r, serve)
	}
	return serve(w, r)
}

// endpoint is one call of the Platform API.
type endpoint struct {
	needs policy.Capability
	// vends says that the call spends the token budget, not the api budget.
	vends bool
	serve func(w http.ResponseWriter, r *http.Request, tenant, user, id string)
}

// find returns the endpoint and the connection id in its path.
func (c *Connect) find(method, path string) (endpoint, string, error) {
	segments := strings.Split(path, "/")
	if segments[0] != "connections" || len(segments) < 2 || len(segments) > 3 || segments[1] == "" {
		return endpoint{}, "", vending.Refuse(vending.InvalidRequest, "no such endpoint")
	}
	id, err := url.PathUnescape(segments[1])
	if err != nil {
		return endpoint{}, "", vending.Refuse(vending.InvalidRequest, "the connection id is not percent-encoded correctly")
	}
	switch {
	case len(segments) == 2 && method == http.MethodGet:
		return endpoint{policy.CapConnections, false, c.api.ServeConnection}, id, nil
	case len(segments) == 3 && segments[2] == "token" && method == http.MethodPost:
		return endpoint{policy.CapToken, true, c.api.ServeToken}, id, nil
	}
	return endpoint{}, "", vending.Refuse(vending.InvalidRequest, "no such endpoint, or not by this method")
}

// serve is one call, in the order of the gateway's: authenticate, identify, permit, spend, then the work.
func (c *Connect) serve(w http.ResponseWriter, r *http.Request, path string) error {
	tenant, _, err := c.gateway.authenticate(r.Context(), r.Header)
	if err != nil {
		return err
	}
	if tenant.Account == nil {
		return vending.Refuse(vending.InvalidTenantKey, "")
	}
	call, id, err := c.find(r.Method, path)
	if err != nil {
		return err
	}
	user, err := policy.ParseUser(r.Header["X-User-Email"])
	if err != nil {
		return err
	}
	if !tenant.Can(call.needs) {
		return vending.Refuse(vending.CapabilityDisabled, "")
	}
	if err := c.spend(w, tenant, call.vends); err != nil {
		return err
	}
	call.serve(w, r, tenant.ID, user, id)
	return nil
}

// spend takes a unit and says in the RateLimit headers (IETF httpapi draft) what is left.
func (c *Connect) spend(w http.ResponseWriter, tenant *policy.Tenant, vends bool) error {
	name, allowance := "api", tenant.Account.API
	if vends {
		name, allowance = "token", tenant.Account.Token
	}
	now := time.Now()
	wait, ok := allowance.Spend(now)
	if budget := allowance.Budget(); budget > 0 {
		left, full := allowance.Left(now)
		w.Header().Set("RateLimit-Policy", `"`+name+`";q=`+strconv.Itoa(int(budget))+`;w=60`)
		w.Header().Set("RateLimit", `"`+name+`";r=`+strconv.Itoa(left)+`;t=`+strconv.Itoa(int(math.Ceil(full.Seconds()))))
	}
	if !ok {
		c.gateway.metrics.refused(name)
		return &vending.Error{Code: vending.RateLimited, Origin: vending.FromGateway, RetryAfter: wait, Message: "the " + name + " budget of this minute is spent"}
	}
	return nil
}

var (
	_ caddy.Provisioner           = (*Connect)(nil)
	_ caddyhttp.MiddlewareHandler = (*Connect)(nil)
)
