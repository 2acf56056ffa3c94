package connect

import (
	"context"
	"database/sql"
	"errors"

	"github.com/vendgate/vendgate/vending"
)

// CompleteLink stores what the end user gave by a link, and ends it, in one step: of two browsers
// that try, one succeeds, and the other gets ErrLinkEnded with nothing of what it gave stored.
// Until that moment a connection that the link renews vends what it held before. The connection is
// verified where g is. authType is the app's at the time. What is wrong with it or with g is a
// *vending.Error with `invalid_request`, and the link stays.
func (s *Store) CompleteLink(ctx context.Context, digest, browser Digest, authType vending.AuthType,
	g Grant) (c Connection, err error) {
	err = s.update(ctx, "completing a link", func(tx *sql.Tx) error {
		l, err := s.pendingLink(ctx, tx, digest)
		if err != nil {
			return err
		}
		if err := checkAuthType(authType); err != nil {
			return err
		}
		c = l.Connection
		c.Status, c.AuthType, c.ViaLink, c.RefreshPending = Active, authType, c.ViaLink || !l.Renews, false
		if err := c.checkGrant(g); err != nil {
			return err
		}
		if err := s.replaceGrant(ctx, tx, c, g); err != nil {
			return err
		}
		event := ConnectionCreated
		if l.Renews {
			event = CredentialsRefreshed
		}
		if err := s.endLinkBy(ctx, tx, granted(event, c, g), Active, browser); err != nil {
			return err
		}
		c, err = s.describe(ctx, tx, "", "", c.ID)
		return err
	})
	if err != nil {
		return Connection{}, err
	}
	return c, nil
}

// replaceGrant stores c, which is active by now, with g sealed as its next version. What was there
// before need not open: it is what the end user replaces.
func (s *Store) replaceGrant(ctx context.Context, tx *sql.Tx, c Connection, g Grant) error {
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
func (s *Store) RejectLink(ctx context.Context, digest, browser Digest) (l LinkState, err error) {
	err = s.update(ctx, "rejecting a link", func(tx *sql.Tx) error {
		if l, err = s.pendingLink(ctx, tx, digest); err != nil {
			return err
		}
		status := Rejected
		if l.Renews {
			status = Active
		}
		if err := s.settle(ctx, tx, l.Connection.ID, status, false); err != nil {
			return err
		}
		row := about(LinkRejected, l.Connection)
		if l.Renews {
			row.Detail = refreshing
		}
		if err := s.endLinkBy(ctx, tx, row, Rejected, browser); err != nil {
			return err
		}
		l, err = s.link(ctx, tx, digest)
		return err
	})
	if err != nil {
		return LinkState{}, err
	}
	return l, nil
}

// endLink ends the pending link of c, with its authorization requests. Without one it is
// ErrLinkEnded.
func (s *Store) endLink(ctx context.Context, tx *sql.Tx, c Connection, status Status, event Event,
	browser Digest) error {
	return s.endLinkBy(ctx, tx, about(event, c), status, browser)
}

// endLinkBy is endLink with the row of the event.
func (s *Store) endLinkBy(ctx context.Context, tx *sql.Tx, row AuditRow, status Status, browser Digest) error {
	var by, digest []byte
	if browser != (Digest{}) {
		by = browser[:]
	}
	err := tx.QueryRowContext(ctx,
		`UPDATE links SET status = ?, browser = ? WHERE connection = ? AND status = 'pending' RETURNING digest`,
		string(status), by, row.Connection).Scan(&digest)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrLinkEnded
	}
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM attempts WHERE link = ?`, digest); err != nil {
		return err
	}
	return s.record(ctx, tx, row)
}
