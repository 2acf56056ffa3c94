package authorize

import (
	"context"
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// FromFields makes a grant of what the end user entered. A client-credentials app must give a first
// token for it; of any other app without a provider's page, it is tried by the verify request of
// the catalog, once. What is neither accepted nor refused is a *[Error] of kind Unconfirmed. The
// grant is verified unless the catalog has no verify request.
func (a *Authorizer) FromFields(ctx context.Context, app *catalog.App, fields []vending.Field) (connect.Grant, error) {
	return a.fromFields(ctx, app, fields, false)
}

// FromUnconfirmedFields is FromFields, but what is neither accepted nor refused becomes a grant
// that is not verified: the end user has decided so.
func (a *Authorizer) FromUnconfirmedFields(ctx context.Context, app *catalog.App,
	fields []vending.Field) (connect.Grant, error) {
	return a.fromFields(ctx, app, fields, true)
}

func (a *Authorizer) fromFields(ctx context.Context, app *catalog.App, fields []vending.Field,
	unconfirmed bool) (connect.Grant, error) {
	if isOAuth(app) && !app.ClientCredentials() {
		return connect.Grant{},
			fmt.Errorf("making a grant of %s from fields: its end users authorize it at the provider", app.Slug)
	}
	fields, err := cleanFields(app, fields)
	if err != nil {
		return connect.Grant{}, err
	}
	return a.confirm(ctx, app, connect.GrantValues{Fields: fields}, unconfirmed)
}

func isOAuth(app *catalog.App) bool { return vending.AuthType(app.AuthType) == vending.OAuth }

// confirm makes a grant of v after asking the provider to verify it. Where unconfirmed says so, the
// response may also be inconclusive.
func (a *Authorizer) confirm(ctx context.Context, app *catalog.App, v connect.GrantValues,
	unconfirmed bool) (connect.Grant, error) {
	if isOAuth(app) {
		return a.firstToken(ctx, app, v)
	}
	account, err := a.verify(ctx, app, v)
	var p *Error
	switch {
	case err == nil, errors.Is(err, inject.ErrNoVerify), unconfirmed && errors.As(err, &p) && p.Kind == Unconfirmed:
	default:
		return connect.Grant{}, err
	}
	v.SiteNames = a.siteNames(ctx, app, credential(app, v, nil))
	grant := connect.NewGrant(v)
	if err == nil {
		grant = grant.Verify().OfAccount(account)
	}
	return grant, nil
}

func (a *Authorizer) firstToken(ctx context.Context, app *catalog.App, v connect.GrantValues) (connect.Grant, error) {
	client := tokenendpoint.ClientFromFields(v.Fields)
	o, err := a.expandURLs(app, client, v.Fields, tokenendpoint.TokenURL)
	if err != nil {
		return connect.Grant{}, err
	}
	bounded, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	v, err = a.endpoint(app, o, client).ClientCredentials(bounded, v)
	if err != nil {
		return connect.Grant{}, a.tokenError(ctx, "", app, err)
	}
	return newGrant(app, v, connect.OAuthClient{})
}
