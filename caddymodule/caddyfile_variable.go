package caddymodule

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// checkVariables refuses a variable, {$NAME} or {$NAME:default}, that has no value, anywhere in the
// part of a Caddyfile that d holds. Caddy puts values in place before it splits the text into words
// (caddyfile/parse.go, replaceEnvVars), so that no parser sees one that was nothing: `rule gmail
// allow {$METHODS} /x/**` would be a rule for every method, and a deny inside a variable
// would be gone. What is said here of a value's absence holds of one that begins a comment, too: it
// takes the rest of its line along.
//
// It reads the files that d's tokens name once more. Of a configuration that came by standard input
// or by the admin API there is no such file, and nothing to be known of its variables.
func checkVariables(d *caddyfile.Dispenser) error {
	parts := sourceParts(*d)
	foreign := make(map[string]bool)
	for _, p := range parts {
		if p.imported == "" && !p.isOf(p.file) {
			foreign[p.file] = true // the name is that of another text, such as "Caddyfile" for what the admin API was sent
		}
	}
	for _, p := range parts {
		if foreign[p.file] {
			continue
		}
		if err := p.check(); err != nil {
			return err
		}
	}
	return nil
}

// sourcePart are the tokens of one file, or in the part of it that was imported at one
// place.
type sourcePart struct {
	file, imported string
	tokens         []caddyfile.Token
}

func sourceParts(d caddyfile.Dispenser) (parts []*sourcePart) {
	for d.Next() {
		// Only the text of an error tells where a token was imported; it is compared and not read.
		_, imported, _ := strings.Cut(d.Err("").Error(), " import chain ")
		i := slices.IndexFunc(parts, func(p *sourcePart) bool { return p.file == d.File() && p.imported == imported })
		if i < 0 {
			i, parts = len(parts), append(parts, &sourcePart{file: d.File(), imported: imported})
		}
		parts[i].tokens = append(parts[i].tokens, d.Token())
	}
	return parts
}

// isOf reports whether the part's tokens are found in the file of that name.
func (p *sourcePart) isOf(name string) bool {
	raw, err := readRegular(name)
	if err != nil {
		return false
	}
	text, _ := expandVariables(raw, func(_, value string, _ bool) string { return value })
	tokens, err := caddyfile.Tokenize(text, name)
	if err != nil {
		return false
	}
	type word struct {
		line int
		text string
	}
	words := make(map[word]bool, len(tokens))
	for _, t := range tokens {
		words[word{t.Line, t.Text}] = true
	}
	return !slices.ContainsFunc(p.tokens, func(t caddyfile.Token) bool { return !words[word{t.Line, t.Text}] })
}

// check reports the first variable without a value between the part's first token and its last, and
// next to them where only such variables are between them and the next token.
func (p *sourcePart) check() error {
	raw, err := readRegular(p.file)
	if err != nil {
		return nil //nolint:nilerr // what cannot be read again cannot be checked
	}
	marked, found := expandVariables(raw, markVariable)
	if !found {
		return nil
	}
	tokens, err := caddyfile.Tokenize(marked, p.file)
	if err != nil {
		return at(p.file, fmt.Errorf("checking the variables: %w", err))
	}
	first, last := p.tokens[0].Line, p.tokens[len(p.tokens)-1].Line
	for _, t := range p.tokens {
		first, last = min(first, t.Line), max(last, t.Line)
	}
	from := slices.IndexFunc(tokens, func(t caddyfile.Token) bool { return t.Line >= first })
	to := slices.IndexFunc(tokens, func(t caddyfile.Token) bool { return t.Line > last })
	if to < 0 {
		to = len(tokens)
	}
	for p.imported != "" && from > 0 && isMark(tokens[from-1]) {
		from--
	}
	for p.imported != "" && to < len(tokens) && isMark(tokens[to]) {
		to++
	}
	for _, t := range tokens[max(from, 0):to] {
		if err := variableError(t); err != nil {
			return at(fmt.Sprintf("%s:%d", p.file, t.Line), err)
		}
	}
	return nil
}

// variableMark is in a token where a variable had no value (e), or begins a comment (c). Its
// ends are of Unicode's private use.
var variableMark = regexp.MustCompile("\uE000([ec])([^\uE001]*)\uE001")

func isMark(t caddyfile.Token) bool { return variableMark.FindString(t.Text) == t.Text && t.Text != "" }

func variableError(t caddyfile.Token) error {
	for _, m := range variableMark.FindAllStringSubmatch(t.Text, -1) {
		name := m[2]
		_, set := os.LookupEnv(name)
		switch {
		case m[1] == "c" && !t.Quoted():
			return fmt.Errorf("the value of the variable {$%s} begins a comment, so that the rest of its line is lost: "+
				"take the # out of it, or put the variable in quotes", name)
		case m[1] == "e" && set:
			return fmt.Errorf("the variable {$%s} is set to an empty value, and without one the line means something else: "+
				"set %[1]s to a value; a default holds only where it is not set", name)
		case m[1] == "e":
			return fmt.Errorf("the variable {$%s} has no value, and without one the line means something else: "+
				"set %[1]s, or write a default, {$%[1]s:value}", name)
		}
	}
	return nil
}

// markVariable is what stands for a variable in a text that is looked through: its value, unless
// that says nothing. It keeps the line breaks, by which tokens are found again.
func markVariable(name, value string, afterSpace bool) string {
	mark := func(kind string) string { return "\uE000" + kind + name + "\uE001" }
	if isBlank(value) {
		return mark("e") + strings.Repeat("\n", strings.Count(value, "\n"))
	}
	if afterSpace && value[0] == '#' {
		value = mark("c") + value[1:]
	}
	return commentInside.ReplaceAllString(value, "${1}"+strings.ReplaceAll(mark("c"), "$", "$$"))
}

var commentInside = regexp.MustCompile(`(\s)#`)

// expandVariables puts values in place as Caddy does (caddyfile/parse.go, replaceEnvVars), each as
// stand returns it, and reports whether there was any variable.
func expandVariables(input []byte, stand func(name, value string, afterSpace bool) string) (out []byte, found bool) {
	for {
		before, rest, ok := bytes.Cut(input, []byte("{$"))
		out = append(out, before...)
		if !ok {
			return out, found
		}
		span, after, ok := bytes.Cut(rest, []byte("}"))
		if !ok {
			return append(append(out, "{$"...), rest...), found
		}
		if input = after; len(span) == 0 {
			out = append(out, "{$}"...)
			continue
		}
		name, fallback, _ := strings.Cut(string(span), ":")
		value, set := os.LookupEnv(name)
		if !set {
			value = fallback
		}
		afterSpace := len(out) == 0 || bytes.IndexByte([]byte(" \t\r\n"), out[len(out)-1]) >= 0
		out, found = append(out, stand(name, value, afterSpace)...), true
	}
}

// readRegular reads a file that can be read twice. A pipe cannot, and waiting for it would never
// end.
func readRegular(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	return os.ReadFile(name)
}
