package connect

import (
	"context"
	"database/sql"
)

// sweepBatch is how many rows one transaction of a sweep changes: few enough that a refresh waiting
// for the lock waits milliseconds.
const sweepBatch = 200

// Sweep ends the links that have run out, and deletes the authorization requests, sessions and
// caller keys that have. Readers of one of them, or of a connection, see that it has expired
// without this; a sweep makes it part of the audit trail. Parallel sweeps are harmless.
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
