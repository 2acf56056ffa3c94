package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// vend asks the tenant's source for the credential, and commits what was spent.
func (c *call) vend() error {
	c.event.Source = c.tenant.Source
	c.event.Vending = time.Now()
	credential, err := c.ask(c.request.Context(), c.event.Vending, vending.Request{})
	c.event.FirstVend = time.Since(c.event.Vending)
	c.event.Vend, c.event.Vends = c.event.FirstVend, 1
	c.reservations.Commit(err == nil)
	c.credential = credential
	return err
}

// ask vends once, from start on. What asks for a forced vend fills Force and Refused; the rest is
// the call's.
func (c *call) ask(ctx context.Context, start time.Time, r vending.Request) (vending.Credential, error) {
	source := c.gateway.source(c.tenant)
	c.fill(&r)
	if source.takesKey {
		r.Key = c.key
	}
	ctx, end := c.span(ctx, "vendgate.vend")
	defer end()
	bounded := httpx.DetachUntil(ctx, start.Add(c.gateway.options.VendTimeout))
	defer bounded.End()
	credential, err := source.Vend(c.withSpan(bounded, ctx), r)
	switch {
	case err != nil:
		return vending.Credential{}, err
	case credential.IsZero():
		return vending.Credential{}, vending.Errorf(vending.InternalError, errors.New("the source returned no credential"))
	case credential.App != c.target.App:
		// Sources check this themselves; a credential sent to the wrong host cannot be called back.
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, nil)
	}
	return credential, nil
}

// fill says in r whose credential is asked for.
func (c *call) fill(r *vending.Request) {
	r.Tenant, r.User, r.Connection, r.App = c.tenant.ID, c.user, c.target.Connection, c.target.App
	r.ID = c.event.ID
}

// noteAccepted tells the source that the upstream took a credential that it had refused before.
// Only success says so: what else it answers may have come before it looked at the credential.
func (c *call) noteAccepted(status int) {
	noter := c.gateway.source(c.tenant).noter
	credential, doubted := c.injection.Doubted()
	if !doubted || noter == nil || status < 200 || status > 299 {
		return
	}
	var r vending.Request
	c.fill(&r)
	ctx := c.request.Context()
	noter.Accepted(c.withSpan(httpx.Detach(ctx), ctx), r, credential)
}

// revend implements inject.Revend. Where a new credential did not help a while ago it returns the
// refused one, so that the 401 is the answer.
func (c *call) revend(ctx context.Context, refused vending.Credential) (vending.Credential, error) {
	start := time.Now()
	if !c.gateway.refusals.Permit(c.grant(), refused, start) {
		return refused, nil
	}
	defer func() { c.event.Vend, c.event.Vends = c.event.Vend+time.Since(start), 2 }()
	fresh, err := c.ask(ctx, start, vending.Request{Force: true, Refused: refused})
	if err == nil {
		c.gateway.refusals.Vended(c.grant(), refused, fresh, time.Now())
	}
	return fresh, err
}

// cured notes that the upstream did not refuse a credential that was vended by force. Answers that
// it is busy or unavailable do not tell.
func (c *call) cured(status int) {
	if c.event.Vends == 2 && status != http.StatusTooManyRequests && status < http.StatusInternalServerError {
		c.gateway.refusals.Cured(c.grant())
	}
}

// grant names the connection among those of all tenants. A tenant's id has no slash.
func (c *call) grant() string { return c.tenant.ID + "/" + c.target.Connection }
