package caddymodule

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.opentelemetry.io/otel/trace"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// call is one request on its way through the gateway. It is the response writer that ReverseProxy
// writes to, and takes the interim answers.
type call struct {
	http.ResponseWriter

	gateway *gateway
	request *http.Request
	asked   *http.Request // the request as it came, with its body
	target  policy.Target
	// byHost is nil for a call that names its app in the path; domains are the handler's all the same.
	byHost  *hostAddress
	domains policy.Domains
	tenant  *policy.Tenant
	// caller is nil for a call by tenant key; key is empty for one by caller key, so that no source
	// gets that.
	caller *policy.CallerKey
	key    vending.Secret
	keyIn  keyPlace
	// accepted is the key that was accepted, of either kind; tenantKeys says that those of tenants may
	// be where the app's placement puts the credential.
	accepted   inject.Key
	tenantKeys bool
	cut        int // how many bytes of the path held a key, between the app and target.Path
	user       string
	route      *appRoute
	claims     policy.Reservations
	// screened is nil where no rule has to see the body.
	screened *policy.Screen
	// credential is set between the vend and the exchange that takes it over.
	credential vending.Credential
	exchange   *inject.Injection
	// hops is how the upstream learns through how many gateways the call came.
	hops    []string
	entered bool
	// passthrough leaves the provider's errors as they are.
	passthrough bool
	// redirects is the handler's option of that name.
	redirects string
	// tooLarge and malformed say what was wrong with the caller's body; the transport reads it.
	tooLarge, malformed atomic.Bool
	read                atomic.Int64 // of the caller's body, in bytes
	head                responseHead
	facts               facts
	// log writes the access-log entry, entry, of a call whose answer Caddy must not log.
	log   *accessLog
	entry *entry
}

// facts are what logs and metrics may know of a call: nothing in them is secret.
type facts struct {
	tenant, connection, app, user string
	// callerKey is the public id of the caller key, if the call was made by one.
	callerKey            string
	code                 vending.Code
	origin               vending.Origin
	begun, vending, sent time.Time
	// firstVend is the vend before forwarding; vend has the forced one in it too.
	firstVend, vend, upstream time.Duration
	vends                     int
	status                    int
}

// hops is this process's: an id for each configuration would not find a loop across a reload.
var hops = policy.NewHops()

// errorsHeader asks for provider errors as they are, for one call.
const errorsHeader = "Vendgate-Errors"

func (p *Proxy) begin(w http.ResponseWriter, r *http.Request, target policy.Target) *call {
	c := &call{
		ResponseWriter: w, gateway: p.gateway, request: r, asked: r, target: target,
		domains: p.Hosts, log: &p.accessLog,
	}
	c.passthrough, c.redirects, c.tenantKeys = p.Errors == "passthrough", p.Redirects, p.TenantKeysInPlacement
	c.facts.begun = time.Now()
	c.gateway.metrics.inFlight.Inc()
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(c.facts.placeholder)
	}
	return c
}

// end accounts for the call and forgets it.
func (c *call) end() {
	if c.screened != nil {
		c.screened.Abort()
	}
	c.claims.Commit(false)
	if c.entered {
		c.tenant.Usage.Leave()
	}
	if c.exchange != nil {
		c.exchange.Forget()
	}
	c.credential, c.key, c.accepted = vending.Credential{}, vending.Secret{}, inject.Key{}
	c.gateway.metrics.inFlight.Dec()
	c.gateway.metrics.count(c)
	logFacts(c.request.Context(), &c.facts)
	if c.entry != nil {
		c.entry.write(c.read.Load())
	}
}

// aborted stands for the code of a call whose caller left before it was answered, in logs and
// metrics only.
const aborted vending.Code = "aborted"

// abort ends a call that nobody waits for any more. There is no one to answer, and what failed was
// no defect.
func (c *call) abort() {
	c.facts.code, c.facts.origin = aborted, vending.FromGateway
	panic(http.ErrAbortHandler)
}

// failed answers with err, if there is one.
func (c *call) failed(err error) bool {
	if err == nil {
		return false
	}
	if c.request.Context().Err() != nil {
		c.abort()
	}
	c.refuse(vending.AsError(err), nil)
	return true
}

// identify finds the end user: the one that the header names or, where it may be left out, the
// caller key's.
func (c *call) identify() (err error) {
	if err := c.nameConnection(); err != nil {
		return err
	}
	c.facts.connection = c.target.Connection
	header, parse := "X-User-Email", policy.ParseUser
	if c.gateway.sources[c.tenant.Source].externalIDs {
		header, parse = "X-External-User-Id", policy.ParseExternalUser
	}
	if named := c.request.Header[header]; c.caller == nil || len(named) > 0 {
		if c.user, err = parse(named); err != nil {
			return err
		}
	}
	if c.caller != nil {
		c.user, err = c.caller.Identify(c.user, c.target.Connection)
	}
	c.facts.user = c.user
	return err
}

