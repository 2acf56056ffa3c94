package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// CreateCallerKey mints a key of k's names, bounds and expiry, and returns it with what was stored.
// It cannot be shown again. A connection of this store must be the tenant's and, unless User is
// empty, the user's: else it is a *vending.Error with `connection_deleted`. One of another source
// is taken at the operator's word. What is wrong with k is a *vending.Error with `invalid_request`.
func (s *Store) CreateCallerKey(ctx context.Context, k connect.CallerKey, ours bool) (vending.Secret, connect.CallerKey,
	error) {
	k.CreatedAt, k.ExpiresAt = s.now().UTC().Truncate(time.Millisecond), k.ExpiresAt.UTC().Truncate(time.Millisecond)
	if err := k.Check(); err != nil {
		return vending.Secret{}, connect.CallerKey{}, err
	}
	key, digest := connect.MintCallerKey()
	k.ID = connect.NewCallerKeyID()
	err := s.changeTenants(ctx, "creating a caller key", func(tx *tx) error {
		if ours {
			if err := tx.lockConnection(ctx, k.Connection); err != nil {
				return err
			}
			c, err := s.owned(ctx, tx, k.Tenant, k.User, k.Connection)
			if err != nil {
				return err
			}
			k.User = c.User
		}
		if k.User == "" {
			return connect.Invalid("user: must be given for a connection that is not in this store")
		}
		if err := insertCallerKey(ctx, tx, k, digest); err != nil {
			return err
		}
		return s.record(ctx, tx, k.AuditRow(connect.CallerKeyCreated))
	})
	if err != nil {
		return vending.Secret{}, connect.CallerKey{}, err
	}
	return key, k, nil
}

func insertCallerKey(ctx context.Context, tx *tx, k connect.CallerKey, digest connect.Digest) error {
	var expires sql.NullInt64
	if !k.ExpiresAt.IsZero() {
		expires = sql.NullInt64{Int64: k.ExpiresAt.UnixMilli(), Valid: true}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO caller_keys (id, digest, tenant, end_user, connection, name,
		apps, methods, paths, budget, errors, created_at, expires_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, k.ID, digest[:], k.Tenant, k.User, k.Connection, k.Name,
		joinLines(k.Apps), joinLines(k.Methods), joinLines(k.Paths), k.Budget, k.Errors, k.CreatedAt.UnixMilli(), expires)
	return err
}

const callerColumns = `SELECT id, digest, tenant, end_user, connection, name, apps, methods, paths, budget, errors, ` +
	`created_at, expires_at FROM caller_keys`

// CallerKeys lists the keys that have not ended, oldest first. An empty tenant means any.
func (s *Store) CallerKeys(ctx context.Context, tenant string) (found []connect.CallerKey, err error) {
	err = s.view(ctx, "listing caller keys", func(tx *tx) error {
		var where conditions
		where.equal("tenant", tenant)
		return s.eachCallerKey(ctx, tx, where, oldestKeyFirst, func(_ connect.Digest, k connect.CallerKey) {
			found = append(found, k)
		})
	})
	return found, err
}

// The orders of eachCallerKey. With anyOrder the database sorts nothing.
const (
	anyOrder       = ""
	oldestKeyFirst = " ORDER BY created_at, id"
)

// eachCallerKey calls f with every key that has not ended.
func (s *Store) eachCallerKey(ctx context.Context, tx *tx, where conditions, by string,
	f func(connect.Digest, connect.CallerKey)) (err error) {
	where.add("(expires_at IS NULL OR expires_at > ?)", s.now().UnixMilli())
	clause, args := where.where()
	rows, err := tx.QueryContext(ctx, callerColumns+clause+by, args...)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var k connect.CallerKey
		var digest []byte
		var apps, methods, paths string
		var created int64
		var expires sql.NullInt64
		if err := rows.Scan(&k.ID, &digest, &k.Tenant, &k.User, &k.Connection, &k.Name, &apps, &methods, &paths, &k.Budget,
			&k.Errors, &created, &expires); err != nil {
			return err
		}
		k.Apps, k.Methods, k.Paths = splitLines(apps), splitLines(methods), splitLines(paths)
		k.CreatedAt = time.UnixMilli(created).UTC()
		if expires.Valid {
			k.ExpiresAt = time.UnixMilli(expires.Int64).UTC()
		}
		f(connect.Digest(digest), k)
	}
	return rows.Err()
}

// Paths may hold spaces; nothing in these lists holds a line break.
func joinLines(values []string) string { return strings.Join(values, "\n") }

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// RevokeCallerKey ends a key for good, and deletes what is stored of it. Without one that lives it
// is ErrNoCallerKey.
func (s *Store) RevokeCallerKey(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "revoking a caller key", func(tx *tx) error {
		var where conditions
		where.add("id = ?", id)
		n, err := s.revokeCallerKeys(ctx, tx, where)
		if err == nil && n == 0 {
			err = connect.ErrNoCallerKey
		}
		return err
	})
}

// revokeCallerKeys ends the keys that where names and have not ended, and returns how many there
// were.
func (s *Store) revokeCallerKeys(ctx context.Context, tx *tx, where conditions) (int, error) {
	var ended []connect.CallerKey
	if err := s.eachCallerKey(ctx, tx, where, oldestKeyFirst, func(_ connect.Digest, k connect.CallerKey) {
		ended = append(ended, k)
	}); err != nil {
		return 0, err
	}
	for i := range ended {
		if _, err := tx.ExecContext(ctx, `DELETE FROM caller_keys WHERE id = ?`, ended[i].ID); err != nil {
			return 0, err
		}
		if err := s.record(ctx, tx, ended[i].AuditRow(connect.CallerKeyRevoked)); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}

// revokeKeysOf ends the caller keys of a connection that is being deleted.
func (s *Store) revokeKeysOf(ctx context.Context, tx *tx, tenant, connection string) error {
	var where conditions
	where.add("tenant = ? AND connection = ?", tenant, connection)
	n, err := s.revokeCallerKeys(ctx, tx, where)
	if err == nil && n > 0 {
		err = countChange(ctx, tx)
	}
	return err
}
