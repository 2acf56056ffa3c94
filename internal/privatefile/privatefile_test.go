package privatefile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWriteKeepsTheOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := Write(path, []byte("old")); err != nil {
		t.Fatal(err)
	}
	// A directory in the way of the temporary file, not empty, cannot be removed.
	if err := os.MkdirAll(filepath.Join(path+".tmp", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err == nil {
		t.Fatal("no error")
	}
	if got, err := Read(path); err != nil || string(got) != "old" {
		t.Errorf("the file holds %q (%v), want the old content", got, err)
	}
}
