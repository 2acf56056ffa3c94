package backup

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// run runs the program and returns what it printed, and whether it was content.
func run(t *testing.T, args ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Program(t), args...) // #nosec G204 -- the test's own words
	cmd.Env = harness.Environ(t)
	raw, err := cmd.CombinedOutput()
	return string(raw), err == nil
}

func must(t *testing.T, args ...string) string {
	t.Helper()
	out, ok := run(t, args...)
	if !ok {
		t.Fatalf("%q: %s", args, out)
	}
	return out
}

// refused runs a command that has to fail, and to say why.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	if out, ok := run(t, args...); ok || !strings.Contains(out, want) {
		t.Errorf("%q: succeeded %v, want %q: %s", args, ok, want, out)
	}
}

// listing is what is in a directory: names, owners, modes and contents.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&text, path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid)
		if d.IsDir() {
			return nil
		}
		raw, err := os.ReadFile(path) // #nosec G304 G122 -- the test's own directory
		fmt.Fprintf(&text, "%x\n", raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func config(t *testing.T, dir string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	text := fmt.Sprintf("{\n\tadmin off\n\tvendgate {\n\t\tdata_dir %q\n\t}\n}\nhttp://127.0.0.1:1 "+
		"{\n\tvendgate_proxy\n\tvendgate_connect\n}\n", dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestReadingWritesNothing: commands that read make no store and change none.
func TestReadingWritesNothing(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	there := filepath.Join(t.TempDir(), "there")
	must(t, "tenant", "create", "acme", "--email", "dev@acme.example", "--data", there)
	before := listing(t, there)
	for _, dir := range []string{missing, there} {
		must(t, "validate", "--config", config(t, dir))
		must(t, "adapt", "--config", config(t, dir))
	}
	refused(t, "there is no store in", "tenant", "list", "--data", missing)
	refused(t, "there is no store in", "store", "backup", filepath.Join(t.TempDir(), "b"), "--data", missing)
	if _, err := os.Stat(missing); !os.IsNotExist(err) {
		t.Errorf("%s was made: %v", missing, err)
	}
	if listing(t, there) != before {
		t.Error("the store was changed")
	}
	if err := os.Remove(filepath.Join(there, "keyset.json")); err != nil {
		t.Fatal(err)
	}
	before = listing(t, there)
	refused(t, "keyset.json is missing", "validate", "--config", config(t, there))
	if listing(t, there) != before {
		t.Error("the store without its keyset was changed")
	}
}

// nobody is a user that each machine has, and that owns nothing.
const nobody = 65534

// TestTwoUsers: what another user than the owner of the data directory runs is refused, by the
// owner's name, root's too, and changes nothing.
func TestTwoUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: there is only one user to be")
		return
	}
	dir := filepath.Join(t.TempDir(), "data")
	must(t, "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	for _, path := range []string{dir, filepath.Join(dir, "vendgate.db"), filepath.Join(dir, "keyset.json")} {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	before := listing(t, dir)
	want := "run it as nobody: sudo -u nobody " + filepath.Base(harness.Program(t))
	for _, args := range [][]string{
		{"keyset", "rotate"}, {"keyset", "create"}, {"tenant", "list"}, {"tenant", "create", "x", "--email", "x@x.example"},
		{"store", "backup", filepath.Join(t.TempDir(), "b")}, {"store", "upgrade"}, {"audit"},
	} {
		refused(t, want, append(args, "--data", dir)...)
	}
	refused(t, want, "validate", "--config", config(t, dir))
	refused(t, want, "run", "--config", config(t, dir))
	if listing(t, dir) != before {
		t.Error("the store was changed")
	}
	if err := os.Chown(filepath.Join(dir, "keyset.json"), 0, 0); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(dir), filepath.Dir(filepath.Dir(dir)), filepath.Dir(harness.Program(t))} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		// The other user has to get there; what else may be done with the folder stays.
		if err := os.Chmod(path, info.Mode()|0o055); err != nil {
			t.Fatal(err)
		}
	}
	if out, ok := runAs(t, nobody, "tenant", "list", "--data", dir); ok || !strings.Contains(out, "chown nobody "+dir) {
		t.Errorf("with a keyset of root's: %v, %s", ok, out)
	}
	if err := os.Chown(filepath.Join(dir, "keyset.json"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if out, ok := runAs(t, nobody, "keyset", "rotate", "--data", dir); !ok {
		t.Errorf("its owner is refused: %s", out)
	}
}

func runAs(t *testing.T, user uint32, args ...string) (string, bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), harness.Program(t), args...) // #nosec G204 -- the test's own words
	cmd.Env = append(os.Environ(), "HOME=/nonexistent")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: user, Gid: user}}
	raw, err := cmd.CombinedOutput()
	return string(raw), err == nil
}

// TestFullDisk backs up to a disk without room: the message says so, and nothing is left.
func TestFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Log("not root: no small disk can be mounted")
		return
	}
	dir, disk := filepath.Join(t.TempDir(), "data"), t.TempDir()
	must(t, "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	if err := syscall.Mount("none", disk, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, 0); err != nil {
			t.Error(err)
		}
	})
	refused(t, "the disk is full", "store", "backup", filepath.Join(disk, "backup"), "--data", dir)
	if left, err := os.ReadDir(disk); err != nil || len(left) != 0 {
		t.Errorf("left on the disk: %v, %v", left, err)
	}
	file := filepath.Join(t.TempDir(), "backup")
	must(t, "store", "backup", file, "--data", dir)
	refused(t, "no space left on device", "store", "restore", file, "--data", disk, "--keyset",
		filepath.Join(dir, "keyset.json"))
	if left, err := os.ReadDir(disk); err != nil || len(left) != 0 {
		t.Errorf("left on the disk: %v, %v", left, err)
	}
}
