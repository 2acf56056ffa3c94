package pgserver

import (
	"errors"
	"strings"
	"testing"
)

// TestURL checks that what cannot be a URL is refused without repeating any of it: a
// password that is not encoded may be read as another part.
func TestURL(t *testing.T) {
	for _, bad := range []string{
		"", " ", "mysql://u:hunter2@h/db", "postgres//u:hunter2@h/db", "postgres://u:hunter2@h:54x/db",
		"postgres://u:hunt@er2@h/db", "postgres://u:12/hunter2@h/db", "postgres://u:hun/ter2@h/db",
		"postgres://u:hunter2@h/db?sslmode=verify-ful",
		"postgres://u:hunter2@h/db?pool_max_conns=x", "postgres://u:hunter2@h/db?connect_timeout=x",
	} {
		_, err := parseDSN(bad)
		switch {
		case !errors.Is(err, ErrURL):
			t.Errorf("%q is %v", bad, err)
		case strings.Contains(err.Error(), "er2"):
			t.Errorf("%q is repeated: %v", bad, err)
		}
	}
	for _, good := range []string{
		"postgres://u:p@h/db", "postgresql://u:p%40%2F@db-1.example.com:6432/db?sslmode=verify-full",
		"postgres://u:p@a:5432,b:5433/db?target_session_attrs=read-write", "postgres://u:p@[::1]:5432/db",
		"postgres:///db?host=/run/postgresql&user=u", "postgres://u:p?#@h/db", "host=h user=u password=p dbname=db",
	} {
		if _, err := parseDSN(good); err != nil {
			t.Errorf("%q is %v", good, err)
		}
	}
}

// TestPlace checks that messages can name a database without what its URL has of secrets.
func TestPlace(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:hunter2@db.example.com/vendgate":        "vendgate at db.example.com:5432",
		"postgres://u:hunter2@a:5432,b:5433/v?sslmode=prefer": "v at a:5432, b:5433",
		"postgres://u:hunter2@[::1]:6432/v":                   "v at [::1]:6432",
		"host=/run/postgresql user=u password=hunter2":        "u at /run/postgresql/.s.PGSQL.5432",
	} {
		d, err := parseDSN(url)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.String(); got != "PostgreSQL database "+want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRebind(t *testing.T) {
	for in, want := range map[string]string{
		`SELECT 1`: `SELECT 1`,
		`a = ? AND b IN (?, ?) AND c LIKE ? ESCAPE '\'`: `a = $1 AND b IN ($2, $3) AND c LIKE $4 ESCAPE '\'`,
		`a = ?2 OR b = ?1 OR c = ?12`:                   `a = $2 OR b = $1 OR c = $12`,
		`a = '?' AND b = ?`:                             `a = '?' AND b = $1`,
	} {
		if got := rebind(in); got != want {
			t.Errorf("%s is %s, want %s", in, got, want)
		}
	}
}
