package local

import (
	"context"
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errNotOAuth = errors.New("the catalog has no token endpoint for the app")
	errMoved    = errors.New("the grant was obtained at another address than that of the current oauth client")
)

// endpoint says where and as whom to refresh.
func (s *Source) endpoint(ctx context.Context, h connectionGrant) (*tokenendpoint.Endpoint, error) {
	if h.app.OAuth2 == nil {
		s.o.Logger.Error("app has no token endpoint", "app", h.App, "connection", h.ID)
		return nil, vending.Errorf(vending.InternalError, errNotOAuth)
	}
	var transport http.RoundTripper
	if s.o.Transport != nil {
		transport = s.o.Transport(h.app)
	}
	if transport != nil {
		transport = leaseTransport{transport}
	}
	if h.renews() { // at a fixed address, by the token alone
		return tokenendpoint.New(h.app.OAuth2, connect.OAuthClient{}, transport, s.o.Now), nil
	}
	client, err := s.client(ctx, h)
	if err != nil {
		return nil, err
	}
	oauth, err := tokenendpoint.ExpandURLs(h.app, client, h.values.Fields, tokenendpoint.RefreshEndpoint(h.app))
	// a new connection has it
	if field, known := tokenendpoint.ErrorField(h.app, err); known && field.From != catalog.FromClient {
		return nil, vending.Errorf(vending.NeedsReconnection, err)
	}
	if err != nil {
		s.o.Logger.Error("token endpoint has no address", "app", h.App, "tenant", h.Tenant, "connection", h.ID, "error", err)
		return nil, vending.Errorf(vending.InternalError, err)
	}
	return tokenendpoint.New(oauth, client, transport, s.o.Now), nil
}

// client is the tenant's, or the end user's own where the app has such. It is needs_reconnection
// where it would take what was granted at one address to another.
func (s *Source) client(ctx context.Context, h connectionGrant) (connect.OAuthClient, error) {
	if h.app.ClientCredentials() {
		return tokenendpoint.ClientFromFields(h.values.Fields), nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	client, err := connect.ResolveOAuthClient(ctx, s.o.Clients, h.Tenant, h.app)
	var unusable *connect.OAuthClientError
	if errors.As(err, &unusable) {
		s.o.Logger.Error("app has no usable oauth client", "app", h.App, "tenant", h.Tenant, "error", err)
		return client, vending.Errorf(vending.InternalError, err)
	}
	if err != nil {
		return client, err
	}
	if client.Moved(h.app, h.values.Fields) {
		// It is not flagged: with the client of before, the connection works as before.
		s.o.Logger.Warn("grant was obtained at another address than that of the current oauth client", "app", h.App, "tenant",
			h.Tenant, "connection", h.ID)
		return client, vending.Errorf(vending.NeedsReconnection, errMoved)
	}
	return client, nil
}

// callEndpoint calls the token endpoint once, for what the app's grant calls a refresh.
func (s *Source) callEndpoint(ctx context.Context, endpoint *tokenendpoint.Endpoint,
	h connectionGrant) (next connect.GrantValues,
	refusal *vending.Error) {
	var err error
	switch {
	case h.app.ClientCredentials():
		next, err = endpoint.ClientCredentials(ctx, h.values)
	case h.renews():
		next, err = endpoint.Renew(ctx, h.values)
	default:
		next, err = endpoint.Refresh(ctx, h.values)
	}
	if err != nil {
		return connect.GrantValues{}, s.tokenError(h, err)
	}
	return next, nil
}
