package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Front is the API for callers that nothing is known of yet: it finds out who calls, and holds each
// call against what bounds it.
type Front struct{ o FrontOptions }

// FrontOptions are what a front works on.
type FrontOptions struct {
	API     *API
	Store   *store.Store
	Keyring *policy.Keyring
	Limiter policy.Limiter
	// Caller finds a caller key and its tenant.
	Caller func(ctx context.Context, key string) (*policy.CallerKey, *policy.Tenant, error)
	// Tenant returns what is known of a tenant.
	Tenant func(ctx context.Context, id string) (connect.Tenant, error)
}

// NewFront returns the front over o.
func NewFront(o FrontOptions) *Front { return &Front{o} }

// Record is what logs and metrics may know of a call. Nothing in it is secret.
type Record struct {
	Tenant, User, Connection, App string
	// CallerKey is the public id of the caller key, if the call was made by one.
	CallerKey string
	// Budget names the budget that refused the call, or is empty.
	Budget string
}

// Serve answers a call of path, which is what follows [Base]. origin is scheme and host under which
// it came, or empty if it does not tell; request is the id by which the audit trail knows it. An
// error was not answered yet.
func (f *Front) Serve(w http.ResponseWriter, r *http.Request, path, origin, request string) (Record, error) {
	c := &frontCall{front: f, w: w, r: r, origin: origin, request: request}
	err := c.serve(path)
	return c.record, err
}

// frontCall is one call on its way through a front.
type frontCall struct {
	front           *Front
	w               http.ResponseWriter
	r               *http.Request
	origin, request string
	endpoint        Endpoint
	params          map[string]string
	tenant          *policy.Tenant
	// caller is nil for a call by tenant key.
	caller *policy.CallerKey
	user   string
	record Record
}

