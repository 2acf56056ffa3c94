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

// ErrLinkEnded says that there is no link of that token that could still be used: it is unknown, used, rejected, replaced or expired.
// Nobody learns which.
var ErrLinkEnded = errors.New("the link is invalid, has been used, or has expired")

// Digest is the SHA-256 of a request token, a state, a cookie or an MCP URL: all that is stored of one.
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

// LinkState is a link as its holder meets it.
type LinkState struct {
	Connection Connection
	// Status is the link's own: a link that renews is pending while its connection is active.
	Status    Status
	Renews    bool
	Accepted  bool
	ExpiresAt time.Time
	// browser is the digest of the cookie of the browser that ended the link.
	browser Digest
}

// EndedBy reports whether the browser with this cookie's digest completed or rejected the link.
func (l *LinkState) EndedBy(browser Digest) bool {
	return l.browser != Digest{} && l.browser == browser
}

// CreateLink makes a pending connection and the link by which the end user completes it. Of c it takes Tenant, User, App, Name and
// AuthType. What is wrong with them is a *vending.Error with `invalid_request` or `invalid_user_email`.
func (s *Store) CreateLink(ctx context.Context, c Connection) (Link, error) {
	c.Status, c.ViaLink = Pending, true
	if err := c.normalize(); err != nil {
		return Link{}, err
	}
	c.ID, c.Version = newConnectionID(), 1
	var l Link
	err := s.update(ctx, "making a link", func(tx *sql.Tx) (err error) {
		if err = s.insert(ctx, tx, c, Grant{}); err == nil {
			l, err = s.addLink(ctx, tx, c.ID, false)
		}
		return err
	})
	return l, err
}

// RenewLink makes a new link for a connection of tenant and, unless it is empty, user; any link before it ends. An active connection
// keeps working until the link is completed; any other becomes pending again. Without such a connection it is a *vending.Error with
// `connection_deleted`.
func (s *Store) RenewLink(ctx context.Context, tenant, user, id string) (l Link, err error) {
	err = s.update(ctx, "renewing a link", func(tx *sql.Tx) error {
		c, err := s.describe(ctx, tx, tenant, user, id)
		if err != nil {
			return err
		}
		if err := s.endLink(ctx, tx, c, Expired, LinkReplaced, Digest{}); err != nil && !errors.Is(err, ErrLinkEnded) {
			return err
		}
		renews := c.Status == Active
		status := Pending
		if renews {
			status = Active
		}
		// via_link stays: a link that is never used must not make an imported connection look as if the end user had made it.
		if _, err := tx.ExecContext(ctx, `UPDATE connections SET status = ?, refresh_pending = ?, updated_at = ? WHERE id = ?`,
			string(status), renews, s.now().UnixMilli(), id); err != nil {
			return err
		}
		l, err = s.addLink(ctx, tx, id, renews)
		return err
	})
	return l, err
}

// addLink makes the pending link of a connection that has none.
func (s *Store) addLink(ctx context.Context, tx *sql.Tx, id string, renews bool) (Link, error) {
	token := randomBase62(24, requestTokenDigits)
	digest := DigestOf(token)
	now := s.now()
	expires := now.Add(LinkLifetime)
	if _, err := tx.ExecContext(ctx, `INSERT INTO links (digest, connection, status, renews, created_at, expires_at)
		VALUES (?, ?, 'pending', ?, ?, ?)`, digest[:], id, renews, now.UnixMilli(), expires.UnixMilli()); err != nil {
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
	return Link{Token: vending.NewSecret(token), ExpiresAt: c.LinkExpiresAt, Connection: c, Renews: renews}, s.record(ctx, tx, row)
}

// Describe returns a connection with the expiry of its link. An empty tenant or user means any. Without such a connection it is a
// *vending.Error with `connection_deleted`.
func (s *Store) Describe(ctx context.Context, tenant, user, id string) (c Connection, err error) {
	err = s.view(ctx, "reading a connection", func(tx *sql.Tx) error {
		c, err = s.describe(ctx, tx, tenant, user, id)
		return err
	})
	return c, err
}

func (s *Store) describe(ctx context.Context, tx *sql.Tx, tenant, user, id string) (Connection, error) {
	var where conditions
	where.add("c.id = ?", id)
	where.equal("c.tenant", tenant)
	where.equal("c.user", user)
	clause, args := where.where()
	found, err := listConnections(ctx, tx, s.now().UnixMilli(), clause, args...)
	switch {
	case err != nil:
		return Connection{}, err
	case len(found) == 0:
		return Connection{}, errNoConnection()
	}
	return found[0], nil
}

// Link returns the link of a token in whatever state it is. An unknown one is ErrLinkEnded.
func (s *Store) Link(ctx context.Context, digest Digest) (l LinkState, err error) {
	err = s.view(ctx, "reading a link", func(tx *sql.Tx) error {
		l, err = s.link(ctx, tx, digest)
		return err
	})
	return l, err
}

func (s *Store) link(ctx context.Context, tx *sql.Tx, digest Digest) (l LinkState, err error) {
	var id string
	var browser []byte
	var expires int64
	err = tx.QueryRowContext(ctx, `SELECT connection, status, renews, accepted, expires_at, browser FROM links WHERE digest = ?`, digest[:]).
		Scan(&id, &l.Status, &l.Renews, &l.Accepted, &expires, &browser)
	if errors.Is(err, sql.ErrNoRows) {
		return l, ErrLinkEnded
	}
	if err != nil {
		return l, err
	}
	l.ExpiresAt = time.UnixMilli(expires).UTC()
	if l.Status == Pending && !l.ExpiresAt.After(s.now()) {
		l.Status = Expired
	}
	copy(l.browser[:], browser)
	l.Connection, err = s.describe(ctx, tx, "", "", id)
	return l, err
}

// pendingLink returns a link that can still be used, or ErrLinkEnded.
func (s *Store) pendingLink(ctx context.Context, tx *sql.Tx, digest Digest) (LinkState, error) {
	l, err := s.link(ctx, tx, digest)
	if err == nil && l.Status != Pending {
		err = ErrLinkEnded
	}
	return l, err
}

// OpenLink returns a link for the page that its holder opens, and records the first time. A link that cannot be used is ErrLinkEnded.
func (s *Store) OpenLink(ctx context.Context, digest Digest) (LinkState, error) {
	return s.passLink(ctx, digest, "opened", LinkOpened)
}

// AcceptLink records that the end user wants to go on, and returns the link. One that cannot be used is ErrLinkEnded.
func (s *Store) AcceptLink(ctx context.Context, digest Digest) (LinkState, error) {
	return s.passLink(ctx, digest, "accepted", LinkAccepted)
}

// passLink notes in a column, a constant, that a pending link has come that far. It writes the first time only: pages are read far more
// often than they are first opened.
func (s *Store) passLink(ctx context.Context, digest Digest, column string, event Event) (l LinkState, err error) {
	var passed bool
	err = s.view(ctx, "reading a link", func(tx *sql.Tx) error {
		if l, err = s.pendingLink(ctx, tx, digest); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT `+column+` FROM links WHERE digest = ?`, digest[:]).Scan(&passed)
	})
	if err != nil || passed {
		return l, err
	}
	err = s.update(ctx, "noting the progress of a link", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE links SET `+column+` = 1 WHERE digest = ? AND status = 'pending' AND `+column+` = 0`, digest[:])
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return err // another request was first
		}
		return s.record(ctx, tx, about(event, l.Connection))
	})
	return l, err
}
