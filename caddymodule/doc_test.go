package caddymodule_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// TestConfigDocs demands a doc comment on every exported field that stands in a configuration:
// Caddy's documentation of the JSON is made of these.
func TestConfigDocs(t *testing.T) {
	fields := 0
	for _, name := range sources(t, ".") {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok && ast.IsExported(spec.Name.Name) {
				for _, f := range s.Fields.List {
					fields += checkFieldDoc(t, spec.Name.Name, f)
				}
			}
			return true
		})
	}
	if fields < 40 {
		t.Errorf("only %d fields were looked at", fields)
	}
}

// checkFieldDoc returns how many fields of a configuration it looked at.
func checkFieldDoc(t *testing.T, owner string, f *ast.Field) int {
	t.Helper()
	if f.Tag == nil {
		return 0
	}
	key, ok := reflect.StructTag(strings.Trim(f.Tag.Value, "`")).Lookup("json")
	if !ok {
		return 0
	}
	for _, name := range f.Names {
		if !strings.Contains(f.Doc.Text(), " ") {
			t.Errorf("%s.%s (%q in JSON) has no doc comment", owner, name, key)
		}
	}
	return len(f.Names)
}

func sources(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, name := range names {
		if info, err := os.Stat(name); err == nil && !info.IsDir() && !strings.HasSuffix(name, "_test.go") {
			list = append(list, name)
		}
	}
	return list
}
