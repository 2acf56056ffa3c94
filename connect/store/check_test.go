package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/services"
)

// spoilPage overwrites the first bytes of a page, which is counted from 0.
func spoilPage(t *testing.T, dir string, page int, by byte) {
	t.Helper()
	data := []byte(readFile(t, dir, DatabaseName))
	for i := range 64 {
		data[page*4096+i] = by
	}
	overwrite(DatabaseName, string(data))(t, dir)
}

// TestDamageMetLater damages one page after the other. A store that opens finds each connection, or
// says that it is damaged; never that there is no such connection.
func TestDamageMetLater(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	var ids []string
	for range 150 {
		ids = append(ids, importGmail(t, s, "ya29.one"))
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	whole := readFile(t, dir, DatabaseName)
	refused, met := 0, 0
	for page := 1; page < len(whole)/4096; page += 5 {
		for _, by := range []byte{0, 0xa5} {
			spoilPage(t, dir, page, by)
			s, err := Open(t.Context(), Options{Dir: dir})
			if err != nil {
				refused++
				if !errors.Is(err, ErrDamaged) {
					t.Errorf("page %d: opening it: %v", page, err)
				}
			} else {
				met += readAll(t, s, ids, fmt.Sprintf("page %d, %#x", page, by))
				if err := s.Close(); err != nil && !errors.Is(explainDamage(err), ErrDamaged) {
					t.Error(err)
				}
			}
			overwrite(DatabaseName, whole)(t, dir)
		}
	}
	if met == 0 || refused == 0 {
		t.Errorf("%d reads met the damage, and %d starts", met, refused)
	}
}

// readAll counts the connections that cannot be read.
func readAll(t *testing.T, s *Store, ids []string, what string) (damaged int) {
	t.Helper()
	for _, id := range ids {
		_, _, err := s.Grant(t.Context(), "acme", "alice@example.com", id)
		if err == nil {
			continue
		}
		damaged++
		if !errors.Is(err, ErrDamaged) && !errors.Is(err, vault.ErrSealed) {
			t.Fatalf("%s: %v", what, err)
		}
	}
	_, _, err := s.Connections(t.Context(), connect.Filter{Tenant: "acme", Limit: connect.MaxLimit})
	if err != nil && !errors.Is(err, ErrDamaged) {
		t.Errorf("%s: listing: %v", what, err)
	}
	if _, err := s.TenantsVersion(t.Context()); err != nil && !errors.Is(err, ErrDamaged) {
		t.Errorf("%s: reading one row: %v", what, err)
	}
	return damaged
}

// holdDir, if set, makes the test binary a gateway that has a store open until it is killed.
const holdDir = "VENDGATE_TEST_HOLD_DIR"

func holdOpen(dir string) int {
	s, err := Open(context.Background(), Options{Dir: dir, Recheck: true})
	if err == nil {
		_, err = s.ImportConnection(context.Background(), gmail("alice@example.com"), oauthGrant("ya29.held", "1//held"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println("open")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// killHolder opens a store in another process, and kills that.
func killHolder(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), holdDir+"="+dir)
	stdin := must[io.WriteCloser](t)(cmd.StdinPipe())
	defer func() { _ = stdin.Close() }()
	stdout := must[io.ReadCloser](t)(cmd.StdoutPipe())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open\n" {
		t.Fatalf("it says %q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
}

// messages is a log whose messages can be waited for.
type messages chan string

func (m messages) Enabled(context.Context, slog.Level) bool { return true }
func (m messages) WithAttrs([]slog.Attr) slog.Handler       { return m }
func (m messages) WithGroup(string) slog.Handler            { return m }
func (m messages) Handle(_ context.Context, r slog.Record) error {
	m <- r.Message
	return nil
}

// reopen opens a store as a gateway does, and returns what it logs.
func reopen(t *testing.T, dir string) (*Store, messages) {
	t.Helper()
	log := make(messages, 10)
	s, err := Open(t.Context(), Options{Dir: dir, Recheck: true, Logger: slog.New(log)})
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

func marksOf(t *testing.T, dir string) int {
	t.Helper()
	return len(must[[]string](t)(filepath.Glob(filepath.Join(dir, openMark+"*"))))
}

// TestRecheck kills a gateway: the next one looks through the database, whatever command was run in
// between, and the one after that does not. Damage is told at each start.
func TestRecheck(t *testing.T) {
	dir := t.TempDir()
	s, log := reopen(t, dir)
	for range 40 {
		importGmail(t, s, "ya29.one")
	}
	if marksOf(t, dir) != 1 {
		t.Error("an open store has no mark")
	}
	second, _ := reopen(t, dir) // of which the first is no leftover
	if err := errors.Join(second.Close(), s.Close()); err != nil || len(log) > 0 || marksOf(t, dir) != 0 {
		t.Fatalf("%v, %d messages, %d marks", err, len(log), marksOf(t, dir))
	}
	killHolder(t, dir)
	if err := must[*Store](t)(Open(t.Context(), Options{Dir: dir, KeepSchema: true})).Close(); err != nil {
		t.Fatal(err)
	}
	s, log = reopen(t, dir)
	if first, then := <-log, <-log; !strings.HasPrefix(first, "checking the store") || then != "the store is in order" {
		t.Errorf("log: %s, %s", first, then)
	}
	if err := s.Close(); err != nil || marksOf(t, dir) != 0 {
		t.Fatalf("%v, %d marks", err, marksOf(t, dir))
	}
	killHolder(t, dir)
	damageTables(t, dir)
	for range 2 {
		s, log := reopen(t, dir)
		if first, then := <-log, <-log; !strings.HasPrefix(first, "checking the store") ||
			!strings.HasPrefix(then, "the store is damaged") {
			t.Errorf("log: %s, %s", first, then)
		}
		if err := s.Close(); err != nil || marksOf(t, dir) != 1 {
			t.Fatalf("%v, %d marks", err, marksOf(t, dir))
		}
	}
}

// damageTables folds the write-ahead log, and damages a page in the middle.
func damageTables(t *testing.T, dir string) {
	t.Helper()
	if err := must[*Store](t)(Open(t.Context(), Options{Dir: dir})).Close(); err != nil {
		t.Fatal(err)
	}
	damageLater(t, dir)
}

// damageLater damages a page that no start reads: those at the end are of the tables that grow.
func damageLater(t *testing.T, dir string) {
	t.Helper()
	spoilPage(t, dir, len(readFile(t, dir, DatabaseName))/4096*3/4, 0xa5)
}

// TestRecheckEndsWithTheStore closes a store whose check is under way, which is then still to do.
func TestRecheckEndsWithTheStore(t *testing.T) {
	dir := t.TempDir()
	if err := openStore(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	overwrite(openMark+"KILLED", "")(t, dir)
	hold := make(messages) // nothing is read of it: the check does not begin before the close
	s, err := Open(t.Context(), Options{Dir: dir, Recheck: true, Logger: slog.New(hold)})
	if err != nil {
		t.Fatal(err)
	}
	s.db.(*sqliteDB).recheck.cancel()
	<-hold
	if err := s.Close(); err != nil || marksOf(t, dir) != 1 {
		t.Errorf("%v, %d marks", err, marksOf(t, dir))
	}
}

// TestCheck finds each kind of damage, and says what to do.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		spoil spoiler
		want  string
	}{
		"a sound store":      {func(*testing.T, string) {}, ""},
		"a damaged page":     {damageLater, "SQLite finds: "},
		"a row that is lost": {run(`UPDATE connections SET sealed = zeroblob(80)`), "does not open"},
		"a moved row":        {run(`UPDATE connections SET app = 'github'`), "does not open"},
		"a lost grant":       {run(`UPDATE connections SET sealed = NULL`), "does not open"},
		"a wrong count":      {run(`UPDATE connection_counts SET connections = connections + 1`), " counts of connections"},
		"a lost count":       {run(`DELETE FROM connection_counts`), " counts of connections"},
		"a lost index":       {run(`DROP INDEX links_by_expiry`), "links_by_expiry is missing"},
		"a lost parent": {run(`PRAGMA foreign_keys = 0; DELETE FROM connections`),
			"rows of links are of connections that are gone"},
		"a lost client": {run(`UPDATE oauth_clients SET version = 7`), "the OAuth client for gmail of tenant acme"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fillForCheck(t, dir)
			c.spoil(t, dir)
			got, err := openStore(t, dir).Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(got.Problems) > 0 || got.Connections != 40 || got.Tenants != 1 || got.Sealed != 41 {
					t.Errorf("%+v", got)
				}
				return
			}
			if len(got.Problems) == 0 {
				t.Fatal("nothing is found")
			}
			all := fmt.Sprint(got.Problems)
			if !strings.Contains(all, c.want) || got.Problems[0].Advice == "" || len(got.Problems) > maxUnopened+2 {
				t.Errorf("%s; want %q", all, c.want)
			}
		})
	}
}

// TestCheckPostgres is TestCheck for what is of PostgreSQL alone.
func TestCheckPostgres(t *testing.T) {
	s := openWith(t, Options{Dir: t.TempDir(), Postgres: services.PostgreSQL(t).URL,
		KeyEncryptionKeys: []vault.KEK{newKEK(t)}})
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	importGmail(t, s, "ya29.one")
	got, err := s.Check(t.Context())
	if err != nil || len(got.Problems) > 0 || got.Tenants != 1 || got.Connections != 1 || got.Sealed != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, c := range []struct{ spoil, want, repair string }{
		{`UPDATE connections SET sealed = sealed || sealed`, "does not open", `UPDATE connections SET sealed =
			substring(sealed FOR length(sealed) / 2)`},
		{`INSERT INTO connection_counts VALUES ('gmail', 'active', 0, 1)`, "1 counts of connections",
			`INSERT INTO connection_counts VALUES ('gmail', 'active', 0, -1)`},
		{`CREATE RULE keep AS ON DELETE TO tenant_keys DO INSTEAD NOTHING`, "the foreign rule keep",
			`DROP RULE keep ON tenant_keys`},
		{`CREATE TRIGGER keep BEFORE UPDATE ON tenants FOR EACH ROW EXECUTE FUNCTION connections_counted()`,
			"the foreign trigger keep", `DROP TRIGGER keep ON tenants`},
		{`DROP INDEX links_by_expiry`, "the index links_by_expiry is missing",
			`CREATE INDEX links_by_expiry ON links (expires_at)`},
		{`ALTER TABLE connections DISABLE TRIGGER connections_counted_insert`,
			"the trigger connections_counted_insert is missing", `ALTER TABLE connections ENABLE TRIGGER USER`},
	} {
		execSQL(t, s, c.spoil)
		got, err := s.Check(t.Context())
		if err != nil || len(got.Problems) != 1 || !strings.Contains(got.Problems[0].What, c.want) {
			t.Errorf("after %s: %+v, %v", c.spoil, got, err)
		}
		execSQL(t, s, c.repair)
	}
}

func fillForCheck(t *testing.T, dir string) {
	t.Helper()
	s := openStore(t, dir)
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	for range 39 {
		importGmail(t, s, "ya29.one")
	}
	completeLink(t, s, createLink(t, s), "ya29.two")
	setClient(t, s, "acme", "gmail", client("id", "secret"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
