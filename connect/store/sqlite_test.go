package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
)

// openSchema1 opens a store as the version before links did, and fills it.
func openSchema1(t *testing.T, dir string) (s *Store, ids map[connect.Status]string, key string) {
	t.Helper()
	released := migrations
	migrations = released[:1]
	defer func() { migrations = released }()
	s = openStore(t, dir)
	key, digest := connect.MintKey()
	execSQL(t, s,
		`INSERT INTO tenants (id, email, capabilities, created_at) VALUES ('acme', 'ops@acme.example', 'apps token', ?)`,
		epoch.UnixMilli())
	execSQL(t, s, `INSERT INTO tenant_keys (digest, tenant, generation, created_at) VALUES (?, 'acme', 1, ?)`, digest[:],
		epoch.UnixMilli())
	ids = make(map[connect.Status]string)
	defer asBeforeEndUser(t, s)()
	err := s.update(t.Context(), "filling", func(tx *tx) error {
		for _, status := range []connect.Status{connect.Active, connect.Pending, connect.Rejected, connect.Expired} {
			c, g := gmail("alice@example.com"), connect.Grant{}
			if c.ID, c.Version, c.Status = connect.NewConnectionID(), 1, status; status == connect.Active {
				g = oauthGrant("ya29.before", "1//before")
			}
			if err := s.insert(t.Context(), tx, c, g); err != nil {
				return err
			}
			ids[status] = c.ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, ids, key
}

// asBeforeEndUser lets the present statements run on a database of before schema 8, until the
// function that it returns is called.
func asBeforeEndUser(t *testing.T, s *Store) (restore func()) {
	t.Helper()
	rename := func(from, to string) {
		for _, table := range []string{"connections", "audit"} {
			if len(rowsOf(t, s, `SELECT 1 FROM pragma_table_info('`+table+`') WHERE name = '`+from+`'`)) > 0 {
				execSQL(t, s, `ALTER TABLE `+table+` RENAME COLUMN `+from+` TO `+to)
			}
		}
	}
	rename("user", "end_user")
	return func() { rename("end_user", "user") }
}

// TestMigration opens a database of an early version, in several stores at once, while one of that
// version has it open.
func TestMigration(t *testing.T) {
	dir := t.TempDir()
	old, ids, key := openSchema1(t, dir)
	kept := func(s *Store, user string) string {
		return fmt.Sprintf("%x", rowsOf(t, s, `SELECT id, tenant, `+user+`, app, name, status, auth_type, via_link,
			needs_reconnection, refresh_pending, created_at, updated_at, version, sealed FROM connections ORDER BY id`))
	}
	before := kept(old, "user")
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s, err := Open(t.Context(), Options{Dir: dir})
			if err == nil {
				err = s.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := openStore(t, dir)
	if after := kept(s, "end_user"); after != before {
		t.Errorf("the rows are now\n%s\nand were\n%s", after, before)
	}
	if version := fmt.Sprint(rowsOf(t, s, `PRAGMA user_version`)); version != fmt.Sprintf("[[%d]]", len(migrations)) {
		t.Errorf("version %s, want %d", version, len(migrations))
	}
	wantAccess(t, s, ids[connect.Active], "ya29.before")
	if got := liveKeys(t, s); got[connect.DigestOf(key)] != "acme" || len(got) != 1 {
		t.Error("the tenant's key is not live any more")
	}
	tenant := must[connect.Tenant](t)(s.Tenant(t.Context(), "acme"))
	if tenant.Brand.Name != "" || tenant.Brand.FrameAncestors != nil ||
		strings.Join(tenant.Capabilities, " ") != "apps token" {
		t.Errorf("the tenant is now %+v", tenant)
	}
	for status, id := range ids {
		if c := describe(t, s, id); c.Status != status || !c.LinkExpiresAt.IsZero() {
			t.Errorf("%s is now %+v", status, c)
		}
		completeLink(t, s, renewLink(t, s, id), "ya29.after")
		wantAccess(t, s, id, "ya29.after")
	}
}

// TestFailedMigration finds a table in the way: the database stays of its version, and opens once
// the way is free.
func TestFailedMigration(t *testing.T) {
	dir := t.TempDir()
	old, ids, _ := openSchema1(t, dir)
	execSQL(t, old, `CREATE TABLE mcp_urls (x)`)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	before := snapshotDir(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir}); err == nil ||
		!strings.Contains(err.Error(), "migrating the schema to version 2") {
		t.Fatalf("error %v, want one that names the migration", err)
	}
	if snapshotDir(t, dir)[DatabaseName] != before[DatabaseName] {
		t.Error("the database was changed")
	}
	db, err := openPool(dir+"/"+DatabaseName, writing)
	if err == nil {
		_, err = db.Exec(`DROP TABLE mcp_urls`)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	wantAccess(t, openStore(t, dir), ids[connect.Active], "ya29.before")
}

// TestOldDatabaseOfANewStore checks that the two ways to the current schema end alike.
func TestOldDatabaseOfANewStore(t *testing.T) {
	const schema = `SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name`
	dir := t.TempDir()
	old, _, _ := openSchema1(t, dir)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	migrated, made := rowsOf(t, openStore(t, dir), schema), rowsOf(t, openStore(t, t.TempDir()), schema)
	if fmt.Sprint(migrated) != fmt.Sprint(made) {
		t.Errorf("migrated it is\n%v\nand new\n%v", migrated, made)
	}
}
