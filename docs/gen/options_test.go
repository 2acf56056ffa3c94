package main

import (
	"regexp"
	"strings"
	"testing"
)

// wordsOfCode are all words of a page that are shown as code.
func wordsOfCode(text string) map[string]bool {
	found := make(map[string]bool)
	for _, code := range regexp.MustCompile("(?s)```.*?```|`[^`]+`").FindAllString(text, -1) {
		for _, word := range regexp.MustCompile(`[A-Za-z0-9_]+`).FindAllString(code, -1) {
			found[word] = true
		}
	}
	return found
}

// TestOptions: the page has each field of the configuration by its JSON name, and each option that
// the parser of the Caddyfile knows.
func TestOptions(t *testing.T) {
	s, err := readSource(root, configDirs...)
	if err != nil {
		t.Fatal(err)
	}
	words := wordsOfCode(readPage(t, "configuration.md"))
	fields, names := 0, 0
	for _, name := range configured(s) {
		for _, f := range s.structs[name].fields {
			fields++
			if f.json != "" && !words[f.json] {
				t.Errorf("docs/configuration.md does not name %s.%s, %s in JSON", name, f.name, f.json)
			}
		}
	}
	for _, f := range s.parserFuncs() {
		for name := range directives(s.funcs[f]) {
			names++
			if !words[name] {
				t.Errorf("docs/configuration.md does not name the option %s, which %s reads", name, f)
			}
		}
	}
	if fields < 150 || names < 120 {
		t.Errorf("found %d fields and %d options: the code is written in another way now", fields, names)
	}
}

// configured are the structs that a configuration can hold, from those of the sections on.
func configured(s *source) (names []string) {
	seen := make(map[string]bool)
	var visit func(name string)
	visit = func(name string) {
		if s.structs[name] == nil || seen[name] {
			return
		}
		seen[name] = true
		names = append(names, name)
		for _, f := range s.structs[name].fields {
			visit(f.elem)
		}
	}
	for _, name := range sections {
		visit(name)
	}
	return names
}

// TestSourceModules: each module of Caddy's that the product registers has its options on the page.
func TestSourceModules(t *testing.T) {
	s, err := readSource(root, "caddymodule")
	if err != nil {
		t.Fatal(err)
	}
	described := make(map[string]bool)
	for _, name := range sections {
		described[name] = true
	}
	page := readPage(t, "configuration.md")
	modules := 0
	for name := range s.funcs {
		module, ok := strings.CutSuffix(name, ".CaddyModule")
		if !ok {
			continue
		}
		modules++
		if !described[module] && len(s.structs[module].fields) > 0 {
			t.Errorf("%s has no section: add it to sections in docs/gen/sections.go, and its block to the page", module)
		}
	}
	for _, directive := range []string{"vendgate_proxy", "vendgate_connect", "vendgate_health", "vendgate_not_found"} {
		if !strings.Contains(page, "`"+directive+"`") {
			t.Errorf("docs/configuration.md does not describe %s", directive)
		}
	}
	if modules < 8 {
		t.Errorf("found %d modules: the code is written in another way now", modules)
	}
}

func TestOptionText(t *testing.T) {
	l := &list{source: &source{structs: map[string]*structType{}}, names: map[string]string{"TokenURL": "token_url"}}
	owner := &structType{fields: []field{{name: "Host", json: "host"}, {name: "Default", json: "default"},
		{name: "URL", json: "url"}}}
	for _, c := range []struct{ name, doc, want string }{
		{"Foo", "Foo is the place.", "The place."},
		{"Foo", "Foo bounds\nthe call. Default: 5s.", "Bounds the call. Default: 5s."},
		{"Foo", "Foo is where Host leads, not at TokenURL.", "Where `host` leads, not at `token_url`."},
		{"Foo", "Foo is an https URL. Host headers stay.", "An https URL. Host headers stay."},
		{"Foo", "Foo is public.", "Is public."},
		{"Foo", "Foo is a rule. See [Bar.Check].", "A rule."},
		{"Foo", "Foo is `Host` as it is, see [Bar.TokenURL].", "`Host` as it is, see `token_url`."},
	} {
		if got := l.text(owner, field{name: c.name, doc: c.doc}); got != c.want {
			t.Errorf("%q: %q, want %q", c.doc, got, c.want)
		}
	}
}
