package catalog

import (
	"errors"
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
