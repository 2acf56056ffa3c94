package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// fillTenants is how many tenants have the connections that are not called, with a key each.
const fillTenants = 9_999

// fill stores n connections in the store in dir, and returns the ids of those that are called. They
// are imported as any connection is; the others are rows that look like theirs, in one transaction.
// What is sealed in those is random, as what is sealed looks, and nothing opens it.
func fill(dir string, n int) (called []string, err error) {
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	grant := connect.NewGrant(connect.GrantValues{AccessToken: token, RefreshToken: "1//" + strings.Repeat("r", 100),
		Expiry: time.Now().Add(24 * time.Hour)})
	for range min(n, hot) {
		id, err := s.ImportConnection(ctx, connect.Connection{Tenant: "bench", User: user, App: "bench",
			AuthType: vending.OAuth}, grant)
		if err != nil {
			return nil, err
		}
		called = append(called, id)
	}
	return called, fillRows(ctx, filepath.Join(dir, store.DatabaseName), n-len(called))
}

func fillRows(ctx context.Context, database string, n int) (err error) {
	db, err := sql.Open("sqlite",
		"file:"+database+"?_pragma=busy_timeout(10000)&_pragma=synchronous(0)&_pragma=cache_size(-2000000)")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := errors.Join(fillTenantRows(ctx, tx, min(n, fillTenants)), fillConnections(ctx, tx, n)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return err
}

// insert runs a statement for each of n rows.
func insert(ctx context.Context, tx *sql.Tx, statement string, n int, row func(i int) []any) error {
	prepared, err := tx.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	defer func() { _ = prepared.Close() }() // with the transaction
	for i := range n {
		if _, err := prepared.ExecContext(ctx, row(i)...); err != nil {
			return err
		}
	}
	return nil
}

func fillTenantRows(ctx context.Context, tx *sql.Tx, n int) error {
	now := time.Now().UnixMilli()
	err := insert(ctx, tx, `INSERT INTO tenants (id, email, capabilities, created_at) VALUES (?, 'a@example.com', '', ?)`,
		n, func(i int) []any { return []any{fillTenant(i), now} })
	if err != nil {
		return err
	}
	return insert(ctx, tx, `INSERT INTO tenant_keys (digest, tenant, generation, created_at) VALUES (?, ?, 1, ?)`, n,
		func(i int) []any {
			digest := connect.DigestOf(fillTenant(i))
			return []any{digest[:], fillTenant(i), now}
		})
}

func fillTenant(i int) string { return fmt.Sprintf("tenant%d", i%fillTenants) }

// fillConnections seals as much as a grant of Google's takes.
func fillConnections(ctx context.Context, tx *sql.Tx, n int) error {
	now, sealed, ids := time.Now().UnixMilli(), make([]byte, 450), make([]string, n)
	for i := range ids {
		ids[i] = connect.NewConnectionID()
	}
	slices.Sort(ids) // inserting in the order of the primary key is much faster
	return insert(ctx, tx, `INSERT INTO connections (id, tenant, end_user, app, name, status, auth_type, via_link,
		needs_reconnection, refresh_pending, created_at, updated_at, version, sealed)
		VALUES (?, ?, ?, ?, ?, 'active', 'o_auth', 1, 0, 0, ?, ?, 1, ?)`, n, func(i int) []any {
		_, _ = rand.Read(sealed)
		return []any{ids[i], fillTenant(i), fmt.Sprintf("user%d@example.com", i/fillTenants/5),
			fmt.Sprintf("app%d", i%20), fmt.Sprintf("Connection %d of a customer", i), now + int64(i), now + int64(i), sealed}
	})
}
