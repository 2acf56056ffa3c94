package authorize

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/tokenendpoint"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// FromFields makes a grant of what the end user entered. A client-credentials app must give a first token for
// it; of any other app without a provider's page, it is tried by the verify request of the catalog, once.
func (a *Authorizer) FromFields(ctx context.Context, app *catalog.App, fields []vending.Field) (connect.Grant, error) {
	oauth := vending.AuthType(app.AuthType) == vending.OAuth
	if oauth && !app.ClientCredentials() {
		return connect.Grant{}, fmt.Errorf("making a grant of %s from fields: its end users authorize it at the provider", app.Slug)
	}
	fields, err := cleanFields(app, fields)
	if err != nil {
		return connect.Grant{}, err
	}
	values := connect.GrantValues{Fields: fields}
	if oauth {
		return a.firstToken(ctx, app, values)
	}
	if err := a.try(ctx, app, credential(app, values, nil)); err != nil {
		return connect.Grant{}, err
	}
	values.SiteNames = a.siteNames(ctx, app, credential(app, values, nil))
	return connect.NewGrant(values), nil
}

func (a *Authorizer) firstToken(ctx context.Context, app *catalog.App, v connect.GrantValues) (connect.Grant, error) {
	client := tokenendpoint.OwnClient(v.Fields)
	o, err := a.filled(app, client, v.Fields, tokenendpoint.TokenURL)
	if err != nil {
		return connect.Grant{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	v, err = a.endpoint(app, o, client).ClientCredentials(bounded, v)
	if err != nil {
		return connect.Grant{}, a.refused(ctx, "", app, err)
	}
	return newGrant(app, v, connect.OAuthClient{})
}

// try sends the app's verify request with cred.
func (a *Authorizer) try(ctx context.Context, app *catalog.App, cred vending.Credential) error {
	placement, err := inject.NewPlacement(app)
	if err != nil {
		return fmt.Errorf("compiling the placement of %s: %w", app.Slug, err)
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	r, err := placement.Verify(bounded, cred)
	switch {
	case errors.Is(err, inject.ErrNoVerify):
		return nil
	case err != nil:
		return unplaceable(app, err)
	}
	status, err := a.ask(app, r)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("verifying a credential of %s: %w", app.Slug, err)
	}
	p := verdict(status)
	if p == nil || app.Verify.Inconclusive {
		return nil
	}
	p.Status, p.Err = status, err
	return about(app, *p)
}

// ask returns the status that the upstream answers r with. Neither its body nor a redirect is looked at.
func (a *Authorizer) ask(app *catalog.App, r *http.Request) (status int, err error) {
	status, err = httpx.Status(a.placing(app), r)
	if err != nil {
		return 0, callingUpstream(err)
	}
	return status, nil
}

// placing is the transport of requests that a placement made; nil where nothing may be dialled.
func (a *Authorizer) placing(app *catalog.App) http.RoundTripper {
	base := httpx.Fresh(a.transport(app))
	if base == nil {
		return nil
	}
	return &inject.Transport{Base: base}
}

func callingUpstream(err error) error { return fmt.Errorf("calling the upstream: %w", err) }

// verdict says what an upstream's answer to a verify request means; 0 is none. Nil is acceptance.
func verdict(status int) *Problem {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status < 300, status >= 500:
		return &Problem{Kind: Unreachable}
	}
	return &Problem{Kind: WrongCredential}
}
