package main

import (
	"fmt"
	"go/ast"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// toDo is how the doc comment of a code begins its advice.
const toDo = " To do: "

// codeTable has a row for each code, with its meaning and what to do as its doc comment says.
func codeTable(root string) (string, error) {
	files, err := parseDir(filepath.Join(root, "vending"))
	if err != nil {
		return "", err
	}
	var rows strings.Builder
	for _, spec := range codeConstants(files) {
		text, _ := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value) // it has compiled
		code := vending.Code(text)
		doc := strings.TrimPrefix(strings.Join(strings.Fields(spec.Doc.Text()), " "), spec.Names[0].Name+": ")
		meaning, advice, ok := strings.Cut(doc, toDo)
		if !ok || !code.Known() {
			return "", fmt.Errorf("vending.%s: write what it means and%swhat to do into its doc comment, and a row for it "+
				"into codes", spec.Names[0].Name, toDo)
		}
		fmt.Fprintf(&rows, "| %d | `%s` | %s | %s |\n", code.Status(), code, strings.TrimSuffix(sentencesOf(meaning)[0], "."),
			strings.TrimSuffix(advice, "."))
	}
	return "| HTTP | code | meaning | what to do |\n|---|---|---|---|\n" + rows.String(), nil
}

// codeConstants are the constants of type Code, in their order.
func codeConstants(files []*ast.File) (list []*ast.ValueSpec) {
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
				list = append(list, spec)
			}
			return true
		})
	}
	return list
}
