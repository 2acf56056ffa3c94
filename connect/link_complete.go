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

// replaceGrant seals g as the connection's next version. What was there before need not open: it is
// what the end user replaces.
func (s *Store) replaceGrant(ctx context.Context, tx *sql.Tx, c Connection, renews bool, g Grant) error {
	c.Version++
	sealed, err := s.sealGrant(ctx, tx, c.binding(), g)
	if err != nil {
		return err
	}
	err = mustChange(tx.ExecContext(ctx, `UPDATE connections SET status = 'active', auth_type = ?, via_link = ?, needs_reconnection = 0,
		refresh_pending = 0, updated_at = ?, version = ?, sealed = ?, lease_owner = NULL, lease_until = NULL WHERE id = ? AND version = ?`,
		string(c.AuthType), c.ViaLink || !renews, s.now().UnixMilli(), c.Version, sealed, c.ID, c.Version-1))
	if err != nil {
		return err
	}
	return setVerified(ctx, tx, c.ID, g.verified)
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
		if err := s.endLink(ctx, tx, l.Connection, Rejected, LinkRejected, browser); err != nil {
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

// endLink ends the pending link of c, with the attempts made by it. Without one it is ErrLinkEnded.
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

// sweepBatch is how many rows one transaction of a sweep changes: few enough that a refresh waiting
// for the lock waits milliseconds.
const sweepBatch = 200

// Sweep ends the links that have run out, and forgets the attempts, sessions and caller keys that
// have. Whoever reads one of them, or a connection, sees that it has expired without this; a sweep
// makes it part of the audit trail. Parallel sweeps are harmless.
func (s *Store) Sweep(ctx context.Context) (expired int, err error) {
	if expired, err = s.inBatches(ctx, s.expireLinks); err != nil {
		return expired, err
	}
	for _, query := range [...]string{
		`DELETE FROM attempts WHERE state IN (SELECT state FROM attempts WHERE expires_at <= ? LIMIT ?)`,
		`DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE expires_at <= ? LIMIT ?)`,
		`DELETE FROM caller_keys WHERE id IN (SELECT id FROM caller_keys WHERE expires_at <= ? LIMIT ?)`,
	} {
		if _, err := s.inBatches(ctx, func(ctx context.Context, tx *sql.Tx) (int, error) {
			r, err := tx.ExecContext(ctx, query, s.now().UnixMilli(), sweepBatch)
			if err != nil {
				return 0, err
			}
			n, err := r.RowsAffected()
			return int(n), err
		}); err != nil {
			return expired, err
		}
	}
	return expired, nil
}

// inBatches runs f, which changes up to sweepBatch rows, in one transaction after the other until
// there are fewer. It returns how many there were, also when err is not nil.
func (s *Store) inBatches(ctx context.Context, f func(context.Context, *sql.Tx) (int, error)) (total int, err error) {
	for n := sweepBatch; n == sweepBatch; total += n {
		err := s.update(ctx, "sweeping", func(tx *sql.Tx) (err error) {
			n, err = f(ctx, tx)
			return err
		})
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *Store) expireLinks(ctx context.Context, tx *sql.Tx) (int, error) {
	now := s.now().UnixMilli()
	due, err := listConnections(ctx, tx, now, ` JOIN links k ON k.connection = c.id
		WHERE k.status = 'pending' AND k.expires_at <= ? ORDER BY k.expires_at LIMIT ?`, now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		// Its status is Expired by now, or still Active where the link would have renewed it.
		if err := s.settle(ctx, tx, c.ID, c.Status, false); err != nil {
			return 0, err
		}
		if err := s.endLink(ctx, tx, c, Expired, LinkExpired, Digest{}); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
