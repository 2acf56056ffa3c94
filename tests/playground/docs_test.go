package playground

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// document reads a document of the repository.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.Root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestReadmeStart: the first thing that the README says to run is what this package tests.
func TestReadmeStart(t *testing.T) {
	_, rest, ok := strings.Cut(document(t, "README.md"), "<!-- tested -->")
	if !ok {
		t.Fatal("README.md marks no block with <!-- tested -->")
	}
	block := regexp.MustCompile("(?s)^\\s*```(?:sh|bash|shell)\n(.*?)```").FindStringSubmatch(rest)
	if block == nil || strings.TrimSpace(block[1]) != "go run ./cmd/vendgate playground" {
		t.Errorf("the block after <!-- tested --> is %q", block)
	}
}

// TestDocsCodes: docs/calls.md has each code with its status in a row of its table.
func TestDocsCodes(t *testing.T) {
	text, codes := document(t, "docs/calls.md"), 0
	for _, file := range parse(t, "vending") {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Code" {
				return true
			}
			for _, value := range spec.Values {
				code := vending.Code(unquote(t, value))
				codes++
				if !code.Known() {
					t.Errorf("%s is a constant without a row in vending's table", code)
				}
				if row := fmt.Sprintf("| %d | `%s` |", code.Status(), code); !strings.Contains(text, row) {
					t.Errorf("docs/calls.md lacks the row %s", row)
				}
			}
			return true
		})
	}
	if codes != 16 {
		t.Errorf("found %d codes in package vending, the design has 16", codes)
	}
}

// TestDocsOptions: docs/configuration.md has every option that the Caddyfile parser knows, as code.
func TestDocsOptions(t *testing.T) {
	known := make(map[string]bool)
	for _, file := range parse(t, "caddymodule") {
		ast.Inspect(file, func(n ast.Node) bool {
			for _, key := range optionKeys(n) {
				known[unquote(t, key)] = true
			}
			return true
		})
	}
	if len(known) < 60 || !known["vend_timeout"] || !known["path_prefix"] || !known["key_sha256"] {
		t.Fatalf("found %d options in package caddymodule: the parser is written in another way now", len(known))
	}
	code := strings.Join(regexp.MustCompile("(?s)```.*?```|`[^`]+`").FindAllString(document(t, "docs/configuration.md"),
		-1), "\n")
	words := make(map[string]bool)
	for _, word := range regexp.MustCompile(`[A-Za-z0-9_]+`).FindAllString(code, -1) {
		words[word] = true
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		if !words[name] {
			t.Errorf("docs/configuration.md does not name the option %s", name)
		}
	}
}

// optionKeys returns the names in `options{"name": …}` and `opts["name"] = …`.
func optionKeys(n ast.Node) (keys []ast.Expr) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if kind, ok := n.Type.(*ast.Ident); !ok || kind.Name != "options" {
			return nil
		}
		for _, element := range n.Elts {
			if pair, ok := element.(*ast.KeyValueExpr); ok {
				keys = append(keys, pair.Key)
			}
		}
	case *ast.AssignStmt:
		for _, left := range n.Lhs {
			index, ok := left.(*ast.IndexExpr)
			if !ok {
				continue
			}
			name, isName := index.X.(*ast.Ident)
			if _, isText := index.Index.(*ast.BasicLit); isText && isName && name.Name == "opts" {
				keys = append(keys, index.Index)
			}
		}
	}
	return keys
}

// parse reads the sources of a package, without its tests.
func parse(t *testing.T, folder string) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(harness.Root(t), folder, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("sources of %s: %v, %v", folder, names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func unquote(t *testing.T, e ast.Expr) string {
	t.Helper()
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		t.Fatalf("%T where a text was expected", e)
	}
	text, err := strconv.Unquote(literal.Value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
