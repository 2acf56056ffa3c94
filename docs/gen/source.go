package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// source is the parsed code of packages: their structs and functions by name.
type source struct {
	structs map[string]*structType
	funcs   map[string]*ast.FuncDecl // `parseApp`, `App.parseTenant`
}

// structType is a struct that configurations are read into.
type structType struct {
	name   string
	doc    string
	fields []field
}

// field is one exported field of a struct.
type field struct {
	name string // in Go
	json string // empty where the struct's own fields take its place
	doc  string
	kind string // what an operator calls the type
	elem string // the struct that it holds, one or many of, if any
}

// readSource parses the packages in dirs. A struct of caddymodule is known by its name, one of
// another package by the package's name too: `catalog.App`.
func readSource(root string, dirs ...string) (*source, error) {
	s := &source{structs: make(map[string]*structType), funcs: make(map[string]*ast.FuncDecl)}
	for _, dir := range dirs {
		files, err := parseDir(filepath.Join(root, dir))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			s.addFile(file)
		}
	}
	return s, nil
}

// parseDir parses the files of one package, but for its tests.
func parseDir(dir string) ([]*ast.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("%w: if the package has moved, write its new folder in docs/gen", err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.ParseComments)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (s *source) addFile(file *ast.File) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			s.funcs[funcName(d)] = d
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				t, ok := spec.(*ast.TypeSpec)
				if !ok {
					continue
				}
				if body, ok := t.Type.(*ast.StructType); ok {
					name := qualified(file.Name.Name, t.Name.Name)
					s.structs[name] = &structType{name, d.Doc.Text(), fieldsOf(file.Name.Name, body)}
				}
			}
		}
	}
}

// qualified names a type as the package caddymodule would.
func qualified(pkg, name string) string {
	if pkg == "caddymodule" {
		return name
	}
	return pkg + "." + name
}

// funcName is the name of a function, behind that of its receiver's type if it has one.
func funcName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	kind := f.Recv.List[0].Type
	if pointer, ok := kind.(*ast.StarExpr); ok {
		kind = pointer.X
	}
	if name, ok := kind.(*ast.Ident); ok {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// fieldsOf returns the fields that JSON has, and embedded structs. `defined_at` is for the adapter
// alone.
func fieldsOf(pkg string, body *ast.StructType) []field {
	var list []field
	for _, f := range body.Fields.List {
		kind, elem := typeOf(pkg, f.Type)
		if len(f.Names) == 0 {
			list = append(list, field{name: elem, elem: elem})
			continue
		}
		for _, name := range f.Names {
			tag := ""
			if f.Tag != nil {
				unquoted, _ := strconv.Unquote(f.Tag.Value) // it has compiled
				tag, _, _ = strings.Cut(reflect.StructTag(unquoted).Get("json"), ",")
			}
			if tag == "" || tag == "-" || tag == "defined_at" {
				continue
			}
			list = append(list, field{name.Name, tag, f.Doc.Text(), kind, elem})
		}
	}
	return list
}

// basicTypes are what operators call Go's types.
var basicTypes = map[string]string{
	"string": "text", "bool": "true or false", "int": "number", "int64": "number", "Duration": "duration",
	"RawMessage": "object",
}

// typeOf describes a type, and names the struct in it.
func typeOf(pkg string, t ast.Expr) (kind, elem string) {
	switch t := t.(type) {
	case *ast.StarExpr:
		return typeOf(pkg, t.X)
	case *ast.ArrayType:
		kind, elem = typeOf(pkg, t.Elt)
		return "list of " + plural(kind), elem
	case *ast.MapType:
		kind, elem = typeOf(pkg, t.Value)
		return "object of " + plural(kind), elem
	case *ast.SelectorExpr:
		if kind, ok := basicTypes[t.Sel.Name]; ok {
			return kind, ""
		}
		return "object", fmt.Sprintf("%s.%s", t.X, t.Sel.Name)
	case *ast.Ident:
		if kind, ok := basicTypes[t.Name]; ok {
			return kind, ""
		}
		return "object", qualified(pkg, t.Name)
	}
	return fmt.Sprintf("%T", t), ""
}

func plural(kind string) string { return kind + "s" }
