package storetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/tests/services"
)

// server is the PostgreSQL that all tests of the binary share, with a PgBouncer before it.
type server struct {
	direct, pooled, admin *url.URL
	owner                 string

	prepared sync.Once
	template string
	files    map[string][]byte
}

var (
	// prepare fills a new database; see Prepare.
	prepare func(Place) error

	started sync.Once
	shared  *server

	// databases holds the names of databases by kind and directory.
	databases sync.Map
)

// lasting is a test whose services end with the binary.
type lasting struct{ testing.TB }

// Cleanup implements testing.TB.
func (lasting) Cleanup(func()) {}

// Prepare sets what fills a database once, of which that of each test is a copy: making the tables
// each time would take longer. TestMain calls it.
func Prepare(fill func(Place) error) { prepare = fill }

// serverOf starts the server when it is first asked for. Its data need not survive it.
func serverOf(t testing.TB) *server {
	t.Helper()
	started.Do(func() {
		pg := services.PostgreSQL(lasting{t}, services.FsyncOff, "synchronous_commit=off", "full_page_writes=off",
			"wal_level=minimal", "max_wal_senders=0", "autovacuum=off")
		s := &server{owner: pg.Database, direct: parse(t, pg.SocketURL), admin: parse(t, pg.SocketURL)}
		s.pooled = parse(t, services.PgBouncer(lasting{t}, pg).URL)
		s.admin.User, s.admin.Path = url.User("postgres"), "/postgres"
		shared = s
	})
	if shared == nil {
		t.Fatal("starting PostgreSQL failed in another test")
	}
	return shared
}

func parse(t testing.TB, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s *server) url(k Kind, database string) string {
	u := *s.direct
	if k == PgBouncer {
		u = *s.pooled
	}
	u.Path = "/" + database
	return u.String()
}

// do runs a statement as the superuser.
func (s *server) do(t testing.TB, statement string) {
	t.Helper()
	s.run(t, s.admin.String(), statement)
}

// contextOf is for statements of cleanups too.
func contextOf(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

// create makes a database from another one.
func (s *server) create(t testing.TB, template string) (name string) {
	t.Helper()
	name = "st_" + strings.ToLower(rand.Text()[:12])
	locale := ""
	if template == "template0" { // a collation of a language, as servers have
		locale = ` ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en'`
	}
	s.do(t, `CREATE DATABASE `+name+` OWNER `+s.owner+` TEMPLATE `+template+locale)
	return name
}

// database returns the database of a directory, which it makes from a template the first time.
func database(t testing.TB, dir string, template func() string) string {
	t.Helper()
	key := string(Of(t)) + " " + dir
	if name, ok := databases.Load(key); ok {
		return name.(string)
	}
	s := serverOf(t)
	name := s.create(t, template())
	databases.Store(key, name)
	t.Cleanup(func() {
		databases.Delete(key)
		s.do(t, `DROP DATABASE `+name+` WITH (FORCE)`)
	})
	return name
}

// databaseOf is the name of the database at a place.
func databaseOf(t testing.TB, p Place) string {
	t.Helper()
	return strings.TrimPrefix(parse(t, p.Postgres).Path, "/")
}

// template is the name of the database that Prepare has filled, whose files it writes into dir.
func template(t testing.TB, dir string) string {
	t.Helper()
	s := serverOf(t)
	s.prepared.Do(func() {
		name, own := s.create(t, "template0"), t.TempDir()
		if prepare != nil {
			if err := prepare(PlaceOf(own, s.url(PostgreSQL, name))); err != nil {
				t.Errorf("preparing a database: %v", err)
			}
		}
		s.template, s.files = name, readFiles(t, own)
	})
	writeFiles(t, dir, s.files)
	return s.template
}

func readFiles(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, e := range entries {
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	return files
}

func writeFiles(t testing.TB, dir string, files map[string][]byte) {
	t.Helper()
	err := os.MkdirAll(dir, 0o700)
	for name, content := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), content, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
