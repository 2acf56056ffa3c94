package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// configDirs are the packages whose structs a configuration is read into.
var configDirs = []string{"caddymodule", "catalog", "policy", "vending/pipedream"}

// sections are the lists of options on pages, by block, and the struct that each describes.
var sections = map[string]string{
	"vendgate": "App", "oauth-client": "OAuthClient", "tenant": "Tenant", "app": "catalog.App",
	"source-local": "LocalSource", "source-platform": "PlatformSource", "source-pipedream": "PipedreamSource",
	"source-static": "StaticSource", "proxy": "Proxy",
}

// elsewhere are structs that have a section of their own and are not described inside another.
var elsewhere = map[string]bool{"AppEntry": true, "OAuthClient": true, "Tenant": true}

// parsers are the functions that read the options of a struct from a Caddyfile.
var parsers = map[string][]string{
	"App": {"parseApp"}, "Upstream": {"Upstream.parse"}, "Catalog": {"Catalog.parse"},
	"OAuthClient": {"App.parseOAuthClient"}, "Tenant": {"App.parseTenant", "Tenant.addBrandOptions"},
	"TenantPolicy": {"TenantPolicy.parse"}, "LocalSource": {"LocalSource.UnmarshalCaddyfile"},
	"PlatformSource":  {"PlatformSource.UnmarshalCaddyfile"},
	"PipedreamSource": {"PipedreamSource.UnmarshalCaddyfile"}, "StaticSource": {"StaticSource.UnmarshalCaddyfile"},
	"StaticConnection": {"StaticSource.parseConnection"}, "Proxy": {"parseProxy"},
	"catalog.App": {"appOptions"}, "catalog.Placement": {"addPlacementOptions", "addRequestOptions"},
	"catalog.Field": {"parseField"}, "catalog.Verify": {"parseVerify"}, "catalog.SiteNames": {"parseSiteNames"},
	"catalog.Steering": {"parseSteering"}, "catalog.Links": {"parseLinks"}, "catalog.RateLimit": {"parseRateLimit"},
	"catalog.Sign": {"parseSign"}, "catalog.Beside": {"parseBeside"}, "catalog.KeyPlaces": {"parseKeyPlaces"},
	"catalog.OAuth1": {"parseOAuth1"}, "catalog.OAuth2": {"parseOAuth2"}, "catalog.Capture": {"parseCapture"},
	"catalog.Refused": {"parseRefused"},
}

// renamed are options of the Caddyfile whose names are neither the JSON name nor its singular.
var renamed = map[string]string{
	"App.apps": "app", "Tenant.key_digests": "key_sha256", "PlatformSource.passthrough": "key",
	"catalog.App.headers": "default_header", "catalog.Verify.headers": "header",
}

// forms are what neither a doc comment nor a message of the parser says of how an option is
// written.
var forms = map[string]string{
	"App.apps": "app SLUG { … }", "App.catalog": "catalog { … }", "App.tenant_defaults": "tenant_defaults { … }",
	"App.upstream": "upstream { … }", "Catalog.community": "community [SLUG…]",
	"PlatformSource.aliases": "alias REMOTE SLUG", "PlatformSource.key": "key REF",
	"PlatformSource.keys": "key TENANT REF", "Proxy.prefix": "prefix PATH",
	"PlatformSource.passthrough": "key passthrough",
	"catalog.App.refused":        "refused [STATUS…] [{ … }]",
}

// values are what the argument of an option is, where that is more than a text.
var values = map[string]string{
	"allow_private": "CIDR", "app": "SLUG", "apps": "SLUG", "batch": "PATH", "capabilities": "CAPABILITY", "cut": "PATH",
	"data_dir": "PATH", "email": "ADDRESS", "endpoint": "URL", "extra_hosts": "HOST", "file": "PATH", "host": "HOST",
	"frame_ancestors": "ORIGIN", "headers": "NAME", "hosts": "HOST", "paths": "PATH", "source": "NAME",
	"default_source": "NAME", "trust_ca": "PATH", "upstream": "URL",
}

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
			return fmt.Errorf("%s in caddymodule reads options of an unknown struct: add it to parsers in docs/gen/options.go",
				name)
		}
	}
	for _, name := range known {
		if s.funcs[name] == nil {
			return fmt.Errorf("caddymodule has no function %s: name the one that reads its options in parsers, in "+
				"docs/gen/options.go", name)
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
		return fmt.Errorf("no struct %s: write its new name in docs/gen/options.go", name)
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
		return fmt.Errorf("no field of %s is the option %s: add it to renamed in docs/gen/options.go", name, option)
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

// goName is a word that may be a field's name in Go.
var (
	goName       = regexp.MustCompile(`[A-Z][A-Za-z0-9]*`)
	severalWords = regexp.MustCompile(`[a-z][A-Z]`)
)

// goNames maps the names that fields have in Go, of all structs, to their JSON names. Only names
// of several words are in it: others are words of English, too.
func (s *source) goNames() map[string]string {
	names := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(s.structs)) {
		for _, f := range s.structs[name].fields {
			if f.json != "" && severalWords.MatchString(f.name) {
				names[f.name] = f.json
			}
		}
	}
	return names
}

// text is a field's doc comment for readers who do not see its name in Go: "Foo is the …" is "The
// …", and other fields go by their JSON names.
func (l *list) text(t *structType, f field) string {
	text := strings.TrimPrefix(strings.Join(strings.Fields(f.doc), " "), f.name+" ")
	for _, verb := range []string{"is ", "are "} {
		text = strings.TrimPrefix(text, verb)
	}
	text = capitalize(l.renameFields(t, text))
	if nested := l.source.structs[f.elem]; l.isNested(f) {
		for _, s := range sentencesOf(nested.doc)[1:] { // the first says what the field's doc says
			text += " " + l.renameFields(nested, s)
		}
	}
	return text
}

// renameFields writes JSON names for the fields that a text speaks of. A name of one word counts
// inside a sentence only.
func (l *list) renameFields(t *structType, text string) string {
	own := make(map[string]string)
	for _, f := range t.fields {
		if f.name != strings.ToUpper(f.name) { // URL and API are words, too
			own[f.name] = f.json
		}
	}
	text = docLink.ReplaceAllStringFunc(text, func(link string) string {
		name := strings.Trim(link, "[]")
		return name[strings.LastIndex(name, ".")+1:]
	})
	parts := strings.Split(text, "`") // every second one is code
	for i := 0; i < len(parts); i += 2 {
		part, rest := "", parts[i]
		for {
			at := goName.FindStringIndex(rest)
			if at == nil {
				break
			}
			before, word := part+rest[:at[0]], rest[at[0]:at[1]]
			json, known := l.names[word]
			if short, ok := own[word]; ok && !known && short != "" {
				json, known = short, strings.HasSuffix(before, " ") && !endsSentence(before) &&
					!strings.HasPrefix(rest[at[1]:], ":")
			}
			if known {
				word = "`" + json + "`"
			}
			part, rest = before+word, rest[at[1]:]
		}
		parts[i] = part + rest
	}
	return strings.Join(parts, "`")
}

func endsSentence(text string) bool {
	text = strings.TrimRight(text, " ")
	return text == "" || strings.ContainsRune(".:;", rune(text[len(text)-1]))
}
