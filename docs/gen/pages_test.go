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

// TestArchitectureFiles: each file that the walk of a request names exists.
func TestArchitectureFiles(t *testing.T) {
	links := regexp.MustCompile(`\]\(\.\./([a-z_/]+\.(?:go|jsonl))\)`).FindAllStringSubmatch(readPage(t, "architecture.md"), -1)
	if len(links) < 12 {
		t.Fatalf("docs/architecture.md names %d files, and a request meets more", len(links))
	}
	for _, link := range links {
		if _, err := os.Stat(filepath.Join(root, link[1])); err != nil {
			t.Errorf("docs/architecture.md names %s, which is gone: name the file that does its work now", link[1])
		}
	}
}
