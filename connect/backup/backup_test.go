package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/vending"
)

func TestMain(m *testing.M) {
	workFactor = 8 // what it costs to try passphrases is not what is tested
	os.Exit(m.Run())
}

var passphrase = []byte("correct horse battery staple")

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

func ok(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, dir string) *store.Store {
	t.Helper()
	s := must[*store.Store](t)(store.Open(t.Context(), store.Options{Dir: dir}))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const alice = "alice@example.com"

func add(t testing.TB, s *store.Store, key string) string {
	t.Helper()
	return must[string](t)(s.ImportConnection(t.Context(),
		connect.Connection{Tenant: "acme", User: alice, App: "openai", AuthType: vending.APIKey},
		connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: key}}})))
}

// holds checks which key a connection of the store in dir holds; "" that there is no connection.
func holds(t testing.TB, s *store.Store, id, key string) {
	t.Helper()
	_, g, err := s.Grant(t.Context(), "acme", alice, id)
	var e *vending.Error
	if key == "" && errors.As(err, &e) && e.Code == vending.ConnectionDeleted {
		return
	}
	if err != nil {
		t.Errorf("connection of %q: %v", key, err)
		return
	}
	if got := g.Reveal().Fields[0].Value; got != key {
		t.Errorf("the connection holds %q, want %q", got, key)
	}
}

// files lists what is in a directory, with the contents.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, e := range must[[]fs.DirEntry](t)(os.ReadDir(dir)) {
		text := "a directory"
		if !e.IsDir() {
			text = string(must[[]byte](t)(os.ReadFile(filepath.Join(dir, e.Name()))))
		}
		found[e.Name()] = text
	}
	return found
}

// TestBackupUnderLoad backs up a store while others write to it, and restores it elsewhere: the
// three connections that were made before all come back, though they are in the WAL only.
func TestBackupUnderLoad(t *testing.T) {
	s := open(t, t.TempDir())
	var ids []string
	for i := range 3 {
		ids = append(ids, add(t, s, fmt.Sprint("sk-", i)))
	}
	ctx, stop := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for ctx.Err() == nil {
				add(t, s, "sk-load")
			}
		})
	}
	t.Chdir(t.TempDir())
	const file = "backup" // relative to where the command runs
	c, err := Write(t.Context(), s, file, passphrase)
	stop()
	writers.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if mode := must[fs.FileInfo](t)(os.Stat(file)).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	if left := files(t, filepath.Dir(file)); len(left) != 1 {
		t.Errorf("%d files, want the backup alone", len(left))
	}
	if c.Connections < 3 || c.SealedKeyset == nil || c.At.IsZero() {
		t.Errorf("the backup is %d connections of %s", c.Connections, c.At)
	}
	dir := filepath.Join(t.TempDir(), "elsewhere")
	r := must[Result](t)(Restore(t.Context(), Options{File: file, Dir: dir, Passphrase: passphrase}))
	if r.Aside != "" || !errors.Is(r.NoTrail, ErrNoTrail) {
		t.Errorf("aside %q, %v", r.Aside, r.NoTrail)
	}
	there := open(t, dir)
	for i, id := range ids {
		holds(t, there, id, fmt.Sprint("sk-", i))
	}
	if got := slices.Sorted(mapKeys(files(t, dir))); !slices.Equal(got[:2], []string{"keyset.json", "vendgate.db"}) {
		t.Errorf("files %v", got)
	}
}

