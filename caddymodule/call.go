package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// call is one request on its way through the gateway. It is the response writer that ReverseProxy writes to, so that
// interim answers pass through it too.
type call struct {
	http.ResponseWriter

	gateway *gateway
	request *http.Request
	target  policy.Target
	tenant  *policy.Tenant
	key     vending.Secret
	user    string
	route   *appRoute
	claims  policy.Claims
	// credential is set between the vend and the exchange that takes it over.
	credential vending.Credential
	exchange   *inject.Exchange
	entered    bool
	// passthrough leaves the provider's errors as they are.
	passthrough bool
	tooLarge    bool
	facts       facts
}

// facts are what logs and metrics may know of a call: nothing in them is secret.
type facts struct {
	tenant, connection, app, user string
	code                          vending.Code
	origin                        vending.Origin
	begun, vending, sent          time.Time
	vend, upstream                time.Duration
	status                        int
}

// errorsHeader asks for provider errors as they are, for one call.
const errorsHeader = "Vendgate-Errors"

func (p *Proxy) begin(w http.ResponseWriter, r *http.Request, target policy.Target) *call {
	c := &call{ResponseWriter: w, gateway: p.gateway, request: r, target: target}
	c.passthrough = p.Errors == "passthrough" || r.Header.Get(errorsHeader) == "passthrough"
	c.facts.begun = time.Now()
	c.gateway.metrics.inFlight.Inc()
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(c.facts.placeholder)
	}
	return c
}

// end accounts for the call and forgets it.
func (c *call) end() {
	c.claims.Settle(false)
	if c.entered {
		c.tenant.Account.Leave()
	}
	if c.exchange != nil {
		c.exchange.Forget()
	}
	c.credential, c.key = vending.Credential{}, vending.Secret{}
	c.gateway.metrics.inFlight.Dec()
	c.gateway.metrics.count(c)
	logFacts(c.request.Context(), &c.facts)
}

// failed answers with err, if there is one.
func (c *call) failed(err error) bool {
	if err == nil {
		return false
	}
	c.refuse(vending.AsError(err), nil)
	return true
}

func (c *call) authenticate() (err error) {
	c.tenant, c.key, err = c.gateway.authenticate(c.request.Context(), c.request.Header)
	if err == nil {
		c.facts.tenant = c.tenant.ID
	}
	return err
}

func (c *call) identify() (err error) {
	c.user, err = policy.ParseUser(c.request.Header["X-User-Email"])
	c.facts.user, c.facts.connection = c.user, c.target.Connection
	return err
}

func (c *call) permit() error {
	if !c.tenant.Can(policy.CapToken) {
		return vending.Refuse(vending.CapabilityDisabled, "")
	}
	route, ok := c.gateway.apps[c.target.App]
	if !ok {
		return vending.Refuse(vending.UnknownApp, "")
	}
	c.route, c.facts.app = route, route.app.Slug
	c.passthrough = c.passthrough || route.passthrough
	if !c.tenant.MayCall(c.target.App) {
		return vending.Refuse(vending.PolicyDenied, "")
	}
	if len(c.tenant.Rules) > 0 {
		var overrides []string
		for _, name := range policy.OverrideHeaders {
			overrides = append(overrides, c.request.Header[name]...)
		}
		if err := c.tenant.Rules.Permit(c.target.App, c.request.Method, c.target.Path, overrides...); err != nil {
			return err
		}
	}
	return c.bound()
}

// bound applies the bounds on the body and on requests in flight.
func (c *call) bound() error {
	if limit := c.tenant.MaxBody; limit > 0 {
		if c.request.ContentLength > limit {
			return vending.Refuse(vending.RequestTooLarge, "")
		}
		c.request = c.request.WithContext(c.request.Context()) // the caller's request keeps its body
		c.request.Body = &boundedBody{http.MaxBytesReader(c.ResponseWriter, c.request.Body, limit), &c.tooLarge}
	}
	if account := c.tenant.Account; account != nil {
		if !account.Enter(c.tenant.MaxInFlight) {
			c.gateway.metrics.refused("in_flight")
			return &vending.Error{Code: vending.RateLimited, Origin: vending.FromGateway, Message: "too many requests of this tenant are in flight", RetryAfter: time.Second}
		}
		c.entered = true
	}
	return nil
}

func (c *call) spend() error {
	claims, spent, ok := c.gateway.ledger.Spend(c.tenant, c.target.App, c.target.Connection, time.Now())
	if ok {
		c.claims = claims
		return nil
	}
	c.gateway.metrics.refused(spent.Budget)
	return &vending.Error{
		Code: vending.RateLimited, Origin: vending.FromGateway, RetryAfter: spent.Wait,
		Message: "the " + spent.Budget + " budget of this minute is spent",
	}
}

func (c *call) vend() error {
	c.facts.vending = time.Now()
	credential, err := c.ask(c.request.Context(), vending.Request{})
	c.facts.vend = time.Since(c.facts.vending)
	c.claims.Settle(err == nil)
	c.credential = credential
	return err
}

// ask vends once. What asks for a forced vend fills Force and Refused; the rest is the call's.
func (c *call) ask(ctx context.Context, r vending.Request) (vending.Credential, error) {
	source := c.gateway.sources[c.tenant.Source]
	r.Tenant, r.User, r.Connection, r.App = c.tenant.ID, c.user, c.target.Connection, c.target.App
	if source.takesKey {
		r.Key = c.key
	}
	ctx, cancel := context.WithTimeout(ctx, c.gateway.vendTimeout)
	defer cancel()
	ctx, end := startSpan(ctx, "vendgate.vend")
	defer end()
	credential, err := source.Vend(ctx, r)
	switch {
	case err != nil:
		return vending.Credential{}, err
	case credential.IsZero():
		return vending.Credential{}, vending.Errorf(vending.InternalError, errors.New("the source vended nothing"))
	case credential.App != c.target.App:
		// Sources check this themselves; a credential sent to the wrong host cannot be called back.
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, nil)
	}
	return credential, nil
}

// revend implements inject.Revend.
func (c *call) revend(ctx context.Context, refused vending.Credential) (vending.Credential, error) {
	begun := time.Now()
	defer func() { c.facts.vend += time.Since(begun) }()
	return c.ask(ctx, vending.Request{Force: true, Refused: refused})
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// forward hands the call to ReverseProxy. From here on [answer] and [answerError] answer it.
func (c *call) forward() {
	x, err := inject.NewExchange(c.route.placement, c.credential, c.target.Path, c.target.RawQuery, c.target.HasQuery, c.revend)
	if c.failed(err) {
		return
	}
	c.exchange, c.credential = x, vending.Credential{}
	ctx := context.WithValue(inject.WithExchange(c.request.Context(), x), callKey{}, c)
	ctx, end := startSpan(ctx, "vendgate.upstream")
	defer end()
	c.facts.sent = time.Now()
	c.route.reverse.ServeHTTP(c, c.request.WithContext(ctx))
}

// outline is the ReverseProxy's Rewrite: everything about the upstream but the credential, which is the
// transport's to add.
func outline(pr *httputil.ProxyRequest) {
	c := callOf(pr.In.Context())
	c.exchange.Outline(pr.Out)
	// Any other protocol (h2c above all) would smuggle requests past the gateway.
	if !strings.EqualFold(pr.Out.Header.Get("Upgrade"), "websocket") {
		pr.Out.Header.Del("Upgrade")
		pr.Out.Header.Del("Connection")
	}
	pr.Out.Trailer = nil
	if len(pr.In.Trailer) > 0 {
		carryTrailers(pr, c.route.placement)
	}
}
