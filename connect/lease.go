package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// AcquireRefresh takes the refresh lease of connection id for owner, a name unique to one refresh,
// and reports whether owner has it now. Of all processes that share the database, one holds it,
// until it ends it, stores a grant, or ttl has passed: a process that dies holding it delays the next
// refresh by no more than that. An unknown connection has no lease to give.
//
// The lease stands in the row and not in an open transaction, which would block every other write for
// as long as a provider takes to answer.
func (s *Store) AcquireRefresh(ctx context.Context, id, owner string, ttl time.Duration) (bool, error) {
	acquired := false
	err := s.update(ctx, "acquiring the refresh lease", func(tx *sql.Tx) error {
		now := s.now()
		r, err := tx.ExecContext(ctx, `UPDATE connections SET lease_owner = ?, lease_until = ?
			WHERE id = ? AND (lease_owner IS NULL OR lease_owner = ? OR lease_until <= ?)`,
			owner, now.Add(ttl).UnixMilli(), id, owner, now.UnixMilli())
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		acquired = n == 1
		return err
	})
	return acquired && err == nil, err
}

// ReleaseRefresh ends the lease of owner; it does nothing if owner has lost it.
func (s *Store) ReleaseRefresh(ctx context.Context, id, owner string) error {
	return s.update(ctx, "releasing the refresh lease", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE connections SET lease_owner = NULL, lease_until = NULL
			WHERE id = ? AND lease_owner = ?`, id, owner)
		return err
	})
}

// RefreshState returns the version of connection id and whether somebody holds its refresh lease,
// for those who wait for either to change. Without such a connection it is a *vending.Error with
// `connection_deleted`.
func (s *Store) RefreshState(ctx context.Context, id string) (version int64, leased bool, err error) {
	var until sql.NullInt64
	err = s.pool.QueryRowContext(ctx, `SELECT version, lease_until FROM connections WHERE id = ?`, id).Scan(&version, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, errNoConnection()
	}
	if err != nil {
		return 0, false, fmt.Errorf("reading the refresh lease: %w", err)
	}
	return version, until.Valid && until.Int64 > s.now().UnixMilli(), nil
}