func mapKeys(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// TestBackupRefuses: nothing is overwritten, and a backup that fails leaves nothing.
func TestBackupRefuses(t *testing.T) {
	s := open(t, t.TempDir())
	dir := t.TempDir()
	file := filepath.Join(dir, "backup")
	ok(t, os.WriteFile(file, []byte("precious"), 0o600))
	if _, err := Write(t.Context(), s, file, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if _, err := Write(t.Context(), s, filepath.Join(dir, "other"), []byte("short")); !errors.Is(err, ErrTooShort) {
		t.Errorf("a short passphrase: %v", err)
	}
	if _, err := Write(t.Context(), s, filepath.Join(dir, "none", "other"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(ended, s, filepath.Join(dir, "other"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if left := files(t, dir); len(left) != 1 || left["backup"] != "precious" {
		t.Errorf("files are now %d", len(left))
	}
}

// TestKeysetInBackup: nothing of the keyset is in a backup as it is, and without being asked
// nothing at all.
func TestKeysetInBackup(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	add(t, s, "sk-canary")
	keyset := string(must[[]byte](t)(os.ReadFile(filepath.Join(home, vault.FileName))))
	value := keyset[strings.Index(keyset, `"value":"`)+9:][:40]
	for _, sealedBy := range [][]byte{nil, passphrase} {
		file := filepath.Join(t.TempDir(), "backup")
		must[store.Copy](t)(Write(t.Context(), s, file, sealedBy))
		text := string(must[[]byte](t)(os.ReadFile(file)))
		if strings.Contains(text, value) || strings.Contains(text, "sk-canary") ||
			strings.Contains(text, string(passphrase)) {
			t.Error("a secret is in the backup as it is")
		}
		if strings.Contains(text, "age-encryption.org/v1") != (sealedBy != nil) {
			t.Errorf("a sealed keyset, with %q", sealedBy)
		}
		c := must[store.Copy](t)(Read(t.Context(), file))
		if err := c.OpenedBy([]byte(keyset)); err != nil {
			t.Error(err)
		}
		if sealedBy == nil {
			continue
		}
		if _, err := Keyset(c, []byte("another passphrase")); !errors.Is(err, ErrPassphrase) {
			t.Errorf("by another passphrase: %v", err)
		}
		if got := must[[]byte](t)(Keyset(c, passphrase)); string(got) != keyset {
			t.Error("another keyset came back")
		}
	}
}

// damage changes a backup.
func damage(t testing.TB, file string, change func([]byte) []byte) string {
	t.Helper()
	text := must[[]byte](t)(os.ReadFile(file))
	changed := filepath.Join(t.TempDir(), "changed")
	ok(t, os.WriteFile(changed, change(text), 0o600))
	return changed
}

// TestRestoreRefuses: what is wrong is named, and the store that is there stays as it is.
func TestRestoreRefuses(t *testing.T) {
	home, other := t.TempDir(), t.TempDir()
	s := open(t, home)
	for i := range 40 {
		add(t, s, fmt.Sprint("sk-", i))
	}
	ok(t, open(t, other).Close())
	otherKeyset := filepath.Join(other, vault.FileName)
	good := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(t.Context(), s, good, nil))
	sealed := filepath.Join(t.TempDir(), "sealed")
	must[store.Copy](t)(Write(t.Context(), s, sealed, passphrase))
	ok(t, s.Close())
	plain := damage(t, filepath.Join(home, store.DatabaseName), func(b []byte) []byte { return b })
	half := damage(t, good, func(b []byte) []byte { return b[:len(b)/2&^4095] })
	page := damage(t, good, func(b []byte) []byte { copy(b[len(b)/2&^4095:], strings.Repeat("\xa5", 64)); return b })
	newer := damage(t, good, func(b []byte) []byte { b[63] = 99; return b }) // user_version
	text := damage(t, good, func([]byte) []byte { return []byte("no database") })
	for name, c := range map[string]struct {
		o    Options
		want error
	}{
		"a store is there":        {Options{File: good}, ErrNotEmpty},
		"keyset of another store": {Options{File: good, Replace: true, Keyset: otherKeyset}, vault.ErrKeysetMismatch},
		"no keyset in it":         {Options{File: good, Replace: true, Passphrase: passphrase}, ErrNoKeyset},
		"another passphrase": {Options{File: sealed, Replace: true, Passphrase: []byte("another one, long")},
			ErrPassphrase},
		"two keysets": {Options{File: sealed, Replace: true, Passphrase: passphrase, Keyset: otherKeyset},
			ErrTwice},
		"half a file":              {Options{File: half, Replace: true}, ErrDamaged},
		"a damaged page":           {Options{File: page, Replace: true}, ErrDamaged},
		"not a database":           {Options{File: text, Replace: true}, ErrDamaged},
		"a newer schema":           {Options{File: newer, Replace: true}, ErrNewer},
		"a plain copy":             {Options{File: plain, Replace: true}, store.ErrPlainCopy},
		"no file":                  {Options{File: good + "x", Replace: true}, fs.ErrNotExist},
		"the trail of another one": {Options{File: good, Replace: true, Trail: other}, store.ErrOtherTrail},
		"nothing to apply by": {Options{File: good, Dir: filepath.Join(t.TempDir(), "x"),
			Keyset: filepath.Join(home, vault.FileName), Apply: true}, ErrNoTrail},
		"no keyset at all": {Options{File: good, Dir: filepath.Join(t.TempDir(), "x")}, ErrWhich},
	} {
		t.Run(name, func(t *testing.T) {
			before := files(t, home)
			if c.o.Dir == "" {
				c.o.Dir = home
			}
			if _, err := Restore(t.Context(), c.o); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if after := files(t, home); fmt.Sprint(after) != fmt.Sprint(before) {
				t.Error("the directory was changed")
			}
		})
	}
}

// TestRestoreInUse: while a gateway or a command has the store open, nothing is replaced.
func TestRestoreInUse(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	id := add(t, s, "sk-1")
	file := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(t.Context(), s, file, nil))
	if _, err := Restore(t.Context(), Options{File: file, Dir: home, Replace: true}); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v", err)
	}
	holds(t, s, id, "sk-1")
}

// TestInterruptedRestore: a restore that ended between moving the old store and the new one leaves
// a directory in which no empty store is made; and running it again completes it.
func TestInterruptedRestore(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	id := add(t, s, "sk-1")
	file := filepath.Join(t.TempDir(), "backup")
	must[store.Copy](t)(Write(t.Context(), s, file, passphrase))
	ok(t, s.Close())
	ok(t, os.Mkdir(filepath.Join(home, store.RestoringName), 0o700))
	ok(t, os.Remove(filepath.Join(home, store.DatabaseName)))
	if _, err := store.Open(t.Context(), store.Options{Dir: home}); !errors.Is(err, store.ErrRestoreInterrupted) {
		t.Errorf("error %v", err)
	}
	must[Result](t)(Restore(t.Context(), Options{File: file, Dir: home, Passphrase: passphrase}))
	holds(t, open(t, home), id, "sk-1")
}

// TestForeignCode: a backup with code of its own in it is refused.
func TestForeignCode(t *testing.T) {
	home := t.TempDir()
	s := open(t, home)
	add(t, s, "sk-1")
	for name, statement := range map[string]string{
		"trigger": `CREATE TRIGGER again AFTER DELETE ON caller_keys BEGIN
			INSERT INTO caller_keys SELECT old.*; END`,
		"trigger that is ours no more": `DROP TRIGGER connections_counted_insert;
			CREATE TRIGGER connections_counted_insert AFTER INSERT ON connections BEGIN
			UPDATE tenants SET disabled = 0; END`,
		"view": `CREATE VIEW spare AS SELECT 1`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "backup")
			must[store.Copy](t)(Write(t.Context(), s, file, nil))
			db := must[*sql.DB](t)(sql.Open("sqlite", file))
			must[sql.Result](t)(db.Exec(statement))
			ok(t, db.Close())
			if _, err := Read(t.Context(), file); err == nil {
				t.Error("it is accepted")
			}
			other := filepath.Join(t.TempDir(), "other")
			c := must[store.Copy](t)(Write(t.Context(), s, other, nil))
			if _, err := store.ChangesSince(t.Context(), file, c); !errors.Is(err, store.ErrForeignCode) {
				t.Errorf("as a trail: %v", err)
			}
			dir := filepath.Join(t.TempDir(), "x")
			if _, err := Restore(t.Context(), Options{File: file, Dir: dir,
				Keyset: filepath.Join(home, "keyset.json")}); err == nil {
				t.Error("it is restored")
			}
			if _, err := os.Lstat(dir); err == nil {
				t.Error("the directory was made")
			}
		})
	}
}

// TestCostlyPassphrase: a crafted backup cannot ask for more memory than ours do.
func TestCostlyPassphrase(t *testing.T) {
	const costly = "age-encryption.org/v1\n-> scrypt AAAAAAAAAAAAAAAAAAAAAA 21\n" +
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n--- AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n"
	if _, err := unseal([]byte(costly), passphrase); err == nil || errors.Is(err, ErrPassphrase) {
		t.Errorf("it was tried: %v", err)
	}
}
