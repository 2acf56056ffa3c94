package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/tests/services"
	"github.com/vendgate/vendgate/vending"
)

// openDir, if set, makes the test binary a second process that opens a store and ends; openURL is
// that of its database, unless it is of SQLite.
const (
	openDir = "VENDGATE_TEST_OPEN_DIR"
	openURL = "VENDGATE_TEST_OPEN_URL"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(openDir); dir != "" {
		os.Exit(openAndImport(dir))
	}
	if dir := os.Getenv(limitFiles); dir != "" {
		os.Exit(runLimited(dir))
	}
	storetest.Prepare(func(p storetest.Place) error {
		s, err := Open(context.Background(), optionsOf(p))
		if err == nil {
			err = s.Close()
		}
		return err
	})
	goleak.VerifyTestMain(services.WithShutdown(m))
}

// openAndImport is what the second process does; its exit status says how it went.
func openAndImport(dir string) int {
	s, err := Open(context.Background(), optionsOf(storetest.PlaceOf(dir, os.Getenv(openURL))))
	if err == nil {
		_, err = s.ImportConnection(context.Background(), gmail("alice@example.com"), oauthGrant("ya29.child", "1//child"))
	}
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// reportOpen opens a store that should not open, and prints why it does not.
func reportOpen(dir string) int {
	signal.Ignore(syscall.SIGXFSZ) // or the runtime ends the process, where a full disk is an error only
	s, err := Open(context.Background(), Options{Dir: dir})
	if err == nil {
		_ = s.Close() // the test fails by the exit status
		return 1
	}
	fmt.Println(err)
	return 0
}

// epoch is the clock of tests that fix it.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func gmail(user string) connect.Connection {
	return connect.Connection{Tenant: "acme", User: user, App: "gmail", Name: "Work Gmail", AuthType: vending.OAuth}
}

func oauthGrant(access, refresh string) connect.Grant {
	return connect.NewGrant(connect.GrantValues{
		AccessToken: access, RefreshToken: refresh, TokenType: "Bearer", Scope: "mail.read",
		Expiry: epoch.Add(time.Hour),
	})
}

func openStore(t testing.TB, dir string) *Store {
	t.Helper()
	return openStoreAt(t, dir, func() time.Time { return epoch })
}

func openStoreAt(t testing.TB, dir string, now func() time.Time) *Store {
	t.Helper()
	o := optionsAt(t, dir)
	o.Now = now
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// optionsAt are those of a store of the test's kind of database, in dir.
func optionsAt(t testing.TB, dir string) Options {
	t.Helper()
	return optionsOf(storetest.At(t, dir))
}

func optionsOf(p storetest.Place) Options {
	return Options{Dir: p.Dir, Postgres: p.Postgres, KeyEncryptionKeys: p.Keys}
}

func importGmail(t testing.TB, s *Store, access string) string {
	t.Helper()
	id, err := s.ImportConnection(t.Context(), gmail("alice@example.com"), oauthGrant(access, "1//"+access))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// wantAccess checks that the grant of alice's connection opens and holds that token.
func wantAccess(t testing.TB, s *Store, id, access string) {
	t.Helper()
	_, g, err := s.Grant(t.Context(), "acme", "alice@example.com", id)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Reveal().AccessToken; got != access {
		t.Fatalf("access token %q, want %q", got, access)
	}
}

func execSQL(t testing.TB, s *Store, query string, args ...any) {
	t.Helper()
	if err := tryExec(t, s, query, args...); err != nil {
		t.Fatal(err)
	}
}

// blobLiteral is a blob as SQLite spells it.
var blobLiteral = regexp.MustCompile(`\bx'([0-9a-f]*)'`)

// tryExec runs a statement whose blobs are spelled as SQLite does.
func tryExec(t testing.TB, s *Store, query string, args ...any) error {
	t.Helper()
	if storetest.Of(t) != storetest.SQLite {
		query = blobLiteral.ReplaceAllString(strings.ReplaceAll(query, " AS BLOB)", " AS BYTEA)"), `'\x$1'::bytea`)
	}
	return s.update(t.Context(), "running a statement", func(tx *tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	})
}

// writerOf is the writer of a store of SQLite.
func writerOf(s *Store) *sql.DB { return s.db.(*sqliteDB).writer }

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// ticker is a clock that a test moves, while others may read it.
type ticker struct{ since atomic.Int64 }

func (c *ticker) now() time.Time          { return epoch.Add(time.Duration(c.since.Load())) }
func (c *ticker) set(since time.Duration) { c.since.Store(int64(since)) }
func (c *ticker) add(d time.Duration)     { c.since.Add(int64(d)) }

// must stops the test at an error.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantCode(t testing.TB, err error, code vending.Code) {
	t.Helper()
	if e := new(vending.Error); !errors.As(err, &e) || e.Code != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func createLink(t testing.TB, s *Store) connect.Link {
	t.Helper()
	return must[connect.Link](t)(s.CreateLink(t.Context(), gmail("alice@example.com")))
}

func renewLink(t testing.TB, s *Store, id string) connect.Link {
	t.Helper()
	return must[connect.Link](t)(s.RenewLink(t.Context(), "acme", "alice@example.com", id))
}

func digestOf(l connect.Link) connect.Digest { return connect.DigestOf(l.Token.Reveal()) }

// alices is the cookie's digest of the browser that completes links.
var alices = connect.DigestOf("alice's browser")

func completeLink(t testing.TB, s *Store, l connect.Link, access string) connect.Connection {
	t.Helper()
	return must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(l), alices, vending.OAuth,
		oauthGrant(access, "1//"+access)))
}

func describe(t testing.TB, s *Store, id string) connect.Connection {
	t.Helper()
	return must[connect.Connection](t)(s.Describe(t.Context(), "acme", "alice@example.com", id))
}

// wantEvents checks the events of the audit trail, oldest first.
func wantEvents(t testing.TB, s *Store, f connect.AuditFilter, want ...connect.Event) {
	t.Helper()
	f.Limit = connect.MaxLimit
	rows, _, err := s.Audit(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	var got []connect.Event
	for _, r := range slices.Backward(rows) {
		got = append(got, r.Event)
	}
	if !slices.Equal(got, want) {
		t.Errorf("events %v, want %v", got, want)
	}
}

// printed formats values in every way in which they could end up in a log or an answer.
func printed(values ...any) map[string]string {
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "values", values)
	encoded, err := json.Marshal(values)
	return map[string]string{
		"%v": fmt.Sprintf("%v", values), "%+v": fmt.Sprintf("%+v", values), "%#v": fmt.Sprintf("%#v", values),
		"%q":  fmt.Sprintf("%q", values),
		"log": log.String(), "json": fmt.Sprint(string(encoded), err),
	}
}
