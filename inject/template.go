package inject

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

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
			return nil, fmt.Errorf("template %q: a single }: write }} for a brace", s)
		case s[i] == '{':
			end := strings.IndexByte(s[i:], '}')
			if end < 0 {
				return nil, fmt.Errorf("template %q: a { without }: write {name}, or {{ for a brace", s)
			}
			name := s[i+1 : i+end]
			if !known(name) {
				return nil, fmt.Errorf("template %q: {%s} is not a declared field", s, name)
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
	if len(t) == 1 {
		return t[0].render(field, escape)
	}
	var room [8]string
	texts, size := room[:0], 0
	for _, p := range t {
		text, err := p.render(field, escape)
		if err != nil {
			return "", err
		}
		texts, size = append(texts, text), size+len(text)
	}
	var b strings.Builder
	b.Grow(size) // a buffer that grew would leave the first part of a secret in memory
	for _, text := range texts {
		b.WriteString(text)
	}
	return b.String(), nil
}

func (p *part) render(field func(name string) (string, bool),
	escape func(name, value string) (string, error)) (string, error) {
	if !p.field {
		return p.text, nil
	}
	value, ok := field(p.text)
	if !ok {
		return "", malformed(p.text, "is missing")
	}
	escaped, err := escape(p.text, value)
	if err != nil {
		return "", malformed(p.text, err.Error())
	}
	return escaped, nil
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

// pathSegment escapes a value for a part of one path segment. Dots would climb: alone, and between
// slashes too, because many servers decode %2F before they resolve dot segments.
func pathSegment(v string) (string, error) {
	if v == "" || holdsDotSegment(v) || holdsDotSegment(lenientDecode(v)) {
		return "", errors.New("is empty or holds a dot segment")
	}
	for i := range len(v) {
		if c := v[i]; c < ' ' || c == 0x7f {
			return "", errors.New("holds a control character")
		}
	}
	return escapeSegment(v), nil
}

func holdsDotSegment(v string) bool {
	for segment := range strings.SplitSeq(strings.ReplaceAll(v, `\`, "/"), "/") {
		segment, _, _ = strings.Cut(segment, ";")
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// escapeSegment keeps ":" as it is: it needs no escape in an absolute path (RFC 3986, section 3.3),
// and bot tokens are documented with it.
func escapeSegment(v string) string {
	return strings.ReplaceAll(url.PathEscape(v), "%3A", ":")
}

// queryValue escapes a value for the query.
func queryValue(v string) (string, error) {
	if v == "" {
		return "", errors.New("is empty")
	}
	if strings.ContainsAny(v, "\r\n\x00") {
		return "", errors.New("holds a line break or NUL")
	}
	return url.QueryEscape(v), nil
}

// headerText refuses values that would end the header early, or that a server would trim into
// another value than the one stored.
func headerText(v string) (string, error) {
	if v == "" {
		return "", errors.New("is empty")
	}
	for i := range len(v) {
		if c := v[i]; c < ' ' || c == 0x7f {
			return "", errors.New("holds a line break or another control character")
		}
	}
	if v[0] == ' ' || v[len(v)-1] == ' ' {
		return "", errors.New("begins or ends with a space")
	}
	return v, nil
}

// jsonString escapes a value for a part of a JSON string (RFC 8259, section 7).
func jsonString(v string) (string, error) {
	if v == "" {
		return "", errors.New("is empty")
	}
	if !utf8.ValidString(v) { // encoding/json would make another value of it
		return "", errors.New("is not UTF-8")
	}
	return jsonText(v, false), nil
}

// jsonText returns v as it is between quotes in JSON; forHTML escapes <, > and & as well, as
// encoding/json does unless told otherwise.
func jsonText(v string, forHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(forHTML)
	if err := enc.Encode(v); err != nil {
		return v
	}
	return b.String()[1 : b.Len()-2] // without the quotes and the line break
}

func (t template) holdsField() bool {
	for range t.names {
		return true
	}
	return false
}

// match returns how many bytes of rawPath, whole segments, are t filled in, and yields the fields.
// It is 0 if rawPath begins otherwise; what was yielded then is to be forgotten.
func (t template) match(rawPath string, yield func(field, value string)) (size int) {
	rest := rawPath
	for i, part := range t {
		if !part.field {
			if !strings.HasPrefix(rest, part.text) {
				return 0
			}
			rest = rest[len(part.text):]
			continue
		}
		end := strings.IndexByte(rest, '/')
		if end < 0 {
			end = len(rest)
		}
		if i+1 < len(t) {
			end = max(strings.Index(rest, t[i+1].text), 0)
		}
		if end == 0 {
			return 0
		}
		yield(part.text, rest[:end])
		rest = rest[end:]
	}
	if rest != "" && rest[0] != '/' {
		return 0
	}
	return len(rawPath) - len(rest)
}
