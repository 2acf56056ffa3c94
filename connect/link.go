package connect

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// LinkLifetime is how long a link may be used.
const LinkLifetime = 48 * time.Hour

// maxLinks bounds the links of one connection that are kept, the pending one among them; the oldest
// go.
const maxLinks = 20

// ErrLinkEnded says that there is no link of that token that could still be used: it is unknown,
// used, rejected, replaced or expired. Nobody learns which.
var ErrLinkEnded = errors.New("the link is invalid, has been used, or has expired")

// Digest is the SHA-256 of a request token, a state, a cookie or an MCP URL: all that is stored of
// one.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a token.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

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

// CreateLink makes a pending connection and the link by which the end user completes it. Of c it
// takes Tenant, User, App, Name and AuthType. What is wrong with them is a *vending.Error with
// `invalid_request` or `invalid_user_email`.
func (s *Store) CreateLink(ctx context.Context, c Connection) (Link, error) {
	c = Connection{
		ID: newConnectionID(), Tenant: c.Tenant, User: c.User, App: c.App, Name: c.Name,
		Status: Pending, AuthType: c.AuthType, ViaLink: true, Version: 1,
	}
	if err := c.normalize(); err != nil {
		return Link{}, err
	}
	var l Link
	err := s.update(ctx, "making a link", func(tx *sql.Tx) (err error) {
		if err = s.insert(ctx, tx, c, Grant{}); err == nil {
			l, err = s.addLink(ctx, tx, c.ID, false)
		}
		return err
	})
	if err != nil {
		return Link{}, err
	}
	return l, nil
}

// RenewLink makes a new link for a connection of tenant and, unless it is empty, user; any link
// before it ends. An active connection keeps working until the link is completed; any other becomes
// pending again. Without such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) RenewLink(ctx context.Context, tenant, user, id string) (Link, error) {
	var l Link
	err := s.update(ctx, "renewing a link", func(tx *sql.Tx) error {
		c, err := s.owned(ctx, tx, tenant, user, id)
		if err != nil {
			return err
		}
		event := LinkReplaced
		if c.Status != Pending && !c.RefreshPending {
			event = LinkExpired // it had run out before, and was not swept yet
		}
		if err := s.endLink(ctx, tx, c, Expired, event, Digest{}); err != nil && !errors.Is(err, ErrLinkEnded) {
			return err
		}
		renews, status := c.Status == Active, Pending
		if renews {
			status = Active
		}
		// via_link stays: a link that is never used must not make an imported connection look as if the
		// end user had made it.
		if err := s.settle(ctx, tx, id, status, renews); err != nil {
			return err
		}
		l, err = s.addLink(ctx, tx, id, renews)
		return err
	})
	if err != nil {
		return Link{}, err
	}
	return l, nil
}

// settle sets the status that a connection has after its link was made, or ended without a grant.
// updated_at follows the status only: of an active connection it tells when the grant was stored,
// and with that how early a token is refreshed.
func (s *Store) settle(ctx context.Context, tx *sql.Tx, id string, status Status, refreshPending bool) error {
	return mustChange(tx.ExecContext(ctx, `UPDATE connections SET status = ?1, refresh_pending = ?2,
		updated_at = CASE status WHEN ?1 THEN updated_at ELSE ?3 END WHERE id = ?4`, string(status), refreshPending, s.now().UnixMilli(), id))
}

// addLink makes the pending link of a connection that has none.
func (s *Store) addLink(ctx context.Context, tx *sql.Tx, id string, renews bool) (Link, error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE digest IN
		(SELECT digest FROM links WHERE connection = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?)`, id, maxLinks-1); err != nil {
		return Link{}, err
	}
	token := randomBase62(24, requestTokenDigits)
	digest := DigestOf(token)
	now := s.now()
	if _, err := tx.ExecContext(ctx, `INSERT INTO links (digest, connection, status, renews, created_at, expires_at)
		VALUES (?, ?, 'pending', ?, ?, ?)`, digest[:], id, renews, now.UnixMilli(), now.Add(LinkLifetime).UnixMilli()); err != nil {
		return Link{}, err
	}
	c, err := s.describe(ctx, tx, "", "", id)
	if err != nil {
		return Link{}, err
	}
	row := about(LinkCreated, c)
	if renews {
		row.Detail = "to refresh the credentials"
	}
	return Link{Token: vending.NewSecret(token), ExpiresAt: c.LinkExpiresAt, Connection: c, Renews: renews},
		s.record(ctx, tx, row)
}