// serve goes in the gateway's order: authenticate, identify, permit, spend, then the work.
func (c *frontCall) serve(path string) error {
	if c.origin == "" {
		return vending.Refuse(vending.InvalidRequest,
			"the Host header is invalid: write a host name or an address, with or without a port")
	}
	if path == "/mcp" || strings.HasPrefix(path, "/mcp/") { // by any method
		if err := checkAgentOrigin(c.r.Header["Origin"], c.origin); err != nil {
			return err
		}
	}
	endpoint, params, unknown := Find(c.r.Method, path)
	c.endpoint, c.params = endpoint, params
	if endpoint.Public {
		return c.work()
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	c.record.Tenant = c.tenant.ID
	if unknown != nil {
		c.announce(c.tenant.APIDraw())
		return unknown
	}
	c.announceBudget()
	if err := c.identify(); err != nil {
		return err
	}
	if endpoint.Needs != "" && !c.tenant.Can(endpoint.Needs) {
		return vending.Refuse(vending.CapabilityDisabled, "")
	}
	if endpoint.Vends {
		return c.vend(params["id"])
	}
	if err := c.spend(c.tenant.APIDraw()); err != nil {
		return err
	}
	return c.work()
}

// authenticate finds the tenant by the key in the header or, where the path is the tenant's own MCP
// URL, by that. It also names who acts, for the audit trail.
func (c *frontCall) authenticate() error {
	f := c.front.o
	actor := connect.Actor{Name: "mcp url", Request: c.request}
	if c.endpoint.ByURL {
		id, err := f.Store.MCPTenant(c.r.Context(), connect.DigestOf(c.params["token"]))
		if err != nil && !errors.Is(err, connect.ErrNoMCPURL) {
			return err
		}
		if err == nil {
			if c.tenant, err = f.Keyring.Tenant(c.r.Context(), id); err != nil {
				return err
			}
		}
		if c.tenant == nil {
			return vending.Refuse(vending.InvalidTenantKey, "the MCP URL is unknown, or was replaced")
		}
	} else {
		var err error
		if actor.Name, err = c.admit(); err != nil {
			return err
		}
	}
	c.r = c.r.WithContext(connect.WithActor(c.r.Context(), actor))
	return nil
}

// admit finds whom the key in the header stands for: a tenant or, where the endpoint takes those, a
// caller key's. It returns the actor's name.
func (c *frontCall) admit() (actor string, err error) {
	f, ctx := c.front.o, c.r.Context()
	key, err := policy.KeyOf(c.r.Header)
	if err != nil {
		return "", err
	}
	if c.endpoint.ForCallerKeys && policy.IsCallerKey(key) {
		if c.caller, c.tenant, err = f.Caller(ctx, key); err != nil {
			return "", err
		}
		c.record.CallerKey = c.caller.ID
		return "caller key " + c.caller.ID, nil
	}
	digest := policy.DigestOf(key)
	c.tenant, err = f.Keyring.Lookup(ctx, digest)
	switch {
	case err != nil:
		return "", err
	case c.tenant == nil:
		return "", vending.Refuse(vending.InvalidTenantKey, "")
	}
	return "api key " + hex.EncodeToString(digest[:6]), nil
}

// identify finds the end user: the one that the header names, or the tenant's own account under its
// MCP URL.
func (c *frontCall) identify() (err error) {
	switch {
	case c.endpoint.ByURL:
		t, err := c.front.o.Tenant(c.r.Context(), c.tenant.ID)
		if err != nil {
			return err
		}
		if t.Email == "" {
			return vending.Refuse(vending.InvalidUserEmail,
				"the tenant has no email address, so that there is no account for its MCP URL to act as")
		}
		c.user = t.Email
	case c.endpoint.ForUser:
		if c.user, err = policy.ParseUser(c.r.Header["X-User-Email"]); err != nil {
			return err
		}
	}
	c.record.User, c.record.Connection = c.user, c.params["id"]
	return nil
}

// work lets the endpoint answer.
func (c *frontCall) work() error {
	// A tool's errors are in an answer that says 200, so that a lost store is told before.
	if err := c.front.o.Store.Available(); err != nil && strings.HasPrefix(c.endpoint.Pattern, "/mcp") {
		return err
	}
	caller := manager.Caller{Tenant: c.tenant, User: c.user, Key: c.caller}
	return c.endpoint.Serve(c.front.o.API, &Call{W: c.w, R: c.r, Caller: caller, Origin: c.origin, Params: c.params})
}

// spend takes one unit of one of the tenant's own budgets, which needs no commit: the tenant is
// known.
func (c *frontCall) spend(draw policy.Draw) error {
	reservations, spent, err := c.front.o.Limiter.Reserve(c.r.Context(), policy.Draws{draw}, time.Now())
	if err != nil {
		return err
	}
	reservations.Commit(true)
	c.announceBudget()
	if spent.Refused() {
		return c.refuse(spent)
	}
	return nil
}

// refuse notes which budget refused the call.
func (c *frontCall) refuse(s policy.Spent) error {
	c.record.Budget = s.Budget
	return c.tenant.Refuse(s)
}

// vend hands out a credential. It is bound by all that binds the gateway's own vends. A caller that
// holds the credential obeys no rule about methods and paths, so a tenant with such rules for the
// app must call it through the gateway.
func (c *frontCall) vend(id string) error {
	f := c.front.o
	connection, err := f.Store.Connection(c.r.Context(), c.tenant.ID, c.user, id)
	if err != nil {
		// Looking for connections costs what finding one does.
		return cmp.Or(c.spend(c.tenant.TokenDraw()), err)
	}
	c.record.App = connection.App
	if !c.tenant.MayCall(connection.App) {
		return vending.Refuse(vending.PolicyDenied, "")
	}
	if c.tenant.Rules.Touch(connection.App) {
		return vending.Refuse(vending.PolicyDenied,
			"rules bind this tenant's calls to the app: call it through the gateway, which applies them")
	}
	if err := c.tenant.Enter(); err != nil {
		c.record.Budget = policy.BudgetInFlight
		return err
	}
	defer c.tenant.Usage.Leave()
	draws := c.tenant.VendDraws(nil, connection.App, id)
	reservations, spent, err := f.Limiter.Reserve(c.r.Context(), draws, time.Now())
	if err != nil {
		return err
	}
	c.announceBudget()
	if spent.Refused() {
		return c.refuse(spent)
	}
	defer reservations.Commit(true)
	return c.work()
}
