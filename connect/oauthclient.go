package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// ErrNoOAuthClient says that no operator has registered us with the app's provider.
var ErrNoOAuthClient = errors.New("no OAuth client is configured for the app; `vendgate oauth-client set` stores one")

// OAuthClient is what an app's provider knows us by (RFC 6749, section 2).
type OAuthClient struct {
	// ID is public.
	ID string
	// Secret is empty for a public client.
	Secret vending.Secret
	// Scopes replace the app's where there are any.
	Scopes []string
	// Fields are what else the provider gave out with it; see [OAuthClient.Fits].
	Fields []ClientField
	// Shared says that it is that of all tenants without one of their own. Who looks a client up for a
	// tenant sets it.
	Shared bool
}

// OAuthClientError says that the connections of an app cannot be made or refreshed until an
// operator sets its OAuth client, or corrects it. It wraps ErrNoOAuthClient or a *ClientFieldError.
type OAuthClientError struct{ err error }

func (e *OAuthClientError) Error() string { return e.err.Error() }
func (e *OAuthClientError) Unwrap() error { return e.err }

// ResolveOAuthClient returns the client by which grants of app are obtained and refreshed for a
// tenant, as clients finds it: without one clients returns ErrNoOAuthClient, wrapped or not. None,
// and one that does not fit the app, is an *OAuthClientError.
func ResolveOAuthClient(ctx context.Context, clients func(ctx context.Context, tenant, app string) (OAuthClient, error),
	tenant string, app *catalog.App) (OAuthClient, error) {
	client, err := clients(ctx, tenant, app.Slug)
	if err == nil {
		err = client.Fits(app)
	}
	var misfit *ClientFieldError
	switch {
	case err == nil:
		return client, nil
	case errors.Is(err, ErrNoOAuthClient):
		return OAuthClient{}, &OAuthClientError{ErrNoOAuthClient}
	case errors.As(err, &misfit):
		return OAuthClient{}, &OAuthClientError{misfit}
	}
	return OAuthClient{}, fmt.Errorf("finding the oauth client for %s: %w", app.Slug, err)
}

// StoredOAuthClient is what is shown of a client in the store.
type StoredOAuthClient struct {
	// Tenant is empty for the client of all tenants without one of their own.
	Tenant, App, ID string
	Scopes          []string
	// Fields are the names of what comes with it.
	Fields []string
	// Public says that it has no secret.
	Public bool
	// UpdatedAt is in UTC, to the millisecond.
	UpdatedAt time.Time
}

// The bounds of an OAuth client, in bytes and in numbers.
const (
	maxClientID     = 512
	maxClientSecret = 16 << 10
	MaxScopes       = 100
	maxScope        = 200
)

// CheckOAuthClient reports what is wrong with the client of a tenant for an app, as a
// *vending.Error with `invalid_request` that names the value and never repeats it. An empty tenant
// means all.
func CheckOAuthClient(tenant, app string, c OAuthClient) error {
	if tenant != "" {
		if err := CheckTenantID(tenant); err != nil {
			return err
		}
	}
	if err := checkSlug("app", app); err != nil {
		return err
	}
	secret := c.Secret.Reveal()
	switch {
	case c.ID == "" || len(c.ID) > maxClientID || !printable(c.ID):
		return Invalid(fmt.Sprintf("client_id: must be 1 to %d bytes of visible ASCII", maxClientID))
	case len(secret) > maxClientSecret || !printable(secret):
		return Invalid(fmt.Sprintf(
			"client_secret: must be at most %d bytes of visible ASCII; a line break at its end is the usual mistake",
			maxClientSecret))
	}
	if err := CheckScopes(c.Scopes); err != nil {
		return err
	}
	return checkClientFields(c.Fields)
}

// CheckScopes reports scopes that no authorization request could carry (RFC 6749, section 3.3):
// there may be 100, of 1 to 200 bytes each. Its error, a *vending.Error with `invalid_request`,
// never repeats a scope: that may be a secret in the wrong place.
func CheckScopes(scopes []string) error {
	if len(scopes) > MaxScopes {
		return Invalid(fmt.Sprintf("scopes: write at most %d", MaxScopes))
	}
	for _, scope := range scopes {
		if scope == "" || len(scope) > maxScope || !printable(scope) || strings.ContainsAny(scope, ` "\`) {
			return Invalid(fmt.Sprintf("scopes: write each by itself, 1 to %d bytes of visible ASCII without spaces, quotes "+
				"and backslashes", maxScope))
		}
	}
	return nil
}

// printable is true of visible ASCII and spaces (RFC 6749, appendix A: VSCHAR).
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}
