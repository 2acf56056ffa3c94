package main

import (
	"go/ast"
	"go/token"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// directive is one option of a block of the Caddyfile, and the expression that reads it.
type directive struct {
	name string
	read ast.Expr
}

// directives returns the options that a parsing function knows: the keys in `options{"name": …}`,
// `map[string]option{"name": …}` and `opts["name"] = …`.
func directives(f *ast.FuncDecl) map[string]directive {
	found := make(map[string]directive)
	add := func(key, value ast.Expr) {
		literal, ok := key.(*ast.BasicLit)
		if !ok || literal.Kind != token.STRING {
			return
		}
		name, _ := strconv.Unquote(literal.Value) // it has compiled
		found[name] = directive{name, value}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			for _, element := range n.Elts {
				if pair, ok := element.(*ast.KeyValueExpr); ok && isOptions(n.Type) {
					add(pair.Key, pair.Value)
				}
			}
		case *ast.AssignStmt:
			if index, ok := n.Lhs[0].(*ast.IndexExpr); ok && len(n.Rhs) == 1 {
				if opts, ok := index.X.(*ast.Ident); ok && opts.Name == "opts" {
					add(index.Index, n.Rhs[0])
				}
			}
		}
		return true
	})
	return found
}

func isOptions(t ast.Expr) bool {
	if m, ok := t.(*ast.MapType); ok {
		t = m.Value
		value, ok := t.(*ast.Ident)
		return ok && value.Name == "option"
	}
	name, ok := t.(*ast.Ident)
	return ok && name.Name == "options"
}

// readerForms are the arguments that the readers of caddyfile_value.go want.
var readerForms = map[string]string{
	"count": "N", "duration": "DURATION", "flag": "", "pair": "NAME VALUE", "secret": "REF", "size": "SIZE",
	"statuses": "STATUS…", "tenantID": "TENANT", "text": "VALUE", "texts": "VALUE…", "unescaped": "VALUE",
}

var (
	// formInDoc finds the forms in the doc comment of a function that "reads `name ARGUMENT`".
	formInDoc = regexp.MustCompile("`([^`]+)`")
	// blockInForm is the inside of a block, which the list below an option says.
	blockInForm = regexp.MustCompile(`\{ [^{}]*; [^{}]*\}`)
)

// form returns how an option is written: as the doc comment or an error message of the function
// that reads it says, else by the reader of its value.
func (s *source) form(d directive, receiver string) string {
	for _, f := range s.called(d.read, receiver) {
		if forms := documentedForms(d.name, f); len(forms) > 0 {
			return strings.Join(forms, "` or `")
		}
	}
	bodies := []ast.Node{d.read}
	for _, f := range s.called(d.read, receiver) {
		bodies = append(bodies, f)
	}
	for _, body := range bodies {
		if text, ok := messageForm(body); ok {
			return d.name + " " + text
		}
	}
	for _, body := range bodies {
		if arguments, ok := readerForm(body); ok {
			return strings.TrimSpace(d.name + " " + arguments)
		}
	}
	return d.name
}

// called returns the functions of the package that an expression names, in its order.
func (s *source) called(e ast.Expr, receiver string) []*ast.FuncDecl {
	var list []*ast.FuncDecl
	ast.Inspect(e, func(n ast.Node) bool {
		var names []string
		switch n := n.(type) {
		case *ast.SelectorExpr:
			names = []string{receiver + "." + n.Sel.Name}
			if x, ok := n.X.(*ast.SelectorExpr); ok {
				names = append(names, x.Sel.Name+"."+n.Sel.Name)
			}
		case *ast.Ident:
			names = []string{n.Name}
		}
		for _, name := range names {
			if f := s.funcs[name]; f != nil && readerForms[f.Name.Name] == "" {
				list = append(list, f)
			}
		}
		return true
	})
	return list
}

func documentedForms(name string, f *ast.FuncDecl) (forms []string) {
	_, reads, _ := strings.Cut(strings.Join(strings.Fields(f.Doc.Text()), " "), " reads ")
	for _, match := range formInDoc.FindAllStringSubmatch(reads, -1) {
		if first, _, _ := strings.Cut(match[1], " "); first == name {
			forms = append(forms, blockInForm.ReplaceAllString(match[1], "{ … }"))
		}
	}
	return forms
}

// messageForm is the form in a call `missing(d, name, FORM)` or `named(d, &id, FORM)`.
func messageForm(body ast.Node) (text string, ok bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		if !isCall || len(call.Args) != 3 || ok {
			return true
		}
		f, isName := call.Fun.(*ast.Ident)
		literal, isText := call.Args[2].(*ast.BasicLit)
		if isName && isText && (f.Name == "missing" || f.Name == "named") {
			text, _ = strconv.Unquote(literal.Value)
			ok = true
		}
		return true
	})
	return text, ok
}

func readerForm(body ast.Node) (arguments string, ok bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if name, isName := n.(*ast.Ident); isName && !ok {
			arguments, ok = readerForms[name.Name]
		}
		return true
	})
	return arguments, ok
}

// parserFuncs are the functions that read options, by name.
func (s *source) parserFuncs() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.funcs)) {
		if len(directives(s.funcs[name])) > 0 {
			names = append(names, name)
		}
	}
	return names
}
