package store

import (
	"context"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// grantQuery names few columns: each costs about as much as a binding does.
const grantQuery = `SELECT app, name, status, auth_type,
	via_link + 2 * needs_reconnection + 4 * refresh_pending, created_at, updated_at, version, sealed
	FROM connections WHERE id = ? AND tenant = ? AND end_user = ?`

// Grant returns a connection and its grant, which is zero for one that never became active.
// Unknown, another tenant's and another end user's are the same *vending.Error with
// `connection_deleted`. A grant that does not open wraps ErrSealed.
//
// This is what every proxied request waits for: one row by primary key, one decryption. Nothing of
// it is kept. A cache of sealed rows would not pay. The check that a cached row is current, PRAGMA
// data_version, begins a read transaction like the read itself, and takes more than half of its
// time (2.2 of 4.0 µs; 4.6 of 8.0 µs if other work has evicted both from the processor's caches).
// Each reader would have a cache of its own, and every commit would empty all of them, at least
// once a second: of 300 calls a second to 1,000 connections, 4 % would find their row, and the
// others would take 2 µs longer.
func (s *Store) Grant(ctx context.Context, tenant, user, id string) (connect.Connection, connect.Grant, error) {
	c, sealed, err := s.readRow(ctx, tenant, user, id)
	if err != nil {
		return connect.Connection{}, connect.Grant{}, explainDamage(err)
	}
	if sealed == nil && c.Status != connect.Active {
		return c, connect.Grant{}, nil
	}
	plain, err := s.vault.Open(sealed, bindingOf(c).associatedData())
	if err == nil {
		var g connect.Grant
		if g, err = connect.DecodeGrant(plain); err == nil {
			return c, g, nil
		}
	}
	s.log.Error("a grant cannot be decrypted", "connection", c.ID, "tenant", c.Tenant, "error", err)
	return connect.Connection{}, connect.Grant{}, fmt.Errorf("opening the grant of %s: %w", c.ID, err)
}

// Connection returns a connection as Grant does, without opening the grant.
func (s *Store) Connection(ctx context.Context, tenant, user, id string) (connect.Connection, error) {
	c, _, err := s.readRow(ctx, tenant, user, id)
	return c, explainDamage(err)
}

func (s *Store) readRow(ctx context.Context, tenant, user, id string) (connect.Connection, []byte, error) {
	began := time.Now()
	c, sealed, err := s.db.readRow(ctx, tenant, user, id)
	s.observe(opGrant, began, err)
	return c, sealed, err
}
