package connect

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// CompleteLink stores what the end user gave by a link, and ends it, in one step: of two browsers that try, one succeeds, and the other gets
// ErrLinkEnded with nothing of what it gave stored. Until that moment a connection that the link renews vends what it held before.
// authType is the app's at the time.
func (s *Store) CompleteLink(ctx context.Context, digest, browser Digest, authType vending.AuthType, g Grant) (c Connection, err error) {
	err = s.update(ctx, "completing a link", func(tx *sql.Tx) error {
		l, err := s.pendingLink(ctx, tx, digest)
		if err != nil {
			return err
		}
		c = l.Connection
		c.Status, c.AuthType = Active, authType
		if err := c.checkGrant(g); err != nil {
			return err
		}
		if err := s.replaceGrant(ctx, tx, c, l.Renews, g); err != nil {
			return err
		}
		event := ConnectionCreated
		if l.Renews {
			event = CredentialsRefreshed
		}
		return s.endLink(ctx, tx, c, Active, event, browser)
	})
	if err != nil {
		return Connection{}, err
	}
	return s.Describe(ctx, c.Tenant, c.User, c.ID)
}

// replaceGrant seals g as the connection's next version. What was there before need not open: it is what the end user replaces.
func (s *Store) replaceGrant(ctx context.Context, tx *sql.Tx, c Connection, renews bool, g Grant) error {
	c.Version++
	sealed, err := s.sealGrant(ctx, tx, c.binding(), g)
	if err != nil {
		return err
	}
	return mustChange(tx.ExecContext(ctx, `UPDATE connections SET status = 'active', auth_type = ?, via_link = ?, needs_reconnection = 0,
		refresh_pending = 0, updated_at = ?, version = ?, sealed = ?, lease_owner = NULL, lease_until = NULL WHERE id = ? AND version = ?`,
		string(c.AuthType), c.ViaLink || !renews, s.now().UnixMilli(), c.Version, sealed, c.ID, c.Version-1))
}

// RejectLink ends a link as its holder's refusal. A connection that it would have renewed stays as it is. A link that cannot be used is
// ErrLinkEnded.
func (s *Store) RejectLink(ctx context.Context, digest, browser Digest) (LinkState, error) {
	var l LinkState
	err := s.update(ctx, "rejecting a link", func(tx *sql.Tx) (err error) {
		if l, err = s.pendingLink(ctx, tx, digest); err != nil {
			return err
		}
		status := Rejected
		if l.Renews {
			status = Active
		}
		if err := s.settle(ctx, tx, l.Connection.ID, status); err != nil {
			return err
		}
		return s.endLink(ctx, tx, l.Connection, Rejected, LinkRejected, browser)
	})
	return l, err
}

// settle sets the status that a connection has after its link ended without a grant.
func (s *Store) settle(ctx context.Context, tx *sql.Tx, id string, status Status) error {
	return mustChange(tx.ExecContext(ctx, `UPDATE connections SET status = ?, refresh_pending = 0, updated_at = ? WHERE id = ?`,
		string(status), s.now().UnixMilli(), id))
}

// endLink ends the pending link of c, with the attempts made by it. Without one it is ErrLinkEnded.
func (s *Store) endLink(ctx context.Context, tx *sql.Tx, c Connection, status Status, event Event, browser Digest) error {
	var digest []byte
	err := tx.QueryRowContext(ctx, `SELECT digest FROM links WHERE connection = ? AND status = 'pending'`, c.ID).Scan(&digest)
	if errors.Is(err, sql.ErrNoRows) {
		return ErrLinkEnded
	}
	if err != nil {
		return err
	}
	var by any
	if browser != (Digest{}) {
		by = browser[:]
	}
	if _, err := tx.ExecContext(ctx, `UPDATE links SET status = ?, browser = ? WHERE digest = ?`, string(status), by, digest); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM attempts WHERE link = ?`, digest); err != nil {
		return err
	}
	return s.record(ctx, tx, about(event, c))
}

const (
	// sweepBatch is how many links one transaction of a sweep ends: few enough that a refresh waiting for the lock waits milliseconds.
	sweepBatch = 200
	// endedFor is how long the holder of an ended link can ask for its status.
	endedFor = 30 * 24 * time.Hour
)

// Sweep ends the links that have run out and forgets attempts, sessions and ended links that are of no use any more. Whoever reads a link
// or a connection sees that it has expired without this; a sweep makes it part of the audit trail. Parallel sweeps are harmless.
func (s *Store) Sweep(ctx context.Context) (expired int, err error) {
	for {
		n := 0
		err := s.update(ctx, "sweeping", func(tx *sql.Tx) (err error) {
			n, err = s.expireLinks(ctx, tx)
			return err
		})
		if err != nil {
			return expired, err
		}
		if expired += n; n < sweepBatch {
			break
		}
	}
	return expired, s.update(ctx, "sweeping", func(tx *sql.Tx) error {
		now := s.now()
		for query, before := range map[string]time.Time{
			`DELETE FROM attempts WHERE expires_at <= ?`:                      now,
			`DELETE FROM sessions WHERE expires_at <= ?`:                      now,
			`DELETE FROM links WHERE status <> 'pending' AND expires_at <= ?`: now.Add(-endedFor),
		} {
			if _, err := tx.ExecContext(ctx, query, before.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) expireLinks(ctx context.Context, tx *sql.Tx) (int, error) {
	now := s.now().UnixMilli()
	due, err := listConnections(ctx, tx, now, ` JOIN links k ON k.connection = c.id
		WHERE k.status = 'pending' AND k.expires_at <= ? ORDER BY k.expires_at LIMIT ?`, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		if err := s.settle(ctx, tx, c.ID, c.Status); err != nil { // Expired, or Active where the link would have renewed it
			return 0, err
		}
		if err := s.endLink(ctx, tx, c, Expired, LinkExpired, Digest{}); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
