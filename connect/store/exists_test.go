package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestExists(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(dir, "made")
	openStore(t, made)
	for name, c := range map[string]struct {
		dir  string
		want bool
	}{
		"a store":           {made, true},
		"no directory":      {filepath.Join(dir, "none"), false},
		"an empty one":      {t.TempDir(), false},
		"a file in its way": {file, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Exists(c.dir); got != c.want {
				t.Errorf("Exists is %v, want %v", got, c.want)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking made the directory: %v", err)
	}
}
