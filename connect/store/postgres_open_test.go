package store

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/services"
)

// dialed returns a dialect of a database, which is opened by the test.
func dialed(t testing.TB, url string) *postgresDB {
	t.Helper()
	s := must[*Store](t)(New(Options{Dir: t.TempDir(), Postgres: url, KeyEncryptionKeys: []vault.KEK{newKEK(t)}}))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.db.(*postgresDB)
}

// unkeyed opens tables without a keyset.
func unkeyed() opening {
	nothing := func(context.Context, *tx) error { return nil }
	return opening{create: nothing, load: nothing}
}

// adopted returns a dialect of a database whose tables are there, and no keyset.
func adopted(t testing.TB, url string) *postgresDB {
	t.Helper()
	p := dialed(t, url)
	if _, err := p.adopt(t.Context(), unkeyed()); err != nil {
		t.Fatal(err)
	}
	p.store.ready.Store(true)
	return p
}

// with returns a URL with a parameter more.
func with(t testing.TB, address, name, value string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

func TestPostgresAdopt(t *testing.T) {
	pg := services.PostgreSQL(t)
	p := dialed(t, pg.URL)
	o := unkeyed()
	o.existing = true
	if _, err := p.adopt(t.Context(), o); !errors.Is(err, ErrNoStore) {
		t.Errorf("an empty database is %v, want ErrNoStore", err)
	}
	made, loaded := 0, 0
	o = opening{
		create: func(context.Context, *tx) error { made++; return nil },
		load:   func(context.Context, *tx) error { loaded++; return nil },
	}
	for range 2 {
		if u, err := p.adopt(t.Context(), o); err != nil || u != (Upgrade{}) {
			t.Fatal(u, err)
		}
	}
	if made != 1 || loaded != 1 {
		t.Errorf("the keyset was made %d times and read %d times, want once each", made, loaded)
	}
	if got := pg.Query(`SELECT name, value FROM meta WHERE name <> 'tenants_version' ORDER BY name`); got !=
		"application|1447382596\nschema_compatible|1\nschema_version|1" {
		t.Errorf("meta says\n%s", got)
	}
}

// TestPostgresAdoptAtOnce is of nodes that start together on an empty database.
func TestPostgresAdoptAtOnce(t *testing.T) {
	pg := services.PostgreSQL(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range 4 {
		p := dialed(t, pg.URL)
		all.Go(func() {
			o := unkeyed()
			o.create = func(context.Context, *tx) error {
				mu.Lock()
				defer mu.Unlock()
				made++
				return nil
			}
			if _, err := p.adopt(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if made != 1 {
		t.Errorf("the tables were made %d times", made)
	}
}

// TestPostgresRefusals checks that each database that cannot be used is refused with what to do,
// without the password and before anything is changed.
func TestPostgresRefusals(t *testing.T) {
	const newer = `UPDATE meta SET value = value + 1 WHERE name = 'schema_version';
		UPDATE meta SET value = value + 1 WHERE name = 'schema_compatible'`
	for name, c := range map[string]struct {
		before  string // run by the superuser
		adopt   bool   // have tables first
		param   [2]string
		pretend func(*facts)
		want    error
		say     string
	}{
		"another program's tables": {before: `CREATE TABLE orders (id int)`, want: ErrForeignDatabase, say: "search_path"},
		"another program's meta": {
			before: `CREATE TABLE meta (k text); GRANT ALL ON meta TO PUBLIC`, want: ErrForeignDatabase,
		},
		"another program's meta of our columns": {
			before: `CREATE TABLE meta (name text, value bigint); GRANT ALL ON meta TO PUBLIC`, want: ErrForeignDatabase,
		},
		"newer":            {adopt: true, before: newer, want: ErrNewerSchema, say: "use that version"},
		"no right to make": {before: `REVOKE CREATE ON SCHEMA public FROM PUBLIC`, want: ErrRights, say: "GRANT CREATE"},
		"no right to read": {adopt: true, before: `REVOKE SELECT ON meta FROM CURRENT_ROLE_OF_TEST`, want: ErrRights},
		"no right to write": {
			adopt: true, before: `REVOKE UPDATE ON links FROM CURRENT_ROLE_OF_TEST`, want: ErrRights, say: "links",
		},
		"read-only": {
			param: [2]string{"default_transaction_read_only", "on"}, want: ErrReadOnly, say: "target_session_attrs",
		},
		"no schema": {param: [2]string{"search_path", "nowhere"}, want: ErrRights, say: "CREATE SCHEMA"},
		"old": {
			pretend: func(f *facts) { f.version = 130014 }, want: ErrOldServer, say: "13.14",
		},
		"without an encoding": {pretend: func(f *facts) { f.encoding = "SQL_ASCII" }, want: ErrEncoding, say: "createdb"},
	} {
		t.Run(name, func(t *testing.T) {
			pg := services.PostgreSQL(t)
			if c.adopt {
				adopted(t, pg.URL)
			}
			role := `"` + pg.Database + `"`
			if name == "no right to make" {
				pg.Query(`ALTER SCHEMA public OWNER TO postgres`)
			}
			pg.Query(strings.ReplaceAll(c.before, "CURRENT_ROLE_OF_TEST", role))
			address := pg.URL
			if c.param[0] != "" {
				address = with(t, address, c.param[0], c.param[1])
			}
			before := tables(pg)
			p := dialed(t, address)
			p.pretend = c.pretend
			_, err := p.adopt(t.Context(), unkeyed())
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("error %v, want %v with %q", err, c.want, c.say)
			}
			if strings.Contains(err.Error(), pg.Password) {
				t.Error("the message has the password")
			}
			if after := tables(pg); after != before {
				t.Errorf("the database was changed: %s", after)
			}
		})
	}
}

// TestPostgresOtherTables is of a table in the same schema that the role has no rights to, such as
// a monitor's: it is not the store's business.
func TestPostgresOtherTables(t *testing.T) {
	pg := services.PostgreSQL(t)
	adopted(t, pg.URL)
	pg.Query(`CREATE TABLE monitored (at timestamptz)`)
	if _, err := dialed(t, pg.URL).adopt(t.Context(), unkeyed()); err != nil {
		t.Error(err)
	}
}

func tables(pg *services.Postgres) string {
	return pg.Query(`SELECT nspname, relname, relacl FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1, 2`)
}

func TestPostgresUnreachable(t *testing.T) {
	pg := services.PostgreSQL(t)
	secret := "hunter2"
	at := func(change func(*url.URL)) string {
		u, err := url.Parse(pg.URL)
		if err != nil {
			t.Fatal(err)
		}
		change(u)
		return u.String()
	}
	for name, c := range map[string]struct{ url, say string }{
		"password": {
			at(func(u *url.URL) { u.User = url.UserPassword(pg.Database, secret) }), "the role and its password",
		},
		"database":  {at(func(u *url.URL) { u.Path = "/nowhere" }), "createdb"},
		"parameter": {with(t, pg.URL, "sslmod", "disable"), "spelling"},
		"port":      {at(func(u *url.URL) { u.Host = "127.0.0.1:1" }), "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := dialed(t, c.url).adopt(t.Context(), unkeyed())
			if err == nil || !strings.Contains(err.Error(), c.say) {
				t.Fatalf("error %v, want %q", err, c.say)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), pg.Password) {
				t.Errorf("the message has the password: %v", err)
			}
		})
	}
}

// TestPostgresNewerCompatible is of a rolling upgrade: a newer version has changed the tables and
// says that this one can work with them.
func TestPostgresNewerCompatible(t *testing.T) {
	pg := services.PostgreSQL(t)
	adopted(t, pg.URL)
	pg.Query(`UPDATE meta SET value = value + 1 WHERE name = 'schema_version'`)
	adopted(t, pg.URL)
	if got := pg.Query(`SELECT value FROM meta WHERE name = 'schema_version'`); got != "2" {
		t.Errorf("the version is %s by now", got)
	}
}

// TestPostgresMigration brings tables to the next version, on several nodes at once.
func TestPostgresMigration(t *testing.T) {
	pg := services.PostgreSQL(t)
	old := adopted(t, pg.URL)
	before := postgresMigrations
	postgresMigrations = slices.Concat(before, []migration{newMigration(
		"-- compatible: 1\nALTER TABLE connections ADD COLUMN note TEXT NOT NULL DEFAULT '';")})
	defer func() { postgresMigrations = before }()
	o := unkeyed()
	o.keep = true
	if _, err := dialed(t, pg.URL).adopt(t.Context(), o); !errors.Is(err, ErrOlderSchema) {
		t.Errorf("older tables are %v, want ErrOlderSchema", err)
	}
	upgrades := make(chan Upgrade, 3)
	for range cap(upgrades) {
		p := dialed(t, pg.URL)
		go func() {
			u, err := p.adopt(t.Context(), unkeyed())
			if err != nil {
				t.Error(err)
			}
			upgrades <- u
		}()
	}
	done := 0
	for range cap(upgrades) {
		if u := <-upgrades; u == (Upgrade{From: 1, To: 2}) {
			done++
		} else if u != (Upgrade{}) {
			t.Errorf("upgraded %+v", u)
		}
	}
	if done != 1 {
		t.Errorf("%d nodes changed the tables", done)
	}
	postgresMigrations = before
	if _, err := old.adopt(t.Context(), unkeyed()); err != nil {
		t.Errorf("the old program no longer works: %v", err)
	}
}

// TestPostgresMigrationRights is of a role that works with the tables and does not own them.
func TestPostgresMigrationRights(t *testing.T) {
	pg := services.PostgreSQL(t)
	adopted(t, pg.URL)
	pg.Query(`ALTER TABLE connections OWNER TO postgres; GRANT ALL ON connections TO "` + pg.Database + `"`)
	before := postgresMigrations
	postgresMigrations = slices.Concat(before, []migration{newMigration(`-- compatible: 1
		ALTER TABLE holds ADD COLUMN note TEXT;
		ALTER TABLE connections ADD COLUMN note TEXT;`)})
	defer func() { postgresMigrations = before }()
	_, err := dialed(t, pg.URL).adopt(t.Context(), unkeyed())
	if !errors.Is(err, ErrRights) || !strings.Contains(err.Error(), "own the tables") {
		t.Fatalf("error %v, want ErrRights", err)
	}
	if got := pg.Query(`SELECT count(*) FROM information_schema.columns WHERE column_name = 'note'`); got != "0" {
		t.Error("a part of the migration was kept")
	}
}

func TestPostgresLogHasNoPassword(t *testing.T) {
	pg := services.PostgreSQL(t)
	var log bytes.Buffer
	s := must[*Store](t)(New(Options{
		Dir: t.TempDir(), Postgres: with(t, pg.URL, "sslmod", "x"), KeyEncryptionKeys: []vault.KEK{newKEK(t)},
		Logger: slog.New(slog.NewTextHandler(&log, nil)),
	}))
	if err := s.Ready(t.Context()); err == nil {
		t.Error("opened")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if strings.Contains(log.String(), pg.Password) || !strings.Contains(log.String(), "sslmod") {
		t.Errorf("log: %s", &log)
	}
}

// TestPostgresBackup checks that what SQLite alone has says what to do in its place.
func TestPostgresBackup(t *testing.T) { storetest.On(t, testPostgresBackup, storetest.PostgreSQL) }

func testPostgresBackup(t *testing.T) {
	s := openStore(t, t.TempDir())
	file := filepath.Join(t.TempDir(), "copy")
	if _, err := s.Backup(t.Context(), file, nil); !errors.Is(err, ErrPostgresBackup) {
		t.Errorf("a backup is %v", err)
	}
	if err := s.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestPostgresAdoptCopy checks that a database which pg_restore filled starts with nothing under
// way: no session, authorization, refresh or node of when it was dumped.
func TestPostgresAdoptCopy(t *testing.T) {
	storetest.On(t, testPostgresAdoptCopy, storetest.PostgreSQL)
}

func testPostgresAdoptCopy(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	id, l := importGmail(t, s, "ya29.one"), createLink(t, s)
	if err := errors.Join(
		s.CreateAuthRequest(t.Context(), state, alices, authRequestOf(l)),
		s.BeginSession(t.Context(), connect.DigestOf("cookie"), connect.Session{Tenant: "acme"}),
	); err != nil {
		t.Fatal(err)
	}
	seen := must[connect.RefreshState](t)(s.RefreshState(t.Context(), id))
	if !must[bool](t)(s.AcquireRefresh(t.Context(), id, seen, "dumped", connect.MaxLease)) {
		t.Fatal("the lease is not free")
	}
	execSQL(t, s, `INSERT INTO nodes (id, started_at, seen_at, version, schema, keys) VALUES ('dumped', 1, 1, '', 1, '')`)

	if err := s.Adopt(t.Context(), Copy{}); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"sessions", "attempts", "nodes"} {
		if rows := allRows(t, s, `SELECT * FROM `+table); len(rows) > 0 {
			t.Errorf("%s has %v", table, rows)
		}
	}
	if seen := must[connect.RefreshState](t)(s.RefreshState(t.Context(), id)); seen.Owner != "" {
		t.Errorf("the lease is %+v", seen)
	}
	wantEvents(t, s, connect.AuditFilter{Event: connect.StoreRestored}, connect.StoreRestored)
	wantAccess(t, openStore(t, dir), id, "ya29.one")
}

// TestPostgresNotOpened checks that all calls of a store that could not be opened say why.
func TestPostgresNotOpened(t *testing.T) {
	s := must[*Store](t)(New(Options{Dir: t.TempDir(), Postgres: "postgres://u:p@127.0.0.1:1/db?sslmode=disable",
		KeyEncryptionKeys: []vault.KEK{newKEK(t)}}))
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	for range 2 {
		_, err := s.TenantsVersion(t.Context())
		wantUnavailable(t, err)
		_, _, err = s.Grant(t.Context(), "acme", "alice@example.com", "conn_1")
		wantUnavailable(t, err)
		wantUnavailable(t, s.DisableTenant(t.Context(), "acme"))
	}
}
