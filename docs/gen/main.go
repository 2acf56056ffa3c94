// Command gen fills the generated blocks in the pages of docs/ from the code: `go generate ./docs`
// runs it. A block lies between `<!-- generated: NAME -->` and `<!-- /generated -->`.
//
// It must never write outside of these blocks, and never copy by hand what the code says itself.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "docs/gen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := findRoot()
	if err != nil {
		return err
	}
	pages, err := generate(root)
	if err != nil {
		return err
	}
	for name, text := range pages {
		// keeps the mode of a file that is there
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// findRoot is the nearest folder above with a go.mod.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no go.mod in any folder above: run go generate ./docs inside the repository")
		}
		dir = parent
	}
}

// generate returns every page of docs/ that has blocks, as it should be, by its path below root.
func generate(root string) (map[string]string, error) {
	names, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return nil, err
	}
	blocks := newBlocks(root)
	pages := make(map[string]string)
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		filled, err := fill(string(text), blocks)
		if err != nil {
			return nil, fmt.Errorf("docs/%s: %w", filepath.Base(name), err)
		}
		if filled.blocks > 0 {
			pages["docs/"+filepath.Base(name)] = filled.text
		}
	}
	return pages, nil
}
