package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// TestUpgradeKeepsCopy opens a database of an older schema: it is kept as it was, in one copy
// however many stores open it, and the copy makes a store of the older program again.
func TestUpgradeKeepsCopy(t *testing.T) {
	dir := t.TempDir()
	old, ids, _ := openSchema1(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir, KeepSchema: true}); !errors.Is(err, ErrOlderSchema) {
		t.Fatalf("error %v, want %v", err, ErrOlderSchema)
	}
	s := openStore(t, dir)
	u := s.Upgraded()
	if u.From != 1 || u.To != len(migrations) || s.Upgraded() != (Upgrade{}) {
		t.Errorf("upgraded %+v", u)
	}
	if again := openStore(t, dir).Upgraded(); again != (Upgrade{}) {
		t.Errorf("a second open upgraded %+v", again)
	}
	copies := must[[]string](t)(filepath.Glob(filepath.Join(dir, DatabaseName+".schema1-*")))
	if len(copies) != 1 || copies[0] != u.Copy {
		t.Fatalf("copies %v, want %s", copies, u.Copy)
	}
	if mode := must[os.FileInfo](t)(os.Stat(u.Copy)).Mode().Perm(); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	if err := errors.Join(old.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	back := t.TempDir()
	for from, to := range map[string]string{u.Copy: DatabaseName, filepath.Join(dir, vault.FileName): vault.FileName} {
		overwrite(to, readFile(t, filepath.Dir(from), filepath.Base(from)))(t, back)
	}
	released := migrations
	migrations = released[:1]
	defer func() { migrations = released }()
	if _, err := Open(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("the older program opens the newer database: %v", err)
	}
	restored := openStore(t, back)
	asBeforeEndUser(t, restored)
	wantAccess(t, restored, ids[connect.Active], "ya29.before")
}

// TestExisting: where a store has to be there, none is made.
func TestExisting(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(t.Context(), Options{Dir: dir, Existing: true}); !errors.Is(err, ErrNoStore) {
		t.Errorf("error %v", err)
	}
	overwrite(DatabaseName, "")(t, dir)
	if _, err := Open(t.Context(), Options{Dir: dir, Existing: true}); !errors.Is(err, ErrNoStore) {
		t.Errorf("of an empty file: %v", err)
	}
	if left := snapshotDir(t, dir); len(left) != 1 || left[DatabaseName] != "" {
		t.Errorf("%d files are left", len(left))
	}
}

// TestInspect finds what Open would, and writes nothing: no directory, no keyset, no database, and
// none of SQLite's own files.
func TestInspect(t *testing.T) {
	other := t.TempDir()
	if err := openStore(t, other).Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(*testing.T, string) {}
	for name, c := range map[string]struct {
		spoil spoiler
		want  error
	}{
		"as it should be":         {nothing, nil},
		"keyset missing":          {removeKeyset, vault.ErrKeysetMissing},
		"keyset of another store": {overwrite(vault.FileName, readFile(t, other, vault.FileName)), vault.ErrKeysetMismatch},
		"keyset open to group":    {chmodKeyset(0o640), vault.ErrKeysetExposed},
		"not a database":          {overwrite(DatabaseName, strings.Repeat("no database at all ", 500)), ErrDamaged},
		"truncated":               {truncateDatabase, ErrDamaged},
		"newer schema":            {pragma("user_version = 99"), ErrNewerSchema},
		"another program's":       {pragma("application_id = 7"), ErrDamaged},
		"foreign code":            {addTrigger, ErrForeignCode},
		"an older schema":         {makeOlder, nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openStore(t, dir)
			for range 40 {
				importGmail(t, s, "ya29.one")
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			c.spoil(t, dir)
			before := snapshotDir(t, dir)
			if err := inspectDir(t, dir); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			wantSame(t, before, snapshotDir(t, dir))
		})
	}
}

