package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// packageTree has a line for each package of the product: what it is for and what it must never do,
// as its doc comment says.
func packageTree(root string) (string, error) {
	var out strings.Builder
	seen := make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		dir, _ := filepath.Rel(root, path) // path is below root
		if !d.IsDir() {
			return nil
		}
		if isForeign(path, filepath.ToSlash(dir)) {
			return filepath.SkipDir
		}
		text, err := packageDoc(path)
		if err != nil || text == "" {
			return err
		}
		seen[dir] = true
		indent := indentOf(dir, seen)
		fmt.Fprintf(&out, "%s- %s\n", indent, wrap(packageLine(filepath.ToSlash(dir), text), indent+"  "))
		return nil
	})
	return out.String(), err
}

// indentOf puts a package below the packages in the folders above.
func indentOf(dir string, packages map[string]bool) (indent string) {
	for parent := filepath.Dir(dir); parent != "."; parent = filepath.Dir(parent) {
		if packages[parent] {
			indent += "  "
		}
	}
	return indent
}

// isForeign reports whether a folder holds nothing of the product's own packages.
func isForeign(path, dir string) bool {
	name := filepath.Base(path)
	if dir != "." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules") || dir == "tests" {
		return true
	}
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return dir != "." && err == nil
}

// packageDoc is the doc comment of the package in a folder, or empty where there is no package.
func packageDoc(dir string) (string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return "", err
	}
	product := false
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		product = true
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			return "", err
		}
		if file.Doc != nil {
			return file.Doc.Text(), nil
		}
	}
	if product {
		return "", fmt.Errorf("package %s has no doc comment: say what it is for and what it must never do", dir)
	}
	return "", nil
}

// packageLine is the first sentence of a doc comment, and those that say what the package must
// never do.
func packageLine(dir, doc string) string {
	sentences := sentencesOf(doc)
	words := strings.SplitN(sentences[0], " ", 3) // Package NAME …
	name := "`" + dir + "`"
	if dir == "." {
		name = "the root"
	}
	text := fmt.Sprintf("**%s** %s", name, words[2])
	for _, s := range sentences[1:] {
		if strings.Contains(s, "must never") || strings.Contains(s, "must only") {
			text += " " + s
		}
	}
	return docLink.ReplaceAllStringFunc(text, func(link string) string { return "`" + strings.Trim(link, "[]") + "`" })
}

// importTable shows the imports that the test of imports permits.
func importTable(root string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "imports_test.go"), nil, 0)
	if err != nil {
		return "", err
	}
	arrows := findArrows(file)
	if arrows == nil {
		return "", errors.New("imports_test.go has no variable arrows: name the one that permits imports in docs/gen")
	}
	var out strings.Builder
	for _, element := range arrows.Elts {
		row := element.(*ast.KeyValueExpr)
		var imports []string
		for _, to := range row.Value.(*ast.CompositeLit).Elts {
			imports = append(imports, code(to))
		}
		if len(imports) == 0 {
			imports = []string{"none of ours"}
		}
		fmt.Fprintf(&out, "- %s\n", wrap(code(row.Key)+" → "+strings.Join(imports, ", "), "  "))
	}
	return out.String(), nil
}

// findArrows returns the table of permitted imports.
func findArrows(file *ast.File) (found *ast.CompositeLit) {
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && spec.Names[0].Name == "arrows" {
			found, _ = spec.Values[0].(*ast.CompositeLit)
		}
		return found == nil
	})
	return found
}

// code shows a path as it is in the table, where the empty one is the root.
func code(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok {
		return "?"
	}
	path, _ := strconv.Unquote(literal.Value) // it has compiled
	switch {
	case path == "":
		return "the root"
	case strings.HasSuffix(path, "/"):
		return "all below `" + path + "`"
	}
	return "`" + path + "`"
}
