package inject

import (
	"fmt"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// template is text with named placeholders. It is compiled from the catalog or the operator's
// configuration only: text that a caller or an end user sent is a value, never a template.
type template []part

// part is literal text, or the name of a field where field is set.
type part struct {
	text  string
	field bool
}

// parseTemplate reads `{name}` as a placeholder and `{{`, `}}` as braces. known decides which
// names exist.
func parseTemplate(s string, known func(name string) bool) (template, error) {
	var t template
	var literal strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case strings.HasPrefix(s[i:], "{{"), strings.HasPrefix(s[i:], "}}"):
			literal.WriteByte(s[i])
			i++
		case s[i] == '}':
			return nil, fmt.Errorf("template %q: a single } (write }} for a brace)", s)
		case s[i] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("template %q: { without }", s)
			}
			name := s[i+1 : i+end]
			if !known(name) {
				return nil, fmt.Errorf("template %q: {%s} is no declared field", s, name)
			}
			if literal.Len() > 0 {
				t = append(t, part{text: literal.String()})
				literal.Reset()
			}
			t = append(t, part{text: name, field: true})
			i += end
		default:
			literal.WriteByte(s[i])
		}
	}
	if literal.Len() > 0 {
		t = append(t, part{text: literal.String()})
	}
	return t, nil
}

// fill renders t with cred's values, each passed through escape first; literals are not
// escaped. A field that cred lacks is an error that names it.
func (t template) fill(cred vending.Credential, escape func(string) (string, error)) (string, error) {
	return t.render(cred.Field, func(_, value string) (string, error) { return escape(value) })
}

// render is fill for values from anywhere, where what is escaped how depends on the field.
func (t template) render(field func(name string) (string, bool),
	escape func(name, value string) (string, error)) (string, error) {
	if len(t) == 1 && !t[0].field {
		return t[0].text, nil
	}
	var b strings.Builder
	for _, p := range t {
		if !p.field {
			b.WriteString(p.text)
			continue
		}
		value, ok := field(p.text)
		if !ok {
			return "", malformed(p.text, "is missing")
		}
		escaped, err := escape(p.text, value)
		if err != nil {
			return "", malformed(p.text, err.Error())
		}
		b.WriteString(escaped)
	}
	return b.String(), nil
}

// names yields the fields that t uses.
func (t template) names(yield func(string) bool) {
	for _, p := range t {
		if p.field && !yield(p.text) {
			return
		}
	}
}

// holds reports whether t uses the field.
func (t template) holds(field string) bool {
	for name := range t.names {
		if name == field {
			return true
		}
	}
	return false
}

// malformed refuses a credential that cannot be placed. It names the field, never its value.
func malformed(field, what string) error {
	return &vending.Error{
		Code:    vending.NeedsReconnection,
		Origin:  vending.FromGateway,
		Message: fmt.Sprintf("the connection's field %q %s; the end user must connect again", field, what),
	}
}
