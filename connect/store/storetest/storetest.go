// Package storetest runs tests of what is kept in a store on each kind of database: SQLite, and a
// real PostgreSQL with and without PgBouncer before it. It is for tests alone.
//
// A test opens its stores where At says, by the directory that it would open them in otherwise, so
// that the same lines serve all kinds:
//
//	func TestHolds(t *testing.T) { storetest.Each(t, testHolds) }
//
//	func testHolds(t *testing.T) {
//		at := storetest.At(t, t.TempDir())
//		…
//	}
package storetest

import (
	"os"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect/vault"
)

// Kind is a kind of database.
type Kind string

// The kinds. A test that Each does not run is of SQLite.
const (
	SQLite     Kind = "SQLite"
	PostgreSQL Kind = "PostgreSQL"
	// PgBouncer is PostgreSQL through PgBouncer in transaction mode.
	PgBouncer Kind = "PgBouncer"
)

// kek is the key-encryption key of all stores in PostgreSQL.
const kek = "c3RvcmV0ZXN0IHN0b3JldGVzdCBzdG9yZXRlc3QgISE="

// Place is where stores are opened: all that are opened in one share what is there.
type Place struct {
	// Dir is a directory, which is that of the database if Postgres is empty.
	Dir string
	// Postgres is the URL of a database of its own.
	Postgres string
	// Keys seal the keyset in it.
	Keys []vault.KEK
}

// PlaceOf is the place of a directory and a URL, in another process than that which At was called
// in; without a URL it is of SQLite.
func PlaceOf(dir, postgres string) Place {
	if postgres == "" {
		return Place{Dir: dir}
	}
	key, err := vault.ParseKEK(kek)
	if err != nil {
		panic(err) // it is a constant
	}
	return Place{dir, postgres, []vault.KEK{key}}
}

// running holds the Kind of each test that Each runs, by its name.
var running sync.Map

// Each runs f once for each kind, as a subtest of its name.
func Each(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	On(t, f, SQLite, PostgreSQL, PgBouncer)
}

// EachAtOnce is Each whose kinds run at the same time, for tests that do not call t.Parallel.
func EachAtOnce(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	Each(t, func(t *testing.T) {
		t.Parallel()
		f(t)
	})
}

// DirectAtOnce is EachAtOnce without the pooler, unless VENDGATE_SOAK is set, for tests that make
// many databases, and for those whose statements others run through it.
func DirectAtOnce(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	kinds := []Kind{SQLite, PostgreSQL}
	if os.Getenv("VENDGATE_SOAK") != "" {
		kinds = append(kinds, PgBouncer)
	}
	On(t, func(t *testing.T) {
		t.Parallel()
		f(t)
	}, kinds...)
}

// On is Each of some kinds.
func On(t *testing.T, f func(t *testing.T), kinds ...Kind) {
	t.Helper()
	for _, k := range kinds {
		t.Run(string(k), func(t *testing.T) {
			running.Store(t.Name(), k)
			t.Cleanup(func() { running.Delete(t.Name()) }) // its subtests may run when f has returned
			f(t)
		})
	}
}

// Of returns the kind of a test, which may be a subtest of that which Each runs.
func Of(t testing.TB) Kind {
	name := t.Name()
	for {
		if k, ok := running.Load(name); ok {
			return k.(Kind)
		}
		i := len(name) - 1
		for i >= 0 && name[i] != '/' {
			i--
		}
		if i < 0 {
			return SQLite
		}
		name = name[:i]
	}
}

// At returns the place of a directory in a test. In PostgreSQL it is a database of its own, which
// is there until t, or the test of an earlier call, ends. A store that is opened in it finds what
// Prepare has made, and else nothing.
func At(t testing.TB, dir string) Place {
	t.Helper()
	return at(t, dir, func() string { return template(t, dir) })
}

// Empty is At of a database that nothing was prepared in.
func Empty(t testing.TB, dir string) Place {
	t.Helper()
	return at(t, dir, func() string { return "template0" })
}

func at(t testing.TB, dir string, template func() string) Place {
	t.Helper()
	k := Of(t)
	if k == SQLite {
		return PlaceOf(dir, "")
	}
	return PlaceOf(dir, serverOf(t).url(k, database(t, dir, template)))
}
