package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// root is the folder of the module, from that of this package.
const root = "../.."

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPages: every generated block of a page says what the code says, and all that can be generated
// is on some page.
func TestPages(t *testing.T) {
	pages, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	shown := ""
	for name, want := range pages {
		got := readPage(t, filepath.Base(name))
		shown += got
		if got != want {
			t.Errorf("%s says something else than the code, first in line %d: run go generate ./docs", name,
				firstDifference(got, want))
		}
	}
	for name := range newBlocks(root) {
		if !strings.Contains(shown, blockBegins+name+" -->") {
			t.Errorf("no page has the block %s: write %s%s --> and %s where it belongs", name, blockBegins, name, blockEnds)
		}
	}
}

func firstDifference(a, b string) int {
	others := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(others) || line != others[i] {
			return i + 1
		}
	}
	return len(others)
}

// TestLineLength: pages can be read, and compared, without scrolling.
func TestLineLength(t *testing.T) {
	pages, err := generate(root)
	if err != nil {
		t.Fatal(err)
	}
	for name := range pages {
		for i, line := range strings.Split(readPage(t, filepath.Base(name)), "\n") {
			if n := utf8.RuneCountInString(line); n > 200 {
				t.Errorf("%s:%d: the line has %d characters, and 200 are the most", name, i+1, n)
			}
		}
	}
}

// TestArchitectureFiles: each file that the page names exists, and has the function that the page
// says is in it.
func TestArchitectureFiles(t *testing.T) {
	page := strings.Join(strings.Fields(readPage(t, "architecture.md")), " ")
	named := regexp.MustCompile("(?:`(\\w+)` in )?\\[`[^`]+`\\]\\(\\.\\./([a-z0-9_/.]+)\\)").FindAllStringSubmatch(page,
		-1)
	functions := 0
	for _, m := range named {
		function, path := m[1], filepath.Join(root, m[2])
		if _, err := os.Stat(path); err != nil {
			t.Errorf("docs/architecture.md names %s, which is gone: name the file that does its work now", m[2])
			continue
		}
		if function == "" {
			continue
		}
		functions++
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + function + `\(`).Match(text) {
			t.Errorf("docs/architecture.md says that %s is in %s: name the function and the file that do its work now", function,
				m[2])
		}
	}
	if len(named) < 30 || functions < 20 {
		t.Errorf("found %d files and %d functions: the page is written in another way now", len(named), functions)
	}
}
