package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// maxSessions bounds the sessions of one tenant.
const maxSessions = 100

// BeginSession keeps a session under the digest of its cookie.
func (s *Store) BeginSession(ctx context.Context, cookie connect.Digest, v connect.Session) error {
	return s.update(ctx, "signing in", func(tx *tx) error {
		if err := tx.lock(ctx, "sessions/"+v.Tenant); err != nil {
			return err
		}
		// The oldest go: who holds a key could fill the disk by signing in.
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE digest IN
			(SELECT digest FROM sessions WHERE tenant = ? ORDER BY expires_at DESC LIMIT 9223372036854775807 OFFSET ?)`,
			v.Tenant, maxSessions-1); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO sessions (digest, tenant, key_digest, expires_at) VALUES (?, ?, ?, ?)`,
			cookie[:], v.Tenant, v.Key[:], s.now().Add(connect.SessionLifetime).UnixMilli())
		if err != nil {
			return err
		}
		return s.record(ctx, tx,
			connect.AuditRow{Event: connect.SignedIn, Tenant: v.Tenant, Detail: "key " + connect.Fingerprint(v.Key[:])})
	})
}

// Session returns the session of a cookie, or ErrNoSession.
func (s *Store) Session(ctx context.Context, cookie connect.Digest) (v connect.Session, err error) {
	var key []byte
	err = s.queryRow(ctx, `SELECT tenant, key_digest FROM sessions WHERE digest = ? AND expires_at > ?`,
		cookie[:], s.now().UnixMilli()).Scan(&v.Tenant, &key)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return connect.Session{}, connect.ErrNoSession
	case err != nil:
		return connect.Session{}, fmt.Errorf("reading a session: %w", err)
	}
	copy(v.Key[:], key)
	return v, nil
}

// EndSession signs out. A session that is gone already is fine.
func (s *Store) EndSession(ctx context.Context, cookie connect.Digest) error {
	return s.update(ctx, "signing out", func(tx *tx) error {
		var tenant string
		err := tx.QueryRowContext(ctx, `DELETE FROM sessions WHERE digest = ? RETURNING tenant`, cookie[:]).Scan(&tenant)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRow{Event: connect.SignedOut, Tenant: tenant})
	})
}

// sweepBatch is how many rows one transaction of a sweep changes: few enough that a refresh waiting
// for the lock waits milliseconds.
const sweepBatch = 200

// sweepPause lets other processes write between two batches: SQLite has no queue, and who waits for
// the lock looks up to 100 ms apart, and gives up after some seconds.
const sweepPause = 150 * time.Millisecond

// Sweep ends the links that have run out, and deletes the authorization requests, sessions and
// caller keys that have. Readers of one of them, or of a connection, see that it has expired
// without this; a sweep makes it part of the audit trail. Parallel sweeps are harmless.
func (s *Store) Sweep(ctx context.Context) (expired int, err error) {
	if expired, err = s.inBatches(ctx, s.expireLinks); err != nil {
		return expired, err
	}
	for _, query := range [...]string{
		`DELETE FROM attempts WHERE state IN (SELECT state FROM attempts WHERE expires_at <= ? LIMIT ?`,
		`DELETE FROM sessions WHERE digest IN (SELECT digest FROM sessions WHERE expires_at <= ? LIMIT ?`,
		`DELETE FROM caller_keys WHERE id IN (SELECT id FROM caller_keys WHERE expires_at <= ? LIMIT ?`,
	} {
		if _, err := s.inBatches(ctx, func(ctx context.Context, tx *tx) (int, error) {
			query := query + tx.locking("FOR UPDATE SKIP LOCKED") + ")"
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
	return expired, s.update(ctx, "sweeping", func(tx *tx) error { return foldCounts(ctx, tx) })
}

// foldCounts adds the rows of a count together where there are many, as there are with PostgreSQL:
// each change of a connection adds one, and no change waits for another.
func foldCounts(ctx context.Context, tx *tx) error {
	return tx.ifShared(ctx, `WITH folded AS (DELETE FROM connection_counts
			WHERE ctid IN (SELECT ctid FROM connection_counts LIMIT ? FOR UPDATE SKIP LOCKED)
			AND (SELECT count(*) FROM connection_counts) > ?
			RETURNING app, status, needs_reconnection, connections)
		INSERT INTO connection_counts SELECT app, status, needs_reconnection, sum(connections)
			FROM folded GROUP BY app, status, needs_reconnection`, foldAtMost, foldFrom)
}

// foldAtMost bounds what one sweep folds, and foldFrom is how many rows are worth it.
const (
	foldAtMost = 100_000
	foldFrom   = 1000
)

// inBatches runs f, which changes up to sweepBatch rows, in one transaction after the other until
// there are fewer. It returns how many there were, also when err is not nil.
func (s *Store) inBatches(ctx context.Context, f func(context.Context, *tx) (int, error)) (total int, err error) {
	for n := sweepBatch; n == sweepBatch; total += n {
		err := s.update(ctx, "sweeping", func(tx *tx) (err error) {
			n, err = f(ctx, tx)
			return err
		})
		if err != nil {
			return total, err
		}
		if n < sweepBatch {
			continue
		}
		select {
		case <-ctx.Done():
			return total + n, ctx.Err()
		case <-time.After(sweepPause):
		}
	}
	return total, nil
}

func (s *Store) expireLinks(ctx context.Context, tx *tx) (int, error) {
	now := s.now().UnixMilli()
	due, err := listConnections(ctx, tx, now, ` JOIN links k ON k.connection = c.id
		WHERE k.status = 'pending' AND k.expires_at <= ? ORDER BY k.expires_at LIMIT ?`+
		tx.locking("FOR UPDATE OF c, k SKIP LOCKED"), now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for _, c := range due {
		// Its status is Expired by now, or still Active where the link would have renewed it.
		if err := s.settle(ctx, tx, c.ID, c.Status, false); err != nil {
			return 0, err
		}
		if err := s.endLink(ctx, tx, c, connect.Expired, connect.LinkExpired, connect.Digest{}); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
