package connect

import (
	"errors"

	"github.com/vendgate/vendgate/vending"
)

// ErrNoOAuthClient says that nobody has registered us with the app's provider.
var ErrNoOAuthClient = errors.New("no OAuth client is configured for the app; `vendgate oauth-client set` stores one")

// OAuthClient is what an app's provider knows us by (RFC 6749, section 2).
type OAuthClient struct {
	// ID is public.
	ID string
	// Secret is empty for a public client.
	Secret vending.Secret
	// Scopes replace the app's where there are any.
	Scopes []string
}
