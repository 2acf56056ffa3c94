package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// optionList describes the options of a struct, and of those inside it.
func optionList(root, name string) (string, error) {
	s, err := readSource(root, configDirs...)
	if err != nil {
		return "", err
	}
	if err := s.checkParsers(); err != nil {
		return "", err
	}
	l := &list{source: s, names: s.goNames(), caddyfile: true}
	err = l.addStruct(name, "")
	return strings.Join(l.lines, "\n"), err
}

// appKeys describes the keys of an app in a catalog file.
func appKeys(root string) (string, error) {
	s, err := readSource(root, "catalog")
	if err != nil {
		return "", err
	}
	l := &list{source: s, names: s.goNames()}
	err = l.addStruct("catalog.App", "")
	return strings.Join(l.lines, "\n"), err
}

// checkParsers reports a parsing function whose options no list would have.
func (s *source) checkParsers() error {
	known := slices.Concat(slices.Collect(maps.Values(parsers))...)
	for _, name := range s.parserFuncs() {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s in caddymodule reads options of an unknown struct: add it to parsers in docs/gen/sections.go",
				name)
		}
	}
	for _, name := range known {
		if s.funcs[name] == nil {
			return fmt.Errorf("caddymodule has no function %s: name the one that reads its options in parsers, in "+
				"docs/gen/sections.go", name)
		}
	}
	return nil
}

// directivesOf returns the options of the Caddyfile that belong to a struct.
func (s *source) directivesOf(name string) map[string]directive {
	all := make(map[string]directive)
	for _, f := range parsers[name] {
		maps.Copy(all, directives(s.funcs[f]))
	}
	return all
}

// list is a list of options as it is written.
type list struct {
	source    *source
	names     map[string]string
	caddyfile bool // say how an option is written there, not in JSON alone
	lines     []string
}

// addStruct describes the fields of a struct. Each option of its block must be one of them.
func (l *list) addStruct(name, indent string) error {
	t := l.source.structs[name]
	if t == nil {
		return fmt.Errorf("no struct %s: write its new name in docs/gen/sections.go", name)
	}
	block := l.block(name)
	unseen := maps.Clone(block)
	for _, f := range t.fields {
		if f.json == "" { // embedded
			if err := l.addStruct(f.elem, indent); err != nil {
				return err
			}
			continue
		}
		option := optionName(name, f.json, block)
		delete(unseen, option)
		if err := l.addField(t, f, option, indent); err != nil {
			return err
		}
	}
	for _, option := range slices.Sorted(maps.Keys(unseen)) {
		return fmt.Errorf("no field of %s is the option %s: add it to renamed in docs/gen/sections.go", name, option)
	}
	return nil
}

// block returns the options of a struct in the Caddyfile, if they are to be described.
func (l *list) block(name string) map[string]directive {
	if !l.caddyfile {
		return nil
	}
	return l.source.directivesOf(name)
}

// optionName is what a Caddyfile calls a field, or empty where it has no option of its own.
func optionName(structName, json string, block map[string]directive) string {
	for _, name := range []string{renamed[structName+"."+json], json, strings.TrimSuffix(json, "s"),
		strings.TrimSuffix(json, "es")} {
		if _, ok := block[name]; ok {
			return name
		}
	}
	return ""
}

func (l *list) addField(t *structType, f field, option, indent string) error {
	if f.doc == "" {
		return fmt.Errorf("%s.%s has no doc comment: say what it is for, its default and its consequence", t.name, f.name)
	}
	l.lines = append(l.lines, indent+"- "+wrap(l.title(t, f, option)+" "+l.text(t, f), indent+"  "))
	if !l.isNested(f) {
		return nil
	}
	return l.addStruct(f.elem, indent+"  ")
}

// isNested reports whether a field holds a struct that is described below it.
func (l *list) isNested(f field) bool { return !elsewhere[f.elem] && l.source.structs[f.elem] != nil }

func (l *list) title(t *structType, f field, option string) string {
	switch {
	case !l.caddyfile:
		return fmt.Sprintf("**`%s`**, %s.", f.json, f.kind)
	case option != "":
		return fmt.Sprintf("**`%s`** (JSON `%s`, %s).", l.form(t.name, f.json, option), f.json, f.kind)
	case len(parsers[f.elem]) > 0:
		return fmt.Sprintf("JSON `%s`, %s; in a Caddyfile, write its options in this block.", f.json, f.kind)
	}
	return fmt.Sprintf("JSON `%s`, %s.", f.json, f.kind)
}

// form is how an option is written.
func (l *list) form(structName, json, option string) string {
	if form, ok := forms[structName+"."+json]; ok {
		return form
	}
	form := l.source.form(l.source.directivesOf(structName)[option], structName)
	value, ok := values[option]
	if strings.HasSuffix(option, "url") {
		value, ok = "URL", true
	}
	if rest, plain := strings.CutPrefix(form, option+" VALUE"); plain && ok {
		return option + " " + value + rest
	}
	return form
}
