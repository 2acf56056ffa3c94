package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// RefreshState returns the state of connection id, for those who wait for it to change. Without
// such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) RefreshState(ctx context.Context, id string) (r connect.RefreshState, err error) {
	var owner sql.NullString
	var left sql.NullInt64
	query, args := s.onClock(`SELECT version, lease_owner, lease_until - {now} FROM connections WHERE id = ?1`, id)
	err = s.queryRow(ctx, query, args...).Scan(&r.Version, &owner, &left)
	if errors.Is(err, sql.ErrNoRows) {
		return connect.RefreshState{}, connect.NoConnection()
	}
	if err != nil {
		return connect.RefreshState{}, fmt.Errorf("reading the refresh lease: %w", err)
	}
	r.Owner = owner.String
	if left.Valid && left.Int64 > 0 && left.Int64 <= connect.MaxLease.Milliseconds() {
		r.Left = time.Duration(left.Int64) * time.Millisecond
	}
	return r, nil
}

// onClock puts the time in milliseconds in the place of {now} in a statement with `?1`. With
// PostgreSQL it is the database's, because machines may be of more than one opinion; with SQLite it
// is this process's, on the one machine that there is.
func (s *Store) onClock(query string, args ...any) (string, []any) {
	if s.o.Postgres != "" {
		return strings.ReplaceAll(query, "{now}", "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"), args
	}
	args = append(args, s.now().UnixMilli())
	return strings.ReplaceAll(query, "{now}", "?"+strconv.Itoa(len(args))), args
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
	acquired, err := s.setLease(ctx, "acquiring the refresh lease", `UPDATE connections
		SET lease_owner = ?1, lease_until = {now} + ?2
		WHERE id = ?3 AND version = ?4 AND lease_owner IS NOT DISTINCT FROM ?5
		AND (lease_until IS NULL OR lease_until <= {now} OR lease_until > {now} + ?6)`,
		owner, leaseMillis(ttl), id, seen.Version, sql.NullString{String: seen.Owner, Valid: seen.Owner != ""},
		connect.MaxLease.Milliseconds())
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
	return s.setLease(ctx, "renewing the refresh lease",
		`UPDATE connections SET lease_until = {now} + ?1 WHERE id = ?2 AND lease_owner = ?3`, leaseMillis(ttl), id, owner)
}

func leaseMillis(ttl time.Duration) int64 { return min(ttl, connect.MaxLease).Milliseconds() }

// setLease runs the one statement of a change of a lease, and reports whether it found its row.
// The clock is read once the store is this process's to write: before that, seconds may go by.
func (s *Store) setLease(ctx context.Context, doing, query string, args ...any) (bool, error) {
	found := false
	err := s.update(ctx, doing, func(tx *tx) error {
		query, args := s.onClock(query, args...)
		r, err := tx.ExecContext(ctx, query, args...)
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
