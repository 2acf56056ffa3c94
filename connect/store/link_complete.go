package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// CompleteLink stores what the end user gave by a link, and ends it, in one step: of two browsers
// that try, one succeeds, and the other gets ErrLinkEnded with nothing of what it gave stored.
// Until that moment a connection that the link renews vends what it held before. The connection is
// verified where g is. authType is the app's at the time. What is wrong with it or with g is a
// *vending.Error with `invalid_request`, and the link stays.
func (s *Store) CompleteLink(ctx context.Context, digest, browser connect.Digest, authType vending.AuthType,
	g connect.Grant) (c connect.Connection, err error) {
	err = s.update(ctx, "completing a link", func(tx *tx) error {
		l, err := s.lockedLink(ctx, tx, digest)
		if err != nil {
			return err
		}
		if err := connect.CheckAuthType(authType); err != nil {
			return err
		}
		c = l.Connection
		c.Status, c.AuthType, c.ViaLink, c.RefreshPending = connect.Active, authType, c.ViaLink || !l.Renews, false
		if err := c.CheckGrant(g); err != nil {
			return err
		}
		if err := s.replaceGrant(ctx, tx, c, g); err != nil {
			return err
		}
		event := connect.ConnectionCreated
		if l.Renews {
			event = connect.CredentialsRefreshed
		}
		if err := s.endLinkBy(ctx, tx, connect.AuditRowGranted(event, c, g), connect.Active, browser); err != nil {
			return err
		}
		c, err = s.describe(ctx, tx, "", "", c.ID)
		return err
	})
	if err != nil {
		return connect.Connection{}, err
	}
	return c, nil
}

// replaceGrant stores c, which is active by now, with g sealed as its next version. What was there
// before need not open: it is what the end user replaces.
func (s *Store) replaceGrant(ctx context.Context, tx *tx, c connect.Connection, g connect.Grant) error {
	c.Version++
	sealed, err := s.sealGrant(ctx, tx, bindingOf(c), g)
	if err != nil {
		return err
	}
	err = mustChange(tx.ExecContext(ctx, `UPDATE connections SET status = 'active', auth_type = ?, via_link = ?,
		refresh_pending = ?, needs_reconnection = 0, updated_at = ?, version = ?, sealed = ?,
		lease_owner = NULL, lease_until = NULL WHERE id = ? AND version = ?`,
		string(c.AuthType), c.ViaLink, c.RefreshPending, s.now().UnixMilli(), c.Version, sealed, c.ID, c.Version-1))
	if err != nil {
		return err
	}
	return setVerified(ctx, tx, c.ID, g)
}

// RejectLink ends a link as its holder's refusal, and returns it as it is then. A connection that
// it would have renewed stays as it is. A link that cannot be used is ErrLinkEnded.
func (s *Store) RejectLink(ctx context.Context, digest, browser connect.Digest) (l connect.LinkState, err error) {
	err = s.update(ctx, "rejecting a link", func(tx *tx) error {
		if l, err = s.lockedLink(ctx, tx, digest); err != nil {
			return err
		}
		status := connect.Rejected
		if l.Renews {
			status = connect.Active
		}
		if err := s.settle(ctx, tx, l.Connection.ID, status, false); err != nil {
			return err
		}
		row := connect.AuditRowOf(connect.LinkRejected, l.Connection)
		if l.Renews {
			row.Detail = refreshing
		}
		if err := s.endLinkBy(ctx, tx, row, connect.Rejected, browser); err != nil {
			return err
		}
		l, err = s.link(ctx, tx, digest)
		return err
	})
	if err != nil {
		return connect.LinkState{}, err
	}
	return l, nil
}

// endLink ends the pending link of c, with its authorization requests. Without one it is
// ErrLinkEnded.
func (s *Store) endLink(ctx context.Context, tx *tx, c connect.Connection, status connect.Status, event connect.Event,
	browser connect.Digest) error {
	return s.endLinkBy(ctx, tx, connect.AuditRowOf(event, c), status, browser)
}

// endLinkBy is endLink with the row of the event.
func (s *Store) endLinkBy(ctx context.Context, tx *tx, row connect.AuditRow, status connect.Status,
	browser connect.Digest) error {
	var by, digest []byte
	if browser != (connect.Digest{}) {
		by = browser[:]
	}
	err := tx.QueryRowContext(ctx,
		`UPDATE links SET status = ?, browser = ? WHERE connection = ? AND status = 'pending' RETURNING digest`,
		string(status), by, row.Connection).Scan(&digest)
	if errors.Is(err, sql.ErrNoRows) {
		return connect.ErrLinkEnded
	}
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM attempts WHERE link = ?`, digest); err != nil {
		return err
	}
	return s.record(ctx, tx, row)
}
