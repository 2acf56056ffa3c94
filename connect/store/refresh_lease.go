package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// RefreshState returns the state of connection id, for those who wait for it to change. Without
// such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) RefreshState(ctx context.Context, id string) (r connect.RefreshState, err error) {
	var owner sql.NullString
	var until sql.NullInt64
	err = s.queryRow(ctx, `SELECT version, lease_owner, lease_until FROM connections WHERE id = ?`, id).
		Scan(&r.Version, &owner, &until)
	if errors.Is(err, sql.ErrNoRows) {
		return connect.RefreshState{}, connect.NoConnection()
	}
	if err != nil {
		return connect.RefreshState{}, fmt.Errorf("reading the refresh lease: %w", err)
	}
	r.Owner = owner.String
	if left := until.Int64 - s.now().UnixMilli(); until.Valid && left > 0 && left <= connect.MaxLease.Milliseconds() {
		r.Left = time.Duration(left) * time.Millisecond
	}
	return r, nil
}

// AcquireRefresh takes the refresh lease of connection id for owner, a name unique to one refresh,
// for ttl, at most [MaxLease]. It reports false where the row is no longer as seen says, where the
// lease has not expired, or where another process keeps writing to the store. Of all processes that
// share the database, one holds the lease: until it releases it or stores a grant, or no longer
// renews it.
//
// The lease is in the row and not in an open transaction, which would block every other write for
// as long as a provider takes to answer. One statement takes it, on the store's clock: nothing of
// it depends on a session of the database.
func (s *Store) AcquireRefresh(ctx context.Context, id string, seen connect.RefreshState, owner string,
	ttl time.Duration) (bool, error) {
	acquired, err := s.setLease(ctx, "acquiring the refresh lease", ttl,
		func(tx *tx, now, until int64) (sql.Result, error) {
			return tx.ExecContext(ctx, `UPDATE connections SET lease_owner = ?, lease_until = ?
			WHERE id = ? AND version = ? AND lease_owner IS ? AND (lease_until IS NULL OR lease_until <= ? OR lease_until > ?)`,
				owner, until, id, seen.Version, sql.NullString{String: seen.Owner, Valid: seen.Owner != ""},
				now, now+connect.MaxLease.Milliseconds())
		})
	if s.db.isBusy(err) {
		return false, nil
	}
	return acquired, err
}

// RenewRefresh makes the lease of owner last for ttl from now on, at most [MaxLease]. It reports
// false if owner has lost it. One that has expired is renewed where no other process has taken it
// since. Unlike AcquireRefresh it returns an error where another process keeps writing to the
// store.
func (s *Store) RenewRefresh(ctx context.Context, id, owner string, ttl time.Duration) (bool, error) {
	return s.setLease(ctx, "renewing the refresh lease", ttl, func(tx *tx, _, until int64) (sql.Result, error) {
		return tx.ExecContext(ctx, `UPDATE connections SET lease_until = ? WHERE id = ? AND lease_owner = ?`, until, id,
			owner)
	})
}

// setLease runs the one statement of a change of a lease, and reports whether it found its row.
// What it is handed is read once the store is this process's to write: before that, seconds may go
// by.
func (s *Store) setLease(ctx context.Context, doing string, ttl time.Duration,
	set func(tx *tx, now, until int64) (sql.Result, error),
) (bool, error) {
	found := false
	err := s.update(ctx, doing, func(tx *tx) error {
		now := s.now()
		r, err := set(tx, now.UnixMilli(), now.Add(min(ttl, connect.MaxLease)).UnixMilli())
		if err != nil {
			return err
		}
		n, err := r.RowsAffected()
		found = n == 1
		return err
	})
	return found && err == nil, err
}

// ReleaseRefresh ends the lease of owner; it does nothing if owner has lost it.
func (s *Store) ReleaseRefresh(ctx context.Context, id, owner string) error {
	return s.update(ctx, "releasing the refresh lease", func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE connections SET lease_owner = NULL, lease_until = NULL
			WHERE id = ? AND lease_owner = ?`, id, owner)
		return err
	})
}