// makeOlder puts a store of the first schema in the place of the one that is there.
func makeOlder(t *testing.T, dir string) {
	for name := range snapshotDir(t, dir) {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	old, _, _ := openSchema1(t, dir)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
}

func inspectDir(t *testing.T, dir string) error {
	t.Helper()
	s := must[*Store](t)(New(Options{Dir: dir}))
	return errors.Join(s.Inspect(t.Context()), s.Close())
}

func wantSame(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name, text := range after {
		if before[name] != text {
			t.Errorf("%s was made or changed", name)
		}
	}
	if len(before) != len(after) {
		t.Errorf("%d files, and %d before", len(after), len(before))
	}
}

// TestInspectNothing: a directory that does not exist is not made.
func TestInspectNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if err := inspectDir(t, dir); err != nil || Exists(dir) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory was made: %v", err)
	}
}

// TestInspectInUse looks at a store that a process has open, whose rows are in the WAL.
func TestInspectInUse(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	importGmail(t, s, "ya29.one")
	if err := inspectDir(t, dir); err != nil {
		t.Error(err)
	}
	wantAccess(t, s, importGmail(t, s, "ya29.two"), "ya29.two")
}

// TestFirstUse: a store is made when it is first used, by whatever is first.
func TestFirstUse(t *testing.T) {
	for name, use := range map[string]func(*Store) error{
		"a write": func(s *Store) error {
			_, err := s.CreateTenant(t.Context(), connect.Tenant{ID: "a", Email: "a@a.example"})
			return err
		},
		"a read": func(s *Store) error { _, err := s.TenantsVersion(t.Context()); return err },
		"a vend": func(s *Store) error {
			if _, _, err := s.Grant(t.Context(), "acme", "alice@example.com", "conn_x"); s.IsReady() {
				return nil
			} else {
				return err
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "made")
			s := must[*Store](t)(New(Options{Dir: dir}))
			if Exists(dir) || s.IsReady() {
				t.Error("it is there before its first use")
			}
			if err := use(s); err != nil || !Exists(dir) {
				t.Errorf("after it: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// limitFiles, if set to a directory, makes the test binary a process that may write small files
// only, upgrades the store there, and prints how that went.
const limitFiles = "VENDGATE_TEST_LIMIT_FILES"

// TestNoRoomForCopy upgrades where no room is left for a copy: that is refused, and no half
// of a file is left. The process's own bound of a file's size (RLIMIT_FSIZE) stands for the disk's.
func TestNoRoomForCopy(t *testing.T) {
	dir := t.TempDir()
	old, ids, _ := openSchema1(t, dir)
	execSQL(t, old, `CREATE TABLE filling AS SELECT hex(randomblob(32768)) AS x`)
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	before := snapshotDir(t, dir)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), limitFiles+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "the database is not upgraded, because it cannot be kept as it was") {
		t.Errorf("%v: %s", err, out)
	}
	wantSame(t, before, snapshotDir(t, dir))
	wantAccess(t, openStore(t, dir), ids[connect.Active], "ya29.before")
}

// TestOtherUser: a directory of another user, and a file of one in it, are refused by that user's
// name. It takes root to make them.
func TestOtherUser(t *testing.T) {
	const nobody = 65534
	dir := t.TempDir()
	s := openStore(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 {
		t.Log("not root: no directory of another user can be made")
		return
	}
	before := snapshotDir(t, dir)
	for _, path := range []string{dir, filepath.Join(dir, vault.FileName), filepath.Join(dir, DatabaseName)} {
		if err := os.Chown(path, nobody, -1); err != nil {
			t.Fatal(err)
		}
		var of *privatefile.OwnerError
		if _, err := Open(t.Context(), Options{Dir: dir}); !errors.As(err, &of) || of.Owner != nobody || of.Path != path {
			t.Errorf("%s: error %v", path, err)
		}
		if err := inspectDir(t, dir); !errors.As(err, &of) {
			t.Errorf("%s: inspecting: %v", path, err)
		}
		if err := os.Chown(path, 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	wantSame(t, before, snapshotDir(t, dir))
	openStore(t, dir)
}

// runLimited is what the process of TestNoRoomForCopy does.
func runLimited(dir string) int {
	bound := syscall.Rlimit{Cur: 48 << 10, Max: 48 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &bound); err != nil {
		return 1
	}
	return reportOpen(dir)
}
