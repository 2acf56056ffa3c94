package vendgate_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// maxFiles bounds the files of a package, without its tests.
	maxFiles = 30
	// maxComment bounds a line of a comment, in characters. The linter holds code to its own bound.
	maxComment = 100
)

// goFiles calls do for each Go file of the repository, nested modules included.
func goFiles(t *testing.T, do func(path string)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || path != "." && d.Name()[0] == '.'):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			do(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPackageSize keeps packages small enough that a newcomer finds a file by its name.
func TestPackageSize(t *testing.T) {
	files := make(map[string]int)
	goFiles(t, func(path string) {
		if !strings.HasSuffix(path, "_test.go") {
			files[filepath.ToSlash(filepath.Dir(path))]++
		}
	})
	for dir, n := range files {
		if n > maxFiles {
			t.Errorf("package %s has %d files: split it or join files, %d is the bound", dir, n, maxFiles)
		}
	}
}

// TestCommentLength measures comments that have lines of their own: one behind code is a part of
// its line. Neither an address nor a directive can be broken.
func TestCommentLength(t *testing.T) {
	goFiles(t, func(path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			comment, ok := strings.CutPrefix(strings.TrimLeft(line, "\t"), "// ")
			if ok && strings.Contains(comment, " ") && utf8.RuneCountInString(line) > maxComment {
				t.Errorf("%s:%d: a comment line is longer than %d characters", path, i+1, maxComment)
			}
		}
	})
}
