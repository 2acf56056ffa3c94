package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/vault"
)

func newKEK(t testing.TB) vault.KEK {
	t.Helper()
	text, _ := vault.CreateKEK()
	return must[vault.KEK](t)(vault.ParseKEK(text))
}

// openSealed opens the store in dir with key-encryption keys.
func openSealed(t testing.TB, dir string, keks ...vault.KEK) *Store {
	t.Helper()
	return openWith(t, Options{Dir: dir, KeyEncryptionKeys: keks})
}

func openWith(t testing.TB, o Options) *Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return epoch }
	}
	s := must[*Store](t)(Open(t.Context(), o))
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func closeStore(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// keysetFiles lists the files in dir whose name begins as the keyset file's does.
func keysetFiles(t testing.TB, dir string) (names []string) {
	t.Helper()
	for _, e := range must[[]fs.DirEntry](t)(os.ReadDir(dir)) {
		if strings.HasPrefix(e.Name(), vault.FileName) {
			names = append(names, e.Name())
		}
	}
	return names
}

// TestSealedStore makes a store with a key-encryption key: there is no keyset file, and only that
// key opens it.
func TestSealedStore(t *testing.T) {
	dir, kek, other := t.TempDir(), newKEK(t), newKEK(t)
	s := openSealed(t, dir, kek)
	id := importGmail(t, s, "ya29.one")
	closeStore(t, s)
	if names := keysetFiles(t, dir); names != nil {
		t.Errorf("keyset files %s", names)
	}
	s = openSealed(t, dir, other, kek)
	wantAccess(t, s, id, "ya29.one")
	closeStore(t, s)
	for name, keks := range map[string][]vault.KEK{"none": nil, "another": {other}} {
		t.Run(name, func(t *testing.T) {
			closed := must[*Store](t)(New(Options{Dir: dir, KeyEncryptionKeys: keks}))
			var refusal *vault.KEKError
			if err := closed.Inspect(t.Context()); !errors.As(err, &refusal) || refusal.Expected != kek.Fingerprint() {
				t.Errorf("inspected: %v", err)
			}
			if err := closed.Ready(t.Context()); !errors.As(err, &refusal) || refusal.Expected != kek.Fingerprint() ||
				len(refusal.Given) != len(keks) {
				t.Errorf("opened: %v", err)
			}
			closeStore(t, closed)
			if names := keysetFiles(t, dir); names != nil {
				t.Errorf("keyset files %s", names)
			}
		})
	}
	wantAccess(t, openSealed(t, dir, kek), id, "ya29.one")
}

// TestKeysetFileIsSealed opens a store with a keyset file, once a key-encryption key is there.
func TestKeysetFileIsSealed(t *testing.T) {
	dir, kek := t.TempDir(), newKEK(t)
	s := openStore(t, dir)
	id := importGmail(t, s, "ya29.one")
	closeStore(t, s)
	was := readFile(t, dir, vault.FileName)

	// A command leaves it.
	s = openWith(t, Options{Dir: dir, KeyEncryptionKeys: []vault.KEK{kek}, KeepSchema: true})
	wantAccess(t, s, id, "ya29.one")
	closeStore(t, s)
	if readFile(t, dir, vault.FileName) != was {
		t.Fatal("a command changed the keyset file")
	}

	s = openSealed(t, dir, kek)
	wantAccess(t, s, id, "ya29.one")
	u := s.Upgraded()
	if names := keysetFiles(t, dir); len(names) != 1 || filepath.Join(dir, names[0]) != u.KeysetFile ||
		!strings.HasPrefix(names[0], vault.FileName+".sealed-") || readFile(t, dir, names[0]) != was {
		t.Errorf("files %s, told of %s", names, u.KeysetFile)
	}
	closeStore(t, s)
	s = openSealed(t, dir, kek)
	wantAccess(t, s, id, "ya29.one")
	if u := s.Upgraded(); u != (Upgrade{}) {
		t.Errorf("the second time: %+v", u)
	}
}

// TestKeysetFileOfAnotherStore: what does not open the database is not sealed into it.
func TestKeysetFileOfAnotherStore(t *testing.T) {
	dir, kek := t.TempDir(), newKEK(t)
	closeStore(t, openStore(t, dir))
	other := anotherKeyset(t)
	overwrite(vault.FileName, other)(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir, KeyEncryptionKeys: []vault.KEK{kek}}); !errors.Is(err,
		vault.ErrKeysetMismatch) {
		t.Errorf("error %v, want %v", err, vault.ErrKeysetMismatch)
	}
	if readFile(t, dir, vault.FileName) != other {
		t.Error("the file was changed")
	}
}

