package caddymodule

import (
	"encoding/hex"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// platformCall is one call of the Platform API.
type platformCall struct {
	connect  *Connect
	w        http.ResponseWriter
	r        *http.Request
	request  string
	endpoint api.Endpoint
	params   map[string]string
	tenant   *policy.Tenant
	// caller is nil for a call by tenant key.
	caller *policy.CallerKey
	user   string
	event  gateway.Event
}

// serve goes in the gateway's order: authenticate, identify, permit, spend, then the work.
func (c *platformCall) serve(path string) error {
	if !c.connect.assembly.isHost(c.r) {
		return vending.Refuse(vending.InvalidRequest, "the Host header names no host")
	}
	if path == "/mcp" || strings.HasPrefix(path, "/mcp/") { // by any method
		if err := c.connect.assembly.checkAgentOrigin(c.r); err != nil {
			return err
		}
	}
	endpoint, params, unknown := api.Find(c.r.Method, path)
	c.endpoint, c.params = endpoint, params
	if endpoint.Public {
		return c.work()
	}
	if err := c.authenticate(); err != nil {
		return err
	}
	c.event.Tenant = c.tenant.ID
	if unknown != nil {
		c.announce("api", c.tenant.Usage.API, c.tenant.Budgets.API)
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
	wait, ok := c.tenant.Usage.SpendAPI(c.tenant.Budgets.API, time.Now())
	c.announceBudget()
	if !ok {
		return c.refuse(policy.Spent{Budget: "api", Wait: wait})
	}
	return c.work()
}

// authenticate finds the tenant by the key in the header or, where the path is the tenant's own MCP
// URL, by that. It also names who acts, for the audit trail.
func (c *platformCall) authenticate() error {
	g := c.connect.assembly
	actor := connect.Actor{Name: "mcp url", Request: c.request}
	if c.endpoint.ByURL {
		id, err := g.store.MCPTenant(c.r.Context(), connect.DigestOf(c.params["token"]))
		if err != nil && !errors.Is(err, connect.ErrNoMCPURL) {
			return err
		}
		if err == nil {
			c.tenant = g.keyring.Tenant(c.r.Context(), id)
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
func (c *platformCall) admit() (actor string, err error) {
	g, ctx := c.connect.assembly, c.r.Context()
	key, err := policy.KeyOf(c.r.Header)
	if err != nil {
		return "", err
	}
	if c.endpoint.ForCallerKeys && policy.IsCallerKey(key) {
		if c.caller, c.tenant, err = g.gateway.Caller(ctx, key); err != nil {
			return "", err
		}
		c.event.CallerKey = c.caller.ID
		return "caller key " + c.caller.ID, nil
	}
	digest := policy.DigestOf(key)
	if c.tenant = g.keyring.Lookup(ctx, digest); c.tenant == nil {
		return "", vending.Refuse(vending.InvalidTenantKey, "")
	}
	return "api key " + hex.EncodeToString(digest[:6]), nil
}

// identify finds the end user: the one that the header names, or the tenant's own account under its
// MCP URL.
func (c *platformCall) identify() (err error) {
	switch {
	case c.endpoint.ByURL:
		t, err := c.connect.assembly.tenant(c.r.Context(), c.tenant.ID)
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
	c.event.User, c.event.Connection = c.user, c.params["id"]
	return nil
}

// work lets the endpoint answer.
func (c *platformCall) work() error {
	m := c.connect.manager
	caller := manager.Caller{Tenant: c.tenant, User: c.user, Key: c.caller}
	origin := c.connect.assembly.gateway.Origin(c.r)
	return c.endpoint.Serve(m.api, &api.Call{W: c.w, R: c.r, Caller: caller, Origin: origin, Params: c.params})
}

// refuse notes which budget refused the call.
func (c *platformCall) refuse(s policy.Spent) error {
	c.event.Budget = s.Budget
	return c.tenant.Refuse(s)
}

// vend hands out a credential. It is bound by all that binds the gateway's own vends. A caller that
// holds the credential obeys no rule about methods and paths, so a tenant with such rules for the
// app must call it through the gateway.
func (c *platformCall) vend(id string) error {
	g := c.connect.assembly
	connection, err := g.store.Connection(c.r.Context(), c.tenant.ID, c.user, id)
	if err != nil {
		// Looking for connections costs what finding one does.
		wait, ok := c.tenant.Usage.SpendToken(c.tenant.Budgets.Token, time.Now())
		c.announceBudget()
		if !ok {
			return c.refuse(policy.Spent{Budget: "token", Wait: wait})
		}
		return err
	}
	c.event.App = connection.App
	if !c.tenant.MayCall(connection.App) {
		return vending.Refuse(vending.PolicyDenied, "")
	}
	if c.tenant.Rules.Touch(connection.App) {
		return vending.Refuse(vending.PolicyDenied,
			"rules bind this tenant's calls to the app: call it through the gateway, which applies them")
	}
	if err := c.tenant.Enter(); err != nil {
		c.event.Budget = gateway.BudgetInFlight
		return err
	}
	defer c.tenant.Usage.Leave()
	reservations, spent, ok := g.limiter.Spend(c.tenant, nil, connection.App, id, time.Now())
	c.announceBudget()
	if !ok {
		return c.refuse(spent)
	}
	defer reservations.Commit(true)
	return c.work()
}

// announceBudget says what is left of the budget that the call draws on, whatever becomes of the
// call.
func (c *platformCall) announceBudget() {
	if c.endpoint.Vends {
		c.announce("token", c.tenant.Usage.Token, c.tenant.Budgets.Token)
		return
	}
	c.announce("api", c.tenant.Usage.API, c.tenant.Budgets.API)
}

// announce says in the RateLimit headers (IETF httpapi draft) what is left of a budget.
func (c *platformCall) announce(name string, bucket *policy.Bucket, budget policy.Budget) {
	if budget <= 0 {
		return
	}
	left, full := bucket.Left(time.Now())
	c.w.Header().Set("RateLimit-Policy", `"`+name+`";q=`+strconv.Itoa(int(budget))+`;w=60`)
	c.w.Header().Set("RateLimit",
		`"`+name+`";r=`+strconv.Itoa(min(left, int(budget)))+`;t=`+strconv.Itoa(int(math.Ceil(full.Seconds()))))
}
