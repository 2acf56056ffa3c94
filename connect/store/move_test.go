package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// fillForMove makes a store with a row in each table but those of sessions and attempts.
func fillForMove(t *testing.T, dir string) (id, key string) {
	t.Helper()
	s := openStore(t, dir)
	key = must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	id = importGmail(t, s, "ya29.one")
	completeLink(t, s, createLink(t, s), "ya29.two")
	createLink(t, s)
	setClient(t, s, "acme", "gmail", client("id", "secret", "mail.read"))
	must[vending.Secret](t)(s.IssueMCPURL(t.Context(), "acme"))
	must[connect.Hold](t)(s.Hold(t.Context(), "acme", "alice@example.com", id, "legal"))
	execSQL(t, s, `INSERT INTO sessions (digest, tenant, key_digest, expires_at) VALUES (?1, 'acme', ?1, 9999999999999)`,
		make([]byte, 32))
	closeStore(t, s)
	return id, key
}

func moveTo(t *testing.T, dir, url string, kek vault.KEK) ([]Moved, error) {
	t.Helper()
	return Move(t.Context(), Options{Dir: dir}, Options{Dir: dir, Postgres: url, KeyEncryptionKeys: []vault.KEK{kek}},
		func(string, int64, int64) {})
}

// TestMove moves a store. Both sides have the same rows, and only the new one opens.
func TestMove(t *testing.T) {
	dir, kek, pg := t.TempDir(), newKEK(t), services.PostgreSQL(t)
	id, key := fillForMove(t, dir)
	before := snapshotDir(t, dir)
	moved, err := moveTo(t, dir, pg.URL, kek)
	if err != nil {
		t.Fatal(err)
	}
	counts := make(map[string]int64)
	for _, m := range moved {
		counts[m.Table] = m.Rows
	}
	if len(moved) != len(movedTables) || counts["connections"] != 3 || counts["sessions"] != 1 || counts["holds"] != 1 {
		t.Errorf("moved %+v", moved)
	}
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrMoved) {
		t.Errorf("the old store: %v", err)
	}
	after := snapshotDir(t, dir)
	delete(after, MovedName)
	wantSame(t, before, after)

	s := openWith(t, Options{Dir: t.TempDir(), Postgres: pg.URL, KeyEncryptionKeys: []vault.KEK{kek}})
	wantAccess(t, s, id, "ya29.one")
	if got := liveKeys(t, s); got[connect.DigestOf(key)] != "acme" {
		t.Error("the tenant's key is not live")
	}
	wantClient(t, s, "acme", "gmail", client("id", "secret", "mail.read"))
	importGmail(t, s, "ya29.three") // whose rows of the trail and of the counts come after those that were moved
	c := must[Checked](t)(s.Check(t.Context()))
	if len(c.Problems) > 0 || c.Connections != 4 {
		t.Errorf("the check finds %+v", c)
	}
	wantSameRows(t, dir, s)
}

// TestMoveIsNotCutOff checks that SQLite may take its time to read: the server ends no transaction
// for that, whatever the defaults of the database are.
func TestMoveIsNotCutOff(t *testing.T) {
	dir, kek, pg := t.TempDir(), newKEK(t), services.PostgreSQL(t)
	fillForMove(t, dir)
	pg.Query(`ALTER DATABASE "` + pg.Database + `" SET statement_timeout = '1min'`)
	source := openStore(t, dir)
	target := must[*Store](t)(New(Options{Dir: dir, Postgres: pg.URL, KeyEncryptionKeys: []vault.KEK{kek}}))
	defer closeStore(t, target)
	seen := 0
	m := &mover{source: source, target: target, db: target.db.(*postgresDB)}
	m.progress = func(string, int64, int64) {
		seen++
		for _, name := range []string{"idle_in_transaction_session_timeout", "statement_timeout"} {
			var value string
			err := m.to.QueryRowContext(t.Context(), `SELECT current_setting(?)`, name).Scan(&value)
			if err != nil || value != "0" {
				t.Errorf("%s is %s, %v", name, value, err)
			}
		}
	}
	if err := source.view(t.Context(), "moving", func(tx *tx) error {
		m.from = tx
		return m.run(t.Context())
	}); err != nil {
		t.Fatal(err)
	}
	if seen != len(movedTables) {
		t.Errorf("told of %d tables", seen)
	}
}

