package store

import (
	"context"

	"github.com/vendgate/vendgate/connect"
)

// ImportConnection stores a connection whose grant is already at hand, and returns its new id. ID,
// Version and the times of c are set by the store, and Verified by the grant; an empty status means
// active and an empty name the app's slug. An active connection needs a grant: a token for an OAuth
// app, fields for any other. What is wrong with c or g is a *vending.Error with `invalid_request`
// or `invalid_user_email`.
func (s *Store) ImportConnection(ctx context.Context, c connect.Connection, g connect.Grant) (id string, err error) {
	if err := c.Normalize(); err != nil {
		return "", err
	}
	if err := c.CheckGrant(g); err != nil {
		return "", err
	}
	c.ID, c.Version = connect.NewConnectionID(), 1
	err = s.update(ctx, "storing a connection", func(tx *tx) error {
		if err := s.insert(ctx, tx, c, g); err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRowGranted(connect.ConnectionImported, c, g))
	})
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

func (s *Store) insert(ctx context.Context, tx *tx, c connect.Connection, g connect.Grant) error {
	sealed, err := s.sealGrant(ctx, tx, bindingOf(c), g)
	if err != nil {
		return err
	}
	now := s.now().UnixMilli()
	_, err = tx.ExecContext(ctx, `INSERT INTO connections (id, tenant, end_user, app, name, status, auth_type,
		via_link, needs_reconnection, refresh_pending, created_at, updated_at, version, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), string(c.AuthType),
		c.ViaLink, c.NeedsReconnection, c.RefreshPending, now, now, c.Version, sealed)
	if err != nil || !g.Verified() {
		return err
	}
	return setVerified(ctx, tx, c.ID, g)
}

// DeleteConnection deletes a connection of tenant, its grant and its caller keys for good. Without
// such a connection it is a *vending.Error with `connection_deleted`, and while it is held one
// with `connection_in_use`.
func (s *Store) DeleteConnection(ctx context.Context, tenant, id string) error {
	_, _, err := s.TakeConnection(ctx, tenant, "", id)
	return err
}

// TakeConnection is DeleteConnection that returns what was deleted, so that the grant can be
// revoked at its provider. Unless user is empty the connection must be theirs. A grant that does
// not open is zero: what cannot be used can still be deleted.
func (s *Store) TakeConnection(ctx context.Context, tenant, user, id string) (c connect.Connection, g connect.Grant,
	err error) {
	return s.take(ctx, tenant, user, id, func(ctx context.Context, tx *tx, c connect.Connection) error {
		return refuseHeld(ctx, tx, c.ID)
	})
}

// DropConnection is DeleteConnection whatever holds the connection, if its version is still that;
// ErrStale says that it has another, and so a grant that the caller does not know.
func (s *Store) DropConnection(ctx context.Context, tenant, id string, version int64) error {
	_, _, err := s.take(ctx, tenant, "", id, func(_ context.Context, _ *tx, c connect.Connection) error {
		if c.Version != version {
			return connect.ErrStale
		}
		return nil
	})
	return err
}

// take deletes a connection unless check refuses it.
func (s *Store) take(ctx context.Context, tenant, user, id string,
	check func(context.Context, *tx, connect.Connection) error) (c connect.Connection, g connect.Grant, err error) {
	err = s.update(ctx, "deleting a connection", func(tx *tx) error {
		if err := tx.lockConnection(ctx, id); err != nil {
			return err
		}
		if c, err = s.owned(ctx, tx, tenant, user, id); err != nil {
			return err
		}
		if err := check(ctx, tx, c); err != nil {
			return err
		}
		var sealed []byte
		if err := tx.QueryRowContext(ctx, `DELETE FROM connections WHERE id = ? RETURNING sealed`,
			id).Scan(&sealed); err != nil {
			return err
		}
		if sealed != nil {
			g = s.openTaken(c, sealed)
		}
		if err := s.record(ctx, tx, connect.AuditRowOf(connect.ConnectionDeleted, c)); err != nil {
			return err
		}
		return s.revokeKeysOf(ctx, tx, tenant, id)
	})
	if err != nil {
		return connect.Connection{}, connect.Grant{}, err
	}
	return c, g, nil
}

func (s *Store) openTaken(c connect.Connection, sealed []byte) (g connect.Grant) {
	plain, err := s.vault.Open(sealed, bindingOf(c).associatedData())
	if err == nil {
		g, err = connect.DecodeGrant(plain)
	}
	if err != nil {
		s.log.Error("a deleted grant could not be decrypted", "connection", c.ID, "tenant", c.Tenant, "error", err)
	}
	return g
}

// Describe returns a connection with the expiry of its link. An empty tenant or user means any.
// Without such a connection it is a *vending.Error with `connection_deleted`.
func (s *Store) Describe(ctx context.Context, tenant, user, id string) (c connect.Connection, err error) {
	err = s.view(ctx, "reading a connection", func(tx *tx) error {
		c, err = s.describe(ctx, tx, tenant, user, id)
		return err
	})
	return c, err
}

func (s *Store) describe(ctx context.Context, tx *tx, tenant, user, id string) (connect.Connection, error) {
	var where conditions
	where.add("c.id = ?", id)
	where.equal("c.tenant", tenant)
	where.equal("c.end_user", user)
	clause, args := where.where()
	found, err := listConnections(ctx, tx, s.now().UnixMilli(), clause, args...)
	switch {
	case err != nil:
		return connect.Connection{}, err
	case len(found) == 0:
		return connect.Connection{}, connect.NoConnection()
	}
	return found[0], nil
}

// owned is describe for changes of a connection by its tenant: there, a tenant that was
// forgotten must not mean any.
func (s *Store) owned(ctx context.Context, tx *tx, tenant, user, id string) (connect.Connection, error) {
	if tenant == "" {
		return connect.Connection{}, connect.NoConnection()
	}
	return s.describe(ctx, tx, tenant, user, id)
}

// AppCounts counts the connections that f names by app; only its Tenant, which must be set, User
// and App count.
func (s *Store) AppCounts(ctx context.Context, f connect.Filter) (counts []connect.AppCount, err error) {
	where, err := ofTenant(f, "")
	if err != nil {
		return nil, err
	}
	clause, args := where.where()
	err = s.view(ctx, "counting connections", func(tx *tx) (err error) {
		// #nosec G202 -- the clause has no values
		rows, err := tx.QueryContext(ctx, `SELECT app, count(*) FROM connections`+clause+` GROUP BY app ORDER BY app`,
			args...)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var c connect.AppCount
			if err := rows.Scan(&c.App, &c.Connections); err != nil {
				return err
			}
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
}

// countQuery adds up, because in PostgreSQL a count is the sum of rows.
const countQuery = `SELECT app, status, needs_reconnection, CAST(sum(connections) AS BIGINT)
	FROM connection_counts GROUP BY app, status, needs_reconnection`

// ConnectionCounts returns the counts of all connections. It reads no connection, and takes as long
// for a million as for one. A pending connection counts as such until Sweep has ended its link; one
// that was there once may be there with 0.
func (s *Store) ConnectionCounts(ctx context.Context) (counts []connect.ConnectionCount, err error) {
	err = s.view(ctx, "counting connections", func(tx *tx) (err error) {
		rows, err := tx.QueryContext(ctx, countQuery)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var c connect.ConnectionCount
			if err := rows.Scan(&c.App, &c.Status, &c.NeedsReconnection, &c.Connections); err != nil {
				return err
			}
			counts = append(counts, c)
		}
		return rows.Err()
	})
	return counts, err
}
