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

// UpdateGrant replaces the grant of connection id if its version is still fromVersion, sets its
// needs_reconnection and ends any refresh lease; a verified g makes the connection verified. When
// it returns nil the new grant has reached the disk; on any error the old one is untouched.
// ErrStale means another version, a *vending.Error with `connection_deleted` an unknown connection.
func (s *Store) UpdateGrant(ctx context.Context, id string, fromVersion int64, g connect.Grant,
	needsReconnection bool) (newVersion int64, err error) {
	if needsReconnection {
		return s.EndGrant(ctx, id, fromVersion, g, "the provider refused the grant for good")
	}
	return s.storeGrant(ctx, id, fromVersion, g, nil)
}

// storeGrant is UpdateGrant; why says that and why the grant has ended, nil that it lives.
func (s *Store) storeGrant(ctx context.Context, id string, fromVersion int64, g connect.Grant,
	why *string) (newVersion int64,
	err error) {
	err = s.update(ctx, "storing a grant", func(tx *tx) error {
		b, ended, err := s.rowAt(ctx, tx, id, fromVersion)
		if err != nil {
			return err
		}
		b.version++
		sealed, err := s.sealGrant(ctx, tx, b, g)
		if err != nil {
			return err
		}
		newVersion = b.version
		if why != nil && !ended { // the first time only: a backend that keeps asking must not fill the disk
			if err := s.record(ctx, tx, b.failure(*why)); err != nil {
				return err
			}
		}
		err = mustChange(tx.ExecContext(ctx, `UPDATE connections SET sealed = ?, version = ?, needs_reconnection = ?,
			updated_at = ?, lease_owner = NULL, lease_until = NULL WHERE id = ? AND version = ?`,
			sealed, newVersion, why != nil, s.now().UnixMilli(), id, fromVersion))
		if err != nil || !g.Verified() {
			return err // what was verified stays so: the same grant is stored with another flag
		}
		// so does its account, which a refresh does not change
		return mustChange(tx.ExecContext(ctx, `UPDATE connections SET verified = 1 WHERE id = ?`, id))
	})
	if err != nil {
		return 0, err
	}
	return newVersion, nil
}

// ReplaceGrant stores g in the place of what the active connection seen holds, and returns the
// connection as it is then. Of seen it takes Tenant, ID and Version, by which a grant that was
// stored since stays, which is ErrStale; and AuthType, which is the app's at the time. A refresh
// under way loses its lease, and stores nothing more. A pending link stays, and so do holds and
// caller keys. moved says for the audit trail which address was left for which; empty if none was.
//
// A connection that is not active is a *vending.Error with `connection_not_active`, an unknown one
// `connection_deleted`, and what is wrong with g `invalid_request`.
func (s *Store) ReplaceGrant(ctx context.Context, seen connect.Connection, g connect.Grant,
	moved string) (c connect.Connection, err error) {
	err = s.update(ctx, "replacing a grant", func(tx *tx) error {
		if err := tx.lockConnection(ctx, seen.ID); err != nil {
			return err
		}
		if c, err = s.owned(ctx, tx, seen.Tenant, "", seen.ID); err != nil {
			return err
		}
		if err := c.CheckUpdate(); err != nil {
			return err
		}
		if _, _, err := s.rowAt(ctx, tx, seen.ID, seen.Version); err != nil {
			return err
		}
		if c.AuthType = seen.AuthType; connect.CheckAuthType(c.AuthType) != nil {
			return connect.CheckAuthType(c.AuthType)
		}
		if err := c.CheckGrant(g); err != nil {
			return err
		}
		if err := s.replaceGrant(ctx, tx, c, g); err != nil {
			return err
		}
		if err := s.record(ctx, tx, connect.AuditRowGranted(connect.CredentialsUpdated, c, g)); err != nil {
			return err
		}
		if moved != "" {
			row := connect.AuditRowOf(connect.ConnectionMoved, c)
			row.Detail = moved
			if err := s.record(ctx, tx, row); err != nil {
				return err
			}
		}
		c, err = s.describe(ctx, tx, "", "", c.ID)
		return err
	})
	if err != nil {
		return connect.Connection{}, err
	}
	return c, nil
}

