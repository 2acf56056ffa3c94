package vendgate_test

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

const (
	// maxReadme bounds the lines of README.md: the rest are pages.
	maxReadme = 250
	// maxDocLine bounds a line of a document, in characters.
	maxDocLine = 200
)

// document is a text in Markdown.
type document struct {
	name, text string
}

// readDocument reads a file of the repository.
func readDocument(t *testing.T, name string) document {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(name))
	if err != nil {
		t.Fatal(err)
	}
	return document{name: name, text: string(text)}
}

// pages are the names of the pages in docs/.
func pages(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatalf("%d pages, %v", len(names), err)
	}
	for i, name := range names {
		names[i] = filepath.ToSlash(name)
	}
	return names
}

// documents are all that people read first: without the SDKs' own.
func documents(t *testing.T) (docs []document) {
	t.Helper()
	for _, name := range append(pages(t), "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "llms.txt") {
		docs = append(docs, readDocument(t, name))
	}
	return docs
}

var (
	fences    = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")
	codeSpans = regexp.MustCompile("`[^`\n]*`")
	headings  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	anchorTag = regexp.MustCompile(`<a (?:id|name)="([^"]+)">`)
	linkTo    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
)

// prose is the document without its blocks of code.
func (d document) prose() string { return fences.ReplaceAllString(d.text, "") }

// anchors are the places in the document that a link can name, as GitHub makes them of headings.
func (d document) anchors() map[string]bool {
	places := make(map[string]bool)
	for _, tag := range anchorTag.FindAllStringSubmatch(d.text, -1) {
		places[tag[1]] = true
	}
	for _, heading := range headings.FindAllStringSubmatch(d.prose(), -1) {
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, linkTo.ReplaceAllString(heading[1], ""))
		unique := anchor
		for n := 1; places[unique]; n++ {
			unique = fmt.Sprintf("%s-%d", anchor, n)
		}
		places[unique] = true
	}
	return places
}

// links are the targets of the document's links, without those to other sites.
func (d document) links() (targets []string) {
	for _, link := range linkTo.FindAllStringSubmatch(codeSpans.ReplaceAllString(d.prose(), ""), -1) {
		if !strings.Contains(link[1], ":") {
			targets = append(targets, link[1])
		}
	}
	return targets
}

// file returns the file and the anchor that a link in the document leads to.
func (d document) file(link string) (name, anchor string) {
	name, anchor, _ = strings.Cut(link, "#")
	if name == "" {
		return d.name, anchor
	}
	return path.Join(path.Dir(d.name), name), anchor
}

// TestDocsLinks: each relative link leads to a file, and to a place in it.
func TestDocsLinks(t *testing.T) {
	docs := documents(t)
	for _, name := range []string{"sdk/node/README.md", "sdk/go/README.md", "sdk/python/README.md"} {
		docs = append(docs, readDocument(t, name))
	}
	checked := 0
	for _, d := range docs {
		for _, link := range d.links() {
			checked++
			name, anchor := d.file(link)
			info, err := os.Stat(filepath.FromSlash(name))
			if err != nil {
				t.Errorf("%s links to %s, which does not exist", d.name, link)
				continue
			}
			if anchor != "" && (info.IsDir() || !readDocument(t, name).anchors()[anchor]) {
				t.Errorf("%s links to %s: there is no such place", d.name, link)
			}
		}
	}
	if checked < 100 {
		t.Errorf("found %d links", checked)
	}
}

// TestDocsLength: the README is short, and no line of a document is long, rows of tables included.
func TestDocsLength(t *testing.T) {
	for _, d := range documents(t) {
		for i, line := range strings.Split(d.text, "\n") {
			if utf8.RuneCountInString(line) > maxDocLine {
				t.Errorf("%s:%d: a line is longer than %d characters", d.name, i+1, maxDocLine)
			}
		}
	}
	if lines := strings.Count(readDocument(t, "README.md").text, "\n"); lines > maxReadme {
		t.Errorf("README.md has %d lines, %d is the bound: move a part to a page in docs/", lines, maxReadme)
	}
}

// TestDocsFound: the README and llms.txt lead to each page.
func TestDocsFound(t *testing.T) {
	for _, from := range []string{"README.md", "llms.txt"} {
		d := readDocument(t, from)
		linked := map[string]bool{from: true}
		for _, link := range d.links() {
			name, _ := d.file(link)
			linked[name] = true
		}
		wanted := append(pages(t), "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "sdk/node/README.md",
			"sdk/go/README.md", "sdk/python/README.md")
		for _, name := range wanted {
			if !linked[name] {
				t.Errorf("%s does not link to %s", from, name)
			}
		}
	}
}
