package connect

import (
	"errors"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// LinkLifetime is how long a link may be used.
const LinkLifetime = 48 * time.Hour

// ErrLinkEnded says that there is no link of that token that could still be used: it is unknown,
// used, rejected, replaced or expired. No caller learns which.
var ErrLinkEnded = errors.New("the link is invalid, has been used, or has expired")

// Link is a link that was made. Its token cannot be shown again.
type Link struct {
	// Token is the request token: 192 random bits in base62.
	Token vending.Secret
	// ExpiresAt is in UTC, to the millisecond.
	ExpiresAt time.Time
	// Connection is the one that the link makes or renews.
	Connection Connection
	// Renews says that the connection works already and the link renews what it holds.
	Renews bool
}

// LinkState is a link as its holder meets it.
type LinkState struct {
	Connection Connection
	// Status is the link's own: a link that renews is pending while its connection is active.
	Status    Status
	Renews    bool
	Accepted  bool
	ExpiresAt time.Time
	Opened    bool
	// browser is the digest of the cookie of the browser that ended the link.
	Browser Digest
}

// EndedBy reports whether the browser with this cookie's digest completed or rejected the link.
func (l *LinkState) EndedBy(browser Digest) bool {
	return l.Browser != Digest{} && l.Browser == browser
}

// ErrNoAuthRequest says that a callback matches no authorization request of this browser.
var ErrNoAuthRequest = errors.New("the callback matches no authorization request of this browser")

// AuthRequest is an authorization that an end user was sent to the provider for.
type AuthRequest struct {
	// Link is the digest of the request token.
	Link Digest
	// Verifier is the PKCE code verifier (RFC 7636) or what OAuth 1 has in its place, RedirectURI the
	// redirect URI that was sent.
	Verifier    vending.Secret
	RedirectURI string
	// Fields are what the app needs besides the token, as the end user entered it.
	Fields []vending.Field
}
