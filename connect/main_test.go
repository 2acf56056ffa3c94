package connect

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/vending"
)

// openDir, if set, makes the test binary a second process that opens a store and ends.
const openDir = "VENDGATE_TEST_OPEN_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(openDir); dir != "" {
		os.Exit(openAndImport(dir))
	}
	goleak.VerifyTestMain(m)
}

// openAndImport is what the second process does; its exit status says how it went.
func openAndImport(dir string) int {
	s, err := Open(context.Background(), Options{Dir: dir})
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

// epoch is the clock of tests that fix it.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func gmail(user string) Connection {
	return Connection{Tenant: "acme", User: user, App: "gmail", Name: "Work Gmail", AuthType: vending.OAuth}
}

func oauthGrant(access, refresh string) Grant {
	return NewGrant(GrantValues{
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
	s, err := Open(t.Context(), Options{Dir: dir, Now: now})
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
	if _, err := s.writer.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
