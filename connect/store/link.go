package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// maxLinks bounds the links of one connection that are kept, the pending one among them; the oldest
// go.
const maxLinks = 20

// refreshing is the detail of events of a link that renews.
const refreshing = "to refresh the credentials"

// CreateLink makes a pending connection and the link by which the end user completes it. Of c it
// takes Tenant, User, App, Name and AuthType. What is wrong with them is a *vending.Error with
// `invalid_request` or `invalid_user_email`.
func (s *Store) CreateLink(ctx context.Context, c connect.Connection) (connect.Link, error) {
	c = connect.Connection{
		ID: connect.NewConnectionID(), Tenant: c.Tenant, User: c.User, App: c.App, Name: c.Name,
		Status: connect.Pending, AuthType: c.AuthType, ViaLink: true, Version: 1,
	}
	if err := c.Normalize(); err != nil {
		return connect.Link{}, err
	}
	var l connect.Link
	err := s.update(ctx, "making a link", func(tx *tx) (err error) {
		if err = s.insert(ctx, tx, c, connect.Grant{}); err == nil {
			l, err = s.addLink(ctx, tx, c.ID, false)
		}
		return err
	})
	if err != nil {
		return connect.Link{}, err
	}
	return l, nil
}

// RenewLink makes a new link for a connection of tenant and, unless it is empty, user; any link
// before it ends. An active connection keeps working until the link is completed; any other becomes
// pending again. Without such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) RenewLink(ctx context.Context, tenant, user, id string) (connect.Link, error) {
	var l connect.Link
	err := s.update(ctx, "renewing a link", func(tx *tx) error {
		if err := tx.lockConnection(ctx, id); err != nil {
			return err
		}
		c, err := s.owned(ctx, tx, tenant, user, id)
		if err != nil {
			return err
		}
		event := connect.LinkReplaced
		if c.Status != connect.Pending && !c.RefreshPending {
			event = connect.LinkExpired // it had run out before, and was not swept yet
		}
		if err := s.endLink(ctx, tx, c, connect.Expired, event, connect.Digest{}); err != nil &&
			!errors.Is(err, connect.ErrLinkEnded) {
			return err
		}
		renews, status := c.Status == connect.Active, connect.Pending
		if renews {
			status = connect.Active
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
		return connect.Link{}, err
	}
	return l, nil
}

// settle sets the status that a connection has after its link was made, or ended without a grant.
// updated_at follows the status only: of an active connection it tells when the grant was stored,
// and with that how early a token is refreshed.
func (s *Store) settle(ctx context.Context, tx *tx, id string, status connect.Status, refreshPending bool) error {
	return mustChange(tx.ExecContext(ctx, `UPDATE connections SET status = ?1, refresh_pending = ?2,
		updated_at = CASE status WHEN ?1 THEN updated_at ELSE ?3 END WHERE id = ?4`,
		string(status), refreshPending, s.now().UnixMilli(), id))
}

// addLink makes the pending link of a connection that has none.
func (s *Store) addLink(ctx context.Context, tx *tx, id string, renews bool) (connect.Link, error) {
	if _, err := tx.ExecContext(ctx, `DELETE FROM links WHERE digest IN
		(SELECT digest FROM links WHERE connection = ? ORDER BY expires_at DESC LIMIT 9223372036854775807 OFFSET ?)`,
		id, maxLinks-1); err != nil {
		return connect.Link{}, err
	}
	token := connect.NewRequestToken()
	digest := connect.DigestOf(token)
	now := s.now()
	if _, err := tx.ExecContext(ctx, `INSERT INTO links (digest, connection, status, renews, created_at, expires_at)
		VALUES (?, ?, 'pending', ?, ?, ?)`,
		digest[:], id, renews, now.UnixMilli(), now.Add(connect.LinkLifetime).UnixMilli()); err != nil {
		return connect.Link{}, err
	}
	c, err := s.describe(ctx, tx, "", "", id)
	if err != nil {
		return connect.Link{}, err
	}
	row := connect.AuditRowOf(connect.LinkCreated, c)
	if renews {
		row.Detail = refreshing
	}
	return connect.Link{Token: vending.NewSecret(token), ExpiresAt: c.LinkExpiresAt, Connection: c, Renews: renews},
		s.record(ctx, tx, row)
}

// Link returns the link of a token in any state. An unknown one is ErrLinkEnded.
func (s *Store) Link(ctx context.Context, digest connect.Digest) (l connect.LinkState, err error) {
	err = s.view(ctx, "reading a link", func(tx *tx) error {
		l, err = s.link(ctx, tx, digest)
		return err
	})
	return l, err
}

func (s *Store) link(ctx context.Context, tx *tx, digest connect.Digest) (l connect.LinkState, err error) {
	var id string
	var browser []byte
	var expires int64
	err = tx.QueryRowContext(ctx,
		`SELECT connection, status, renews, opened, accepted, expires_at, browser FROM links WHERE digest = ?`, digest[:]).
		Scan(&id, &l.Status, &l.Renews, &l.Opened, &l.Accepted, &expires, &browser)
	if errors.Is(err, sql.ErrNoRows) {
		return l, connect.ErrLinkEnded
	}
	if err != nil {
		return l, err
	}
	l.ExpiresAt = time.UnixMilli(expires).UTC()
	if l.Status == connect.Pending && !l.ExpiresAt.After(s.now()) {
		l.Status = connect.Expired
	}
	copy(l.Browser[:], browser)
	l.Connection, err = s.describe(ctx, tx, "", "", id)
	return l, err
}

// pendingLink returns a link that can still be used, or ErrLinkEnded.
func (s *Store) pendingLink(ctx context.Context, tx *tx, digest connect.Digest) (connect.LinkState, error) {
	l, err := s.link(ctx, tx, digest)
	if err == nil && l.Status != connect.Pending {
		err = connect.ErrLinkEnded
	}
	return l, err
}

// lockedLink is pendingLink of a link that no other transaction changes.
func (s *Store) lockedLink(ctx context.Context, tx *tx, digest connect.Digest) (l connect.LinkState, err error) {
	if err := tx.ifShared(ctx, `SELECT 1 FROM connections c JOIN links l ON l.connection = c.id
		WHERE l.digest = ? FOR UPDATE OF c`, digest[:]); err != nil {
		return l, err
	}
	return s.pendingLink(ctx, tx, digest)
}

// OpenLink returns a link for the page that its holder opens, and records the first time. A link
// that cannot be used is ErrLinkEnded.
func (s *Store) OpenLink(ctx context.Context, digest connect.Digest) (connect.LinkState, error) {
	return s.passLink(ctx, digest, `UPDATE links SET opened = 1 WHERE digest = ?`, connect.LinkOpened,
		func(l *connect.LinkState) *bool {
			return &l.Opened
		})
}

// AcceptLink records that the end user wants to go on, and returns the link. One that cannot be
// used is ErrLinkEnded.
func (s *Store) AcceptLink(ctx context.Context, digest connect.Digest) (connect.LinkState, error) {
	return s.passLink(ctx, digest, `UPDATE links SET accepted = 1 WHERE digest = ?`, connect.LinkAccepted,
		func(l *connect.LinkState) *bool {
			return &l.Accepted
		})
}

// passLink runs note once a pending link has come that far, as passed reports. It writes the
// first time only: pages are read far more often than they are first opened.
func (s *Store) passLink(ctx context.Context, digest connect.Digest, note string, event connect.Event,
	passed func(*connect.LinkState) *bool) (connect.LinkState, error) {
	var l connect.LinkState
	if err := s.view(ctx, "reading a link", func(tx *tx) (err error) {
		l, err = s.pendingLink(ctx, tx, digest)
		return err
	}); err != nil {
		return connect.LinkState{}, err
	}
	if *passed(&l) {
		return l, nil
	}
	err := s.update(ctx, "noting the progress of a link", func(tx *tx) (err error) {
		if l, err = s.lockedLink(ctx, tx, digest); err != nil || *passed(&l) { // another request may have been first
			return err
		}
		if _, err := tx.ExecContext(ctx, note, digest[:]); err != nil {
			return err
		}
		*passed(&l) = true
		return s.record(ctx, tx, connect.AuditRowOf(event, l.Connection))
	})
	if err != nil {
		return connect.LinkState{}, err
	}
	return l, nil
}
