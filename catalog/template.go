package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// part is literal text of a template, or the name in a placeholder where field is set.
type part struct {
	text  string
	field bool
}

// scan splits a template into its parts: `{name}` is a placeholder, `{{` and `}}` are braces.
// Its errors never hold the text: it may be a URL or a header someone put a key into.
func scan(template string) ([]part, error) {
	var parts []part
	for rest := template; rest != ""; {
		i := strings.IndexAny(rest, "{}")
		if i < 0 {
			return append(parts, part{text: rest}), nil
		}
		if i > 0 {
			parts = append(parts, part{text: rest[:i]})
			rest = rest[i:]
		}
		if strings.HasPrefix(rest, "{{") || strings.HasPrefix(rest, "}}") {
			parts = append(parts, part{text: rest[:1]})
			rest = rest[2:]
			continue
		}
		end := strings.IndexByte(rest, '}')
		switch {
		case end == 0:
			return nil, errors.New("a single }: write }} for a brace")
		case end < 0:
			return nil, errors.New("a { without }: write {name}, or {{ for a brace")
		}
		parts = append(parts, part{text: rest[1:end], field: true})
		rest = rest[end+1:]
	}
	return parts, nil
}

// fill puts value in place of every placeholder.
func fill(parts []part, value string) string {
	var b strings.Builder
	for _, p := range parts {
		if p.field {
			b.WriteString(value)
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}

// holdsField reports whether any of parts is a placeholder.
func holdsField(parts []part) bool {
	for _, p := range parts {
		if p.field {
			return true
		}
	}
	return false
}

// template checks the text of a template: its syntax, that its placeholders are declared,
// and that its literal text cannot break out of the line it lands in.
func (c checker) template(where, text string) ([]part, error) {
	parts, err := scan(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	for _, p := range parts {
		if p.field {
			if err := c.placeholder(p.text); err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
		} else if strings.ContainsFunc(p.text, isControl) {
			return nil, fmt.Errorf("%s holds a control character: take it out", where)
		}
	}
	return parts, nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

func (c checker) placeholder(name string, extra ...string) error {
	// A JSON body whose braces were not doubled; it may hold anything, so that it is not quoted.
	if name == "" || strings.ContainsFunc(name, notToken) {
		return errors.New("the text between { and } is not a name: write {name}, or {{ and }} for braces")
	}
	if c.OwnsClient(name) || name == ClientSecret && c.fieldFrom(name) == FromClient {
		return fmt.Errorf("{%s} is the OAuth client's, for the token endpoint alone: write {access_token}", name)
	}
	known := slices.Clone(extra)
	if c.AuthType == oAuth {
		known = append(known, accessToken, tokenType)
	}
	for _, f := range c.Fields {
		if !c.OwnsClient(f.Name) {
			known = append(known, f.Name)
		}
	}
	switch {
	case slices.Contains(known, name):
		return nil
	case len(known) == 0:
		return fmt.Errorf("{%s} is not a declared field: add it to fields", name)
	}
	return fmt.Errorf("{%s} is not a declared field: add it to fields, or write {%s}", name, strings.Join(known, "} or {"))
}

// fieldNames returns the placeholders of a template that passed its own check.
func fieldNames(template string) []string {
	parts, _ := scan(template)
	var names []string
	for _, p := range parts {
		if p.field {
			names = append(names, p.text)
		}
	}
	return names
}
