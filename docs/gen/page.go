package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	blockBegins = "<!-- generated: "
	blockEnds   = "<!-- /generated -->"
)

// blocks are what can be generated, by the name that pages call it by.
type blocks map[string]func() (string, error)

func newBlocks(root string) blocks {
	all := blocks{
		"apps":     appTable,
		"codes":    func() (string, error) { return codeTable(root) },
		"commands": commandList,
		"imports":  func() (string, error) { return importTable(root) },
		"packages": func() (string, error) { return packageTree(root) },
		"app-keys": func() (string, error) { return appKeys(root) },
	}
	for name, section := range sections {
		all["options-"+name] = func() (string, error) { return optionList(root, section) }
	}
	return all
}

// page is a page with its blocks filled.
type page struct {
	text   string
	blocks int
}

// fill replaces the text of each block of a page and leaves all else as it is.
func fill(text string, all blocks) (page, error) {
	var out strings.Builder
	filled := 0
	for {
		before, rest, ok := strings.Cut(text, blockBegins)
		out.WriteString(before)
		if !ok {
			return page{out.String(), filled}, nil
		}
		name, rest, ok := strings.Cut(rest, " -->\n")
		if !ok {
			return page{}, fmt.Errorf("a block begins without a name: write %sNAME --> on a line of its own", blockBegins)
		}
		make, known := all[name]
		if !known {
			return page{}, fmt.Errorf("block %q is unknown: write one of %s", name,
				strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		old, after, ok := strings.Cut(rest, blockEnds)
		if !ok || strings.Contains(old, blockBegins) {
			return page{}, fmt.Errorf("block %s has no end: write %s behind it", name, blockEnds)
		}
		content, err := make()
		if err != nil {
			return page{}, fmt.Errorf("block %s: %w", name, err)
		}
		fmt.Fprintf(&out, "%s%s -->\n\n%s\n\n%s", blockBegins, name, strings.TrimSpace(content), blockEnds)
		text = after
		filled++
	}
}