// TestInterruptedSealing: a process that died before it could put the file aside leaves that to the
// next; a file of another store next to a sealed one is left where it is.
func TestInterruptedSealing(t *testing.T) {
	dir, kek := t.TempDir(), newKEK(t)
	closeStore(t, openStore(t, dir))
	was := readFile(t, dir, vault.FileName)
	s := openSealed(t, dir, kek)
	u := s.Upgraded()
	closeStore(t, s)
	if err := os.Rename(u.KeysetFile, filepath.Join(dir, vault.FileName)); err != nil {
		t.Fatal(err)
	}
	s = openSealed(t, dir, kek)
	if names := keysetFiles(t, dir); len(names) != 1 || names[0] == vault.FileName || readFile(t, dir, names[0]) != was {
		t.Errorf("files %s", names)
	}
	closeStore(t, s)
	overwrite(vault.FileName, anotherKeyset(t))(t, dir)
	openSealed(t, dir, kek)
	if names := keysetFiles(t, dir); len(names) != 2 || names[0] != vault.FileName {
		t.Errorf("files %s", names)
	}
}

// TestSealedMeanwhile: a process without the key goes on with the keyset that it has read, and does
// not rotate the file that is no longer read.
func TestSealedMeanwhile(t *testing.T) {
	dir, kek := t.TempDir(), newKEK(t)
	old := openStore(t, dir)
	id := importGmail(t, old, "ya29.one")
	s := openSealed(t, dir, kek)
	wantAccess(t, old, id, "ya29.one")
	wantAccess(t, s, importGmail(t, old, "ya29.two"), "ya29.two")
	var refusal *vault.KEKError
	if _, err := old.RotateKeyset(t.Context()); !errors.As(err, &refusal) {
		t.Errorf("rotated without the key: %v", err)
	}
	if n := must[int](t)(s.RotateKeyset(t.Context())); n != 2 {
		t.Errorf("%d re-sealed, want 2", n)
	}
	if _, _, err := old.Grant(t.Context(), "acme", "alice@example.com", id); !errors.As(err, &refusal) {
		t.Errorf("read without the key: %v", err)
	}
	wantAccess(t, s, id, "ya29.one")
}

func TestChangeKEK(t *testing.T) {
	dir, old, next := t.TempDir(), newKEK(t), newKEK(t)
	id := func() string {
		s := openSealed(t, dir, old)
		defer closeStore(t, s)
		return importGmail(t, s, "ya29.one")
	}()
	s := openSealed(t, dir, next, old)
	if k := must[KeySeal](t)(s.KeySeal(t.Context())); k.By != old.Fingerprint() {
		t.Errorf("sealed by %s, want the old key", k.By)
	}
	if k := must[KeySeal](t)(s.ChangeKEK(t.Context())); !k.Changed || k.By != next.Fingerprint() {
		t.Errorf("changed: %+v", k)
	}
	if k := must[KeySeal](t)(s.ChangeKEK(t.Context())); k.Changed {
		t.Errorf("changed again: %+v", k)
	}
	closeStore(t, s)
	wantAccess(t, openSealed(t, dir, next), id, "ya29.one")
	var refusal *vault.KEKError
	if _, err := Open(t.Context(), Options{Dir: dir, KeyEncryptionKeys: []vault.KEK{old}}); !errors.As(err, &refusal) {
		t.Errorf("opened by the old key: %v", err)
	}
}

func TestChangeKEKRefuses(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	if _, err := s.ChangeKEK(t.Context()); !errors.Is(err, errNoKEK) {
		t.Errorf("without a key: %v", err)
	}
	command := openWith(t, Options{Dir: dir, KeyEncryptionKeys: []vault.KEK{newKEK(t)}, KeepSchema: true})
	if _, err := command.ChangeKEK(t.Context()); !errors.Is(err, errKeysetInFile) {
		t.Errorf("of a keyset in a file: %v", err)
	}
	if k := must[KeySeal](t)(s.KeySeal(t.Context())); k.By != "" {
		t.Errorf("sealed by %s", k.By)
	}
}

// TestTamperedKeysetRow: who can write the database, and has no key, can put no keyset of theirs
// into it.
func TestTamperedKeysetRow(t *testing.T) {
	other := t.TempDir()
	kek := newKEK(t)
	closeStore(t, openSealed(t, other, kek))
	for name, tamper := range map[string]struct {
		statement string
		want      error
	}{
		"changed": {`UPDATE meta SET value = CAST('{}' AS BLOB) WHERE name = 'keyset'`, vault.ErrRowInvalid},
		"deleted": {`DELETE FROM meta WHERE name = 'keyset'`, vault.ErrKeysetMissing},
		"of another store": {`UPDATE meta SET value = o.value FROM other.meta o WHERE o.name = meta.name AND meta.name = ` +
			`'keyset'`, vault.ErrKeysetMismatch},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openSealed(t, dir, kek)
			if _, err := writerOf(s).Exec(`ATTACH ? AS other`, filepath.Join(other, DatabaseName)); err != nil {
				t.Fatal(err)
			}
			execSQL(t, s, tamper.statement)
			closeStore(t, s)
			if _, err := Open(t.Context(), Options{Dir: dir, KeyEncryptionKeys: []vault.KEK{kek}}); !errors.Is(err,
				tamper.want) {
				t.Errorf("error %v, want %v", err, tamper.want)
			}
		})
	}
}