// wantSameRows compares the rows of each table with the old store's.
func wantSameRows(t *testing.T, dir string, s *Store) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, MovedName)); err != nil {
		t.Fatal(err)
	}
	old := openStore(t, dir)
	for _, table := range movedTables {
		if table == "connection_counts" {
			continue // of which PostgreSQL adds rows up
		}
		var columns []string
		for _, c := range allRows(t, old, `SELECT name FROM pragma_table_info('`+table+`')`) {
			columns = append(columns, strings.Trim(c, "[]"))
		}
		query := `SELECT ` + strings.Join(columns, ", ") + ` FROM ` + table
		got := allRows(t, s, query)
		for _, row := range allRows(t, old, query) {
			if !slices.Contains(got, row) {
				t.Errorf("%s lacks %v", table, row)
			}
		}
	}
}

// allRows prints the rows of a query.
func allRows(t *testing.T, s *Store, query string) (found []string) {
	t.Helper()
	err := s.view(t.Context(), "reading all", func(tx *tx) (err error) {
		rows, err := tx.QueryContext(t.Context(), query)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		next := (&mover{}).reader(rows, len(must[[]string](t)(rows.Columns())), func(int64) {})
		for values, err := next(); values != nil; values, err = next() {
			if err != nil {
				return err
			}
			found = append(found, fmt.Sprint(values))
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestMovedTables: a table that is added must be moved, too.
func TestMovedTables(t *testing.T) {
	made := must[map[string]string](t)(madeBy(t.Context(), migrations,
		`SELECT name, name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`))
	for _, table := range append([]string{"meta", "nodes"}, movedTables...) {
		delete(made, table)
	}
	if len(made) > 0 {
		t.Errorf("%v would stay behind", made)
	}
}

// TestMoveRefuses: where a store cannot be moved whole, nothing is, and the old one opens as
// before.
func TestMoveRefuses(t *testing.T) {
	kek := newKEK(t)
	for name, c := range map[string]struct {
		spoil  spoiler
		target func(t *testing.T, pg *services.Postgres)
		want   error
	}{
		"a database with a store": {nil, func(t *testing.T, pg *services.Postgres) {
			openWith(t, Options{Dir: t.TempDir(), Postgres: pg.URL, KeyEncryptionKeys: []vault.KEK{kek}})
		}, ErrNotEmpty},
		"a database of another program": {nil, func(_ *testing.T, pg *services.Postgres) {
			pg.Query(`CREATE TABLE theirs (x int)`)
		}, ErrForeignDatabase},
		"an older schema": {makeOlder, nil, ErrOlderSchema},
		"no store":        {func(t *testing.T, dir string) { overwrite(DatabaseName, "")(t, dir) }, nil, ErrNoStore},
		"a lost keyset":   {removeKeyset, nil, vault.ErrKeysetMissing},
		"an open store": {func(t *testing.T, dir string) {
			openStore(t, dir)
		}, nil, ErrInUse},
		"a row that PostgreSQL does not take": {run(`UPDATE audit SET detail = 'a' || char(0)`), nil, nil},
		"a row of nothing": {run(`PRAGMA foreign_keys = 0; DELETE FROM connections WHERE app = 'gmail'`),
			nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir, pg := t.TempDir(), services.PostgreSQL(t)
			fillForMove(t, dir)
			if c.target != nil {
				c.target(t, pg)
			}
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			before := tables(pg)
			if moved, err := moveTo(t, dir, pg.URL, kek); err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%v, %v; want %v", moved, err, c.want)
			}
			if after := tables(pg); after != before {
				t.Errorf("the database has\n%s\nand had\n%s", after, before)
			}
			if _, err := os.Lstat(filepath.Join(dir, MovedName)); err == nil {
				t.Error("the store is marked as moved")
			}
		})
	}
}