// enter counts a request in flight; who entered must leave.
func (g *gateway) enter(t *policy.Tenant) error {
	if t.Usage.Enter(t.MaxInFlight) {
		return nil
	}
	g.metrics.refused("in_flight")
	t.Usage.RefusedTokens.Add(time.Now())
	return &vending.Error{Code: vending.RateLimited, Origin: vending.FromGateway,
		Message: "too many requests of this tenant are in flight", RetryAfter: time.Second}
}

func (c *call) spend() error {
	claims, spent, ok := c.gateway.ledger.Spend(c.tenant, c.caller, c.target.App, c.target.Connection, time.Now())
	if !ok {
		return c.gateway.spent(c.tenant, spent)
	}
	c.claims = claims
	return nil
}

// spent refuses for a budget that has nothing left.
func (g *gateway) spent(t *policy.Tenant, s policy.Spent) error {
	g.metrics.refused(s.Budget)
	if refused := &t.Usage.RefusedTokens; s.Budget != "api" {
		refused.Add(time.Now())
	} else {
		t.Usage.RefusedCalls.Add(time.Now())
	}
	return &vending.Error{
		Code: vending.RateLimited, Origin: vending.FromGateway, RetryAfter: s.Wait,
		Message: "the " + strings.ReplaceAll(s.Budget, "_", " ") + " budget of this minute is spent",
	}
}

func (c *call) vend() error {
	c.facts.vending = time.Now()
	credential, err := c.ask(c.request.Context(), vending.Request{})
	c.facts.firstVend = time.Since(c.facts.vending)
	c.facts.vend, c.facts.vends = c.facts.firstVend, 1
	c.claims.Commit(err == nil)
	c.credential = credential
	return err
}

// ask vends once. What asks for a forced vend fills Force and Refused; the rest is the call's.
func (c *call) ask(ctx context.Context, r vending.Request) (vending.Credential, error) {
	source := c.gateway.sources[c.tenant.Source]
	c.fill(&r)
	if source.takesKey {
		r.Key = c.key
	}
	ctx, cancel := context.WithTimeout(ctx, c.gateway.vendTimeout)
	defer cancel()
	ctx, end := startSpan(ctx, "vendgate.vend")
	defer end()
	credential, err := source.Vend(detach(ctx), r)
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

// fill says in r whose credential is asked for.
func (c *call) fill(r *vending.Request) {
	r.Tenant, r.User, r.Connection, r.App = c.tenant.ID, c.user, c.target.Connection, c.target.App
}

// noteAccepted tells the source that the upstream took a credential that it had refused before.
// Only success says so: what else it answers may have come before it looked at the credential.
func (c *call) noteAccepted(status int) {
	noter := c.gateway.sources[c.tenant.Source].noter
	credential, doubted := c.exchange.Doubted()
	if !doubted || noter == nil || status < 200 || status > 299 {
		return
	}
	var r vending.Request
	c.fill(&r)
	noter.Accepted(detach(c.request.Context()), r, credential)
}

// detach hides from a source whatever watches the calls of the request, which a forced vend is
// asked for in the midst of: interim answers of a token endpoint or a remote source would reach the
// caller. The span alone goes along.
func detach(ctx context.Context) context.Context {
	span := trace.SpanFromContext(ctx)
	ctx = httpx.Detach(ctx)
	if span.SpanContext().IsValid() {
		ctx = trace.ContextWithSpan(ctx, span)
	}
	return ctx
}

// revend implements inject.Revend. Where a new credential did not help a while ago it returns the
// refused one, so that the 401 stands.
func (c *call) revend(ctx context.Context, refused vending.Credential) (vending.Credential, error) {
	begun := time.Now()
	if !c.gateway.refusals.Permit(c.grant(), refused, begun) {
		return refused, nil
	}
	defer func() { c.facts.vend, c.facts.vends = c.facts.vend+time.Since(begun), 2 }()
	fresh, err := c.ask(ctx, vending.Request{Force: true, Refused: refused})
	if err == nil {
		c.gateway.refusals.Vended(c.grant(), refused, fresh, time.Now())
	}
	return fresh, err
}

// cured notes what the upstream said to a credential that was vended by force and that it did not
// refuse. That it is busy or away says nothing of that.
func (c *call) cured(status int) {
	if c.facts.vends == 2 && status != http.StatusTooManyRequests && status < http.StatusInternalServerError {
		c.gateway.refusals.Cured(c.grant())
	}
}

// grant names the connection among those of all tenants. A tenant's id has no slash.
func (c *call) grant() string { return c.tenant.ID + "/" + c.target.Connection }

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}
