package caddymodule

import (
	"context"
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
	c.api = connect.NewAPI(connect.APIOptions{Store: c.gateway.store, Catalog: c.gateway.catalog.App, Source: meteredSource{c.gateway.localSource(), c.gateway.metrics}, Logger: c.gateway.log})
	return nil
}

// localSource returns the source over the gateway's own store.
func (g *gateway) localSource() *source {
	for _, s := range g.sources {
		if s.isLocal {
			return s
		}
	}
	return nil
}

// meteredSource counts vends as the gateway's own are counted.
type meteredSource struct {
	*source
	metrics *metrics
}

// Vend implements vending.Source.
func (s meteredSource) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	begun := time.Now()
	defer func() { s.metrics.vended(s.name, time.Since(begun)) }()
	return s.source.Vend(ctx, r)
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (c *Connect) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	serve := func(w http.ResponseWriter, r *http.Request) error {
		path, ours := strings.CutPrefix(r.URL.EscapedPath(), platformBase+"/")
		if !ours {
			return c.gateway.passOn(w, r, next)
		}
		c.answer(w, r, path)
		return nil
	}
	if c.accessLog.covers(r) {
		return c.accessLog.replace(w, r, serve)
	}
	return serve(w, r)
}

// answer serves one call and accounts for it.
func (c *Connect) answer(w http.ResponseWriter, r *http.Request, path string) {
	ctx, cancel := context.WithTimeout(r.Context(), c.gateway.vendTimeout)
	defer cancel()
	call := &platformCall{connect: c, w: w, r: r.WithContext(ctx)}
	if err := call.serve(path); err != nil { //nolint:contextcheck // the call's request carries ctx
		e := vending.AsError(err)
		if e.Code == vending.InternalError && e.Err != nil && r.Context().Err() == nil {
			c.gateway.log.Error("call of the platform api failed", "tenant", call.facts.tenant, "error", e.Err)
		}
		vending.WriteError(w, e, nil)
	}
	call.facts.code = vending.Code(w.Header().Get(vending.CodeHeader))
	call.facts.origin = vending.Origin(w.Header().Get(vending.OriginHeader))
	c.gateway.metrics.countPlatform(&call.facts)
	logFacts(r.Context(), &call.facts)
}

// platformCall is one call of the Platform API.
type platformCall struct {
	connect *Connect
	w       http.ResponseWriter
	r       *http.Request
	tenant  *policy.Tenant
	user    string
	facts   facts
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

// serve goes in the gateway's order: authenticate, identify, permit, spend, then the work.
func (c *platformCall) serve(path string) (err error) {
	g := c.connect.gateway
	if c.tenant, _, err = g.authenticate(c.r.Context(), c.r.Header); err != nil {
		return err
	}
	if c.tenant.Stranger {
		return vending.Refuse(vending.InvalidTenantKey, "")
	}
	c.facts.tenant = c.tenant.ID
	endpoint, id, err := c.connect.find(c.r.Method, path)
	if err != nil {
		return err
	}
	if c.user, err = policy.ParseUser(c.r.Header["X-User-Email"]); err != nil {
		return err
	}
	c.facts.user, c.facts.connection = c.user, id
	if !c.tenant.Can(endpoint.needs) {
		return vending.Refuse(vending.CapabilityDisabled, "")
	}
	if endpoint.vends {
		return c.vend(endpoint, id)
	}
	wait, ok := c.tenant.Account.SpendAPI(c.tenant.Budgets.API, time.Now())
	c.rateLimit("api", c.tenant.Account.API)
	if !ok {
		return g.spent(policy.Spent{Budget: "api", Wait: wait})
	}
	endpoint.serve(c.w, c.r, c.tenant.ID, c.user, id)
	return nil
}

// vend hands out a credential. It is bound by all that binds the gateway's own vends; whoever takes the credential away obeys no rule
// about methods and paths, so a tenant with such rules for the app must call it through the gateway.
func (c *platformCall) vend(endpoint endpoint, id string) error {
	g := c.connect.gateway
	connection, err := g.store.Connection(c.r.Context(), c.tenant.ID, c.user, id)
	if err != nil {
		// Looking for connections costs what finding one does.
		wait, ok := c.tenant.Account.SpendToken(c.tenant.Budgets.Token, time.Now())
		c.rateLimit("token", c.tenant.Account.Token)
		if !ok {
			return g.spent(policy.Spent{Budget: "token", Wait: wait})
		}
		return err
	}
	c.facts.app = connection.App
	if !c.tenant.MayCall(connection.App) {
		return vending.Refuse(vending.PolicyDenied, "")
	}
	if c.tenant.Rules.Touch(connection.App) {
		return vending.Refuse(vending.PolicyDenied, "rules bind this tenant's calls to the app: call it through the gateway, which applies them")
	}
	if err := g.enter(c.tenant); err != nil {
		return err
	}
	defer c.tenant.Account.Leave()
	claims, spent, ok := g.ledger.Spend(c.tenant, connection.App, id, time.Now())
	c.rateLimit("token", c.tenant.Account.Token)
	if !ok {
		return g.spent(spent)
	}
	defer claims.Settle(true)
	endpoint.serve(c.w, c.r, c.tenant.ID, c.user, id)
	return nil
}

// rateLimit says in the RateLimit headers (IETF httpapi draft) what is left of a budget.
func (c *platformCall) rateLimit(name string, allowance *policy.Allowance) {
	budget := allowance.Budget()
	if budget <= 0 {
		return
	}
	left, full := allowance.Left(time.Now())
	c.w.Header().Set("RateLimit-Policy", `"`+name+`";q=`+strconv.Itoa(int(budget))+`;w=60`)
	c.w.Header().Set("RateLimit", `"`+name+`";r=`+strconv.Itoa(left)+`;t=`+strconv.Itoa(int(math.Ceil(full.Seconds()))))
}

var (
	_ caddy.Provisioner           = (*Connect)(nil)
	_ caddyhttp.MiddlewareHandler = (*Connect)(nil)
)
