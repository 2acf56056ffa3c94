package authorize

import (
	"context"
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Revoke ends a grant at its provider (RFC 7009), and reports whether it has. An app without a
// revocation endpoint, or a grant without a token, is false and no error. The refresh token goes
// where there is one: access tokens of its grant end with it (section 2.1). A grant that was
// obtained at another address than the client's present one is an error, and nothing is sent. An
// error that may be over soon wraps a *vending.Error with `rate_limited` or `upstream_unavailable`.
func (a *Authorizer) Revoke(ctx context.Context, tenant string, app *catalog.App, grant connect.Grant) (revoked bool,
	err error) {
	v := grant.Reveal()
	token, hint := v.RefreshToken, tokenendpoint.RefreshToken
	if token == "" {
		token, hint = v.AccessToken, tokenendpoint.AccessToken
	}
	if app.OAuth2 == nil || app.OAuth2.RevokeURL == "" || token == "" {
		return false, nil
	}
	client := tokenendpoint.ClientFromFields(v.Fields)
	if !app.ClientCredentials() {
		if client, err = a.client(ctx, tenant, app); err != nil {
			return false, err
		}
		if client.Moved(app, v.Fields) {
			return false, fmt.Errorf("revoking a grant of %s: %w", app.Slug, errMoved)
		}
	}
	o, err := a.expandURLs(app, client, v.Fields, tokenendpoint.RevokeURL)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, a.o.Timeout)
	defer cancel()
	if err := a.endpoint(app, o, client).Revoke(ctx, vending.NewSecret(token), hint); err != nil {
		return false, fmt.Errorf("revoking a grant of %s: %w", app.Slug, revocationError(err))
	}
	return true, nil
}

// revocationError says of a refusal that may be over soon when to ask again.
func revocationError(err error) error {
	var r *tokenendpoint.Refusal
	if !errors.As(err, &r) {
		return err
	}
	switch r.Class {
	case tokenendpoint.RateLimited:
		return &vending.Error{Code: vending.RateLimited, Origin: vending.FromVending, RetryAfter: r.RetryAfter, Err: err}
	case tokenendpoint.Unavailable:
		return &vending.Error{Code: vending.UpstreamUnavailable, Origin: vending.FromVending, RetryAfter: r.RetryAfter,
			Err: err}
	case tokenendpoint.Malformed, tokenendpoint.InvalidGrant, tokenendpoint.Rejected:
	}
	return err
}
