package store

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/connect/vault"
)

func TestFirstOpen(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "vault")
	s := openStore(t, dir)
	id := importGmail(t, s, "ya29.one")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, DatabaseName: 0o600, vault.FileName: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q is %o, want %o", name, got, want)
		}
	}
	keyset := readFile(t, dir, vault.FileName)
	again := openStore(t, dir)
	wantAccess(t, again, id, "ya29.one")
	if readFile(t, dir, vault.FileName) != keyset {
		t.Error("the second open changed the keyset")
	}
}

func TestWALFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	importGmail(t, s, "ya29.one")
	for _, name := range []string{DatabaseName + "-wal", DatabaseName + "-shm"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of %s is %o, want 600", name, got)
		}
	}
}

// TestOpenTogether opens a new directory from many stores of two kinds at once: goroutines and
// processes. All must end with the same keyset, or the rows of one could not be opened by another.
func TestOpenTogether(t *testing.T) { storetest.EachAtOnce(t, testOpenTogether) }

func testOpenTogether(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	o := optionsOf(storetest.Empty(t, dir))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), openDir+"="+dir, openURL+"="+o.Postgres)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
		wg.Go(func() {
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Error(err)
				return
			}
			_, err = s.ImportConnection(t.Context(), gmail("alice@example.com"), oauthGrant("ya29.routine", "1//routine"))
			if err := errors.Join(err, s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s := openStore(t, dir)
	page, total, err := s.Connections(t.Context(), connect.Filter{})
	if err != nil || total != 8 {
		t.Fatalf("%d connections, %v; want 8", total, err)
	}
	for _, c := range page {
		if _, _, err := s.Grant(t.Context(), c.Tenant, c.User, c.ID); err != nil {
			t.Error(err)
		}
	}
}

// spoiler changes something in the directory of a closed store.
type spoiler func(t *testing.T, dir string)

func overwrite(name, data string) spoiler {
	return func(t *testing.T, dir string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func chmodKeyset(mode fs.FileMode) spoiler {
	return func(t *testing.T, dir string) {
		if err := os.Chmod(filepath.Join(dir, vault.FileName), mode); err != nil {
			t.Fatal(err)
		}
	}
}

// addTrigger brings back each tenant key that is deleted.
func addTrigger(t *testing.T, dir string) {
	run(`CREATE TRIGGER keep BEFORE DELETE ON tenant_keys BEGIN SELECT RAISE(IGNORE); END`)(t, dir)
}

func pragma(text string) spoiler { return run("PRAGMA " + text) }

func run(statement string) spoiler {
	return func(t *testing.T, dir string) {
		db, err := openPool(filepath.Join(dir, DatabaseName), writing)
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.Exec(statement)
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpenRefuses checks that what is wrong with a directory is named, and that nothing in it
// changes.
func TestOpenRefuses(t *testing.T) {
	other := t.TempDir()
	if err := openStore(t, other).Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		spoil spoiler
		want  error
	}{
		"keyset missing":          {removeKeyset, vault.ErrKeysetMissing},
		"keyset of another store": {overwrite(vault.FileName, readFile(t, other, vault.FileName)), vault.ErrKeysetMismatch},
		"keyset empty":            {overwrite(vault.FileName, ""), vault.ErrKeysetInvalid},
		"keyset garbage": {overwrite(vault.FileName, `{"primaryKeyId":1,"key":[{"keyData":{"value":"c2VjcmV0"}}]}`),
			vault.ErrKeysetInvalid},
		"keyset open to group":     {chmodKeyset(0o640), vault.ErrKeysetExposed},
		"keyset open to others":    {chmodKeyset(0o604), vault.ErrKeysetExposed},
		"keyset writable by group": {chmodKeyset(0o620), vault.ErrKeysetExposed},
		"not a database":           {overwrite(DatabaseName, strings.Repeat("no database at all ", 500)), ErrDamaged},
		"foreign code":             {addTrigger, ErrForeignCode},
		"truncated":                {truncateDatabase, ErrDamaged},
		"newer schema":             {pragma("user_version = 99"), ErrNewerSchema},
		"no schema":                {pragma("user_version = 0"), ErrDamaged},
		"negative schema":          {pragma("user_version = -1"), ErrDamaged},
		"another program's":        {pragma("application_id = 7"), ErrDamaged},
	} {
		t.Run(name, func(t *testing.T) { checkRefusal(t, c.spoil, c.want) })
	}
}

func checkRefusal(t *testing.T, spoil spoiler, want error) {
	dir := t.TempDir()
	s := openStore(t, dir)
	for range 40 { // enough for a page in the middle
		importGmail(t, s, "ya29.one")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	spoil(t, dir)
	before := snapshotDir(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	after := snapshotDir(t, dir)
	for _, file := range []string{DatabaseName, vault.FileName} {
		if before[file] != after[file] {
			t.Errorf("%s was changed", file)
		}
	}
}

// TestOpenLeavesForeignDatabase checks that a database that is not in WAL mode and not ours stays
// byte for byte as it is.
func TestOpenLeavesForeignDatabase(t *testing.T) {
	dir := t.TempDir()
	db, err := openPool(filepath.Join(dir, DatabaseName), writing)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE theirs (x)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	before := snapshotDir(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("error %v, want %v", err, ErrDamaged)
	}
	after := snapshotDir(t, dir)
	if len(after) != 1 || before[DatabaseName] != after[DatabaseName] {
		t.Errorf("the directory was changed: %d files", len(after))
	}
}

func TestUnusedKeysetIsTakenOver(t *testing.T) {
	dir := t.TempDir()
	keyset := anotherKeyset(t)
	overwrite(vault.FileName, keyset)(t, dir)
	s := openStore(t, dir)
	wantAccess(t, s, importGmail(t, s, "ya29.one"), "ya29.one")
	if readFile(t, dir, vault.FileName) != keyset {
		t.Error("the keyset was replaced")
	}
}

func TestClosed(t *testing.T) { storetest.EachAtOnce(t, testClosed) }

func testClosed(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	wantAccess(t, s, id, "ya29.one")
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Grant(t.Context(), "acme", "alice@example.com", id)
	if !errors.Is(err, ErrClosed) {
		t.Errorf("Grant: %v, want %v", err, ErrClosed)
	}
	if err := s.DeleteConnection(t.Context(), "acme", id); !errors.Is(err, ErrClosed) {
		t.Errorf("DeleteConnection: %v, want %v", err, ErrClosed)
	}
}

func removeKeyset(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, vault.FileName)); err != nil {
		t.Fatal(err)
	}
}

func truncateDatabase(t *testing.T, dir string) {
	t.Helper()
	if err := os.Truncate(filepath.Join(dir, DatabaseName), 3*4096); err != nil {
		t.Fatal(err)
	}
}

// snapshotDir reads all files of a directory that no store has open.
func snapshotDir(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, e := range entries {
		files[e.Name()] = readFile(t, dir, e.Name())
	}
	return files
}
