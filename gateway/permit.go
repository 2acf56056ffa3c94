package gateway

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// hops is this process's: an id for each configuration would not find a loop across a reload.
var hops = policy.NewHops()

// permit holds the call against all that bounds it: capability, apps, rules, the caller key, sizes.
func (c *call) permit() error {
	if !c.tenant.Can(policy.CapToken) {
		return vending.Refuse(vending.CapabilityDisabled, "")
	}
	var err error
	if c.hops, err = hops.Next(c.request.Header[policy.HopsHeader]); err != nil {
		return err
	}
	route, err := c.gateway.route(c.target.App)
	if err != nil {
		return err
	}
	c.route, c.event.App = route, route.app.Slug
	c.passthrough = c.passthrough || route.passthrough
	switch {
	case !c.tenant.MayCall(c.target.App):
		return vending.Refuse(vending.PolicyDenied, "")
	case c.caller != nil && !c.caller.MayCall(c.target.App):
		return vending.Refuse(vending.PolicyDenied, "this caller key may not call this app")
	}
	if c.byHost != nil && c.byHost.refusal != nil {
		return c.byHost.refusal
	}
	at, path, err := route.placement.Split(c.target.Path)
	if err != nil {
		return err
	}
	if c.caller == nil && len(c.tenant.Rules) == 0 {
		return c.bound()
	}
	judged, rules := c.judged(at, path)
	if err := route.steering.Permit(judged, rules...); err != nil {
		return c.ofCaller(err, judged)
	}
	if err := c.bound(); err != nil {
		return err
	}
	return c.screen(judged, rules)
}

// ofCaller returns the refusal of a call by rules, in the caller key's own words where the tenant's
// rules permit the call.
func (c *call) ofCaller(err error, judged policy.Call) error {
	if c.caller == nil || vending.AsError(err).Message != "" || c.route.steering.Permit(judged, c.tenant.Rules) != nil {
		return err
	}
	return vending.Refuse(vending.PolicyDenied, "this caller key may not call this method or path")
}

// screen holds the body against the rules, as far as fields in it could name another request.
func (c *call) screen(judged policy.Call, rules []policy.Rules) error {
	if c.request.Body == nil || c.request.Body == http.NoBody {
		return nil
	}
	screen, err := c.route.steering.Screen(judged, rules...)
	if err != nil || screen == nil {
		return err
	}
	c.screened = screen
	if c.request == c.asked { // as bound leaves it where the length is 0
		c.request = c.request.WithContext(c.request.Context())
	}
	return inject.Screen(c.request, screen, screen.Whole, c.accepted)
}

// judged is what the rules are held against, and the rules: the tenant's and those of the caller
// key.
func (c *call) judged(at, path string) (policy.Call, []policy.Rules) {
	judged := policy.Call{
		App: c.target.App, Method: c.request.Method, At: at, Path: path, RawQuery: c.target.RawQuery,
		Header: c.request.Header,
	}
	if c.caller == nil {
		return judged, []policy.Rules{c.tenant.Rules}
	}
	return judged, []policy.Rules{c.tenant.Rules, c.caller.Rules}
}

// bound applies the bounds on the body and on requests in flight.
func (c *call) bound() error {
	limit := c.tenant.MaxBody
	if limit > 0 && c.request.ContentLength > limit {
		return vending.Refuse(vending.RequestTooLarge, "")
	}
	// A server may have wrapped what has nothing in it; ReverseProxy goes by the length as well.
	if body := c.request.Body; body != nil && body != http.NoBody && c.request.ContentLength != 0 {
		c.request = c.request.WithContext(c.request.Context()) // the caller's request keeps its body
		if limit > 0 {
			body = http.MaxBytesReader(c.ResponseWriter, body, limit)
		}
		c.request.Body = &callerBody{body, c}
	}
	if err := c.tenant.Enter(); err != nil {
		c.event.Budget = policy.BudgetInFlight
		return err
	}
	c.entered = true
	return nil
}

// spend takes one unit of each budget that the call draws on.
func (c *call) spend() error {
	draws := c.tenant.VendDraws(c.caller, c.target.App, c.target.Connection)
	reservations, spent, err := c.gateway.options.Limiter.Reserve(c.request.Context(), draws, time.Now())
	if err != nil {
		return err
	}
	if spent.Refused() {
		c.event.Budget = spent.Budget
		return c.tenant.Refuse(spent)
	}
	c.reservations = reservations
	return nil
}