// rowAt locks a row, and reads what the grant of a row is bound to, and whether the grant is known
// to have ended. The old grant must open as that: otherwise sealing the new one would make a
// tampered row genuine.
func (s *Store) rowAt(ctx context.Context, tx *tx, id string, version int64) (b binding, ended bool, err error) {
	var old []byte
	b.id = id
	if err := tx.lockConnection(ctx, id); err != nil {
		return b, ended, err
	}
	err = tx.QueryRowContext(ctx,
		`SELECT tenant, end_user, app, version, needs_reconnection, sealed FROM connections WHERE id = ?`, id).
		Scan(&b.tenant, &b.user, &b.app, &b.version, &ended, &old)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return b, ended, connect.NoConnection()
	case err != nil:
		return b, ended, err
	case b.version != version:
		return b, ended, connect.ErrStale
	case old == nil:
		return b, ended, nil
	}
	plain, err := s.vault.Open(old, b.associatedData())
	if err != nil {
		return b, ended, fmt.Errorf("opening the grant of %s: %w", id, err)
	}
	clear(plain)
	return b, ended, nil
}

// sealGrant seals g to b; the zero grant is NULL.
func (s *Store) sealGrant(ctx context.Context, tx *tx, b binding, g connect.Grant) ([]byte, error) {
	if g.IsZero() {
		return nil, nil
	}
	if err := s.followKeys(ctx, tx); err != nil {
		return nil, err
	}
	plain, err := g.Reveal().Encode()
	if err != nil {
		return nil, err
	}
	sealed, err := s.vault.Seal(plain, b.associatedData())
	clear(plain)
	return sealed, err
}

// EndGrant is UpdateGrant of a grant that has ended: the connection needs reconnection until its
// grant changes. why says so in the audit trail, in words and without a secret.
func (s *Store) EndGrant(ctx context.Context, id string, fromVersion int64, g connect.Grant,
	why string) (newVersion int64,
	err error) {
	return s.storeGrant(ctx, id, fromVersion, g, &why)
}

// EraseGrant is EndGrant that also deletes what the grant holds, so that nothing can be vended
// until the end user connects again. e and detail are what the audit trail says of it.
func (s *Store) EraseGrant(ctx context.Context, id string, fromVersion int64, e connect.Event, detail string) error {
	return s.update(ctx, "erasing a grant", func(tx *tx) error {
		b, _, err := s.rowAt(ctx, tx, id, fromVersion)
		if err != nil {
			return err
		}
		b.version++
		sealed, err := s.sealGrant(ctx, tx, b, connect.NewGrant(connect.GrantValues{}))
		if err != nil {
			return err
		}
		row := b.failure(detail)
		row.Event = e
		if err := s.record(ctx, tx, row); err != nil {
			return err
		}
		return mustChange(tx.ExecContext(ctx, `UPDATE connections SET sealed = ?, version = ?, needs_reconnection = 1,
			verified = 0, account = '', updated_at = ?, lease_owner = NULL, lease_until = NULL WHERE id = ? AND version = ?`,
			sealed, b.version, s.now().UnixMilli(), id, fromVersion))
	})
}

// SetRefused notes on connection id whether its provider refuses the credential as it is, if the
// version is still that. Unlike [Store.EndGrant] it leaves the grant, its version and a refresh
// lease alone: a call may have been refused for another reason, and the next one is accepted.
// ErrStale means another version, a *vending.Error with `connection_deleted` an unknown connection.
// why is for the audit trail, where it is refused and was not before.
func (s *Store) SetRefused(ctx context.Context, id string, version int64, refused bool, why string) error {
	return s.update(ctx, "noting a refused credential", func(tx *tx) error {
		b, was, err := s.rowAt(ctx, tx, id, version)
		if err != nil || was == refused {
			return err
		}
		if refused {
			if err := s.record(ctx, tx, b.failure(why)); err != nil {
				return err
			}
		}
		return mustChange(tx.ExecContext(ctx, `UPDATE connections SET needs_reconnection = ? WHERE id = ? AND version = ?`,
			refused, id, version))
	})
}

// failure is the row of a vend that failed for want of a grant.
func (b binding) failure(why string) connect.AuditRow {
	return connect.AuditRow{Event: connect.VendFailed, Tenant: b.tenant, Connection: b.id, User: b.user, App: b.app,
		Detail: why}
}

// setVerified stores whether the provider is known to accept what a connection holds, and what it
// called the account.
func setVerified(ctx context.Context, tx *tx, id string, g connect.Grant) error {
	return mustChange(tx.ExecContext(ctx, `UPDATE connections SET verified = ?, account = ? WHERE id = ?`,
		g.Verified(), g.Account(), id))
}

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
