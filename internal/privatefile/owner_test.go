//go:build unix

package privatefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user that each machine has, and that owns nothing.
const nobody = 65534

// TestWriteKeepsOwner: what root replaces for another user stays that user's.
func TestWriteKeepsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	want := os.Geteuid()
	if want == 0 { // another may not give files away
		want = nobody
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	if err := Write(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := int(info.Sys().(*syscall.Stat_t).Uid); got != want || info.Mode().Perm() != 0o400 {
		t.Errorf("owner %d and mode %o, want %d and 400", got, info.Mode().Perm(), want)
	}
}

// TestOwnerError names a user by name, or by the number that sudo takes.
func TestOwnerError(t *testing.T) {
	for _, c := range []struct {
		err  OwnerError
		want string
	}{
		{OwnerError{Path: "/d", Owner: 4242, DirOwner: 4242, Self: 0},
			"/d belongs to user id 4242, and this program runs as root: run it as user id 4242: sudo -u #4242 "},
		{OwnerError{Path: "/d/f", Owner: 0, DirOwner: 4242, Self: 4242},
			"/d/f belongs to root and not to user id 4242, who owns its directory: " +
				"give it back, as root, with `chown 4242 /d/f`"},
	} {
		if got := c.err.Error(); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
}

// TestPublish never replaces a file.
func TestPublish(t *testing.T) {
	dir := t.TempDir()
	temp, path := filepath.Join(dir, "temp"), filepath.Join(dir, "file")
	for _, name := range []string{temp, path} {
		if err := os.WriteFile(name, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Publish(temp, path); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := Publish(temp, path); err != nil {
		t.Fatal(err)
	}
	if got, err := Read(path); err != nil || string(got) != temp {
		t.Errorf("it holds %q, %v", got, err)
	}
	if _, err := os.Stat(temp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary file: %v", err)
	}
}
