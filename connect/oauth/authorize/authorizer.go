package authorize

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Options say what an authorizer works on.
type Options struct {
	// Clients finds the OAuth client of an app, for a tenant. Without one it returns
	// connect.ErrNoOAuthClient, wrapped or not.
	Clients func(ctx context.Context, tenant, app string) (connect.OAuthClient, error)
	// Transport reaches an app's token and revocation endpoints and its upstream. It must guard what
	// it dials by what that app allows; where it is nil or returns nil, nothing is dialled.
	Transport func(app *catalog.App) http.RoundTripper
	// Timeout bounds each call of a provider; 0 means 10 s.
	Timeout time.Duration
	// Logger receives what only an operator can fix; nil discards it.
	Logger *slog.Logger
	// Now is the clock of expiries; nil means time.Now.
	Now func() time.Time
}

const defaultTimeout = 10 * time.Second

// Authorizer obtains grants. It keeps nothing between two calls and is safe for parallel use.
//
// What an end user can be told is an *[Error]; any other error is a defect here, or a caller that
// left.
type Authorizer struct{ o Options }

// New returns an authorizer over o.
func New(o Options) *Authorizer {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Authorizer{o}
}

// client is our OAuth client at the provider of app.
func (a *Authorizer) client(ctx context.Context, tenant string, app *catalog.App) (connect.OAuthClient, error) {
	client, err := connect.ResolveOAuthClient(ctx, a.o.Clients, tenant, app)
	var unusable *connect.OAuthClientError
	if errors.As(err, &unusable) {
		a.o.Logger.Error("app has no usable oauth client", "app", app.Slug, "tenant", tenant, "error", err)
		return client, newError(app, Error{Kind: NotConfigured, Err: err})
	}
	return client, err
}

func (a *Authorizer) transport(app *catalog.App) http.RoundTripper {
	if a.o.Transport == nil {
		return nil
	}
	return a.o.Transport(app)
}

// endpoint is the token endpoint of o, which is app's with its URLs expanded.
func (a *Authorizer) endpoint(app *catalog.App, o *catalog.OAuth2, client connect.OAuthClient) *tokenendpoint.Endpoint {
	return tokenendpoint.New(o, client, a.transport(app), a.o.Now)
}

// expandURLs is app's OAuth2 with the URLs expanded that are used.
func (a *Authorizer) expandURLs(app *catalog.App, client connect.OAuthClient, fields []vending.Field,
	used ...tokenendpoint.URL) (*catalog.OAuth2, error) {
	o, err := tokenendpoint.ExpandURLs(app, client, fields, used...)
	return o, placementError(app, err)
}

// tokenError explains an error of app's token endpoint. Where the OAuth client is the end user's
// own, so is the mistake in it.
func (a *Authorizer) tokenError(ctx context.Context, tenant string, app *catalog.App, err error) error {
	var r *tokenendpoint.Refusal
	if !errors.As(err, &r) || errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("authorizing %s: %w", app.Slug, err)
	}
	p := Error{Kind: ProviderError, Status: r.Status, Code: cleanCode(r.Code), Err: r}
	own := app.ClientCredentials()
	switch {
	case r.Class == tokenendpoint.Unavailable, r.Class == tokenendpoint.RateLimited:
		p.Kind = Unreachable
	case r.Class == tokenendpoint.Malformed:
		p.Kind = Malformed
	case own && (r.BlamesClient() || r.Class == tokenendpoint.InvalidGrant || blamesInput(r)):
		p.Kind = WrongCredential
	case r.BlamesClient():
		p.Kind = NotConfigured
	case r.Code == "":
		p.Kind = Malformed
	}
	if r.Class == tokenendpoint.Rejected && p.Kind != WrongCredential {
		a.o.Logger.Error("token endpoint refused us", "app", app.Slug, "tenant", tenant, "status", r.Status, "provider_code",
			r.Code)
	}
	return newError(app, p)
}

// blamesInput reports whether a provider that names no error code refused what the end user
// entered: nothing else in the request varies.
func blamesInput(r *tokenendpoint.Refusal) bool {
	return r.Code == "" && (r.Status == http.StatusBadRequest || r.Status == http.StatusForbidden)
}

// credential is what calls with a grant of app would place, besides what comes with the OAuth
// client.
func credential(app *catalog.App, v connect.GrantValues, client []vending.Field) vending.Credential {
	if vending.AuthType(app.AuthType) != vending.OAuth {
		return vending.NewFields(app.Slug, vending.AuthType(app.AuthType), v.Fields)
	}
	beside := slices.Clone(client) // before what a grant once kept of them
	for _, f := range v.Fields {
		if !app.OwnsClient(f.Name) {
			beside = append(beside, f)
		}
	}
	return vending.NewOAuth(app.Slug, v.AccessToken, v.TokenType, v.Expiry, beside...).Configured(app.AddressFields()...)
}
