// Package strictjson reads objects of JSON whose keys must not repeat: encoding/json would take the
// last of two values in silence, and another program the first.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrNoObject says that a text is not one JSON object in UTF-8. What is not UTF-8 is refused since
// encoding/json would replace it, and so change a value in silence.
var ErrNoObject = errors.New("not one JSON object in UTF-8")

// DuplicateError says that a key repeats.
type DuplicateError struct{ Name string }

func (e *DuplicateError) Error() string { return fmt.Sprintf("duplicate key %q", e.Name) }

// Member is a member of an object. Its value is not decoded: a long number would lose digits.
type Member struct {
	Name  string
	Value json.RawMessage
}

// Object returns the members of the object that raw is, in their order, or ErrNoObject or a
// *DuplicateError. Objects within it are not looked into. unique returns what must not repeat of a
// member, or nothing for one that may; nil means its name.
func Object(raw []byte, unique func(Member) string) ([]Member, error) {
	if !utf8.Valid(raw) || !json.Valid(raw) || bytes.TrimLeft(raw, " \t\r\n")[0] != '{' {
		return nil, ErrNoObject
	}
	var members []Member
	seen := make(map[string]bool)
	for rest := raw[bytes.IndexByte(raw, '{')+1:]; ; {
		var m Member
		var ended bool
		if m, rest, ended = next(rest); ended {
			return members, nil
		}
		key := m.Name
		if unique != nil {
			key = unique(m)
		}
		if seen[key] {
			return nil, &DuplicateError{m.Name}
		}
		seen[key] = unique == nil || key != ""
		members = append(members, m)
	}
}

// next takes a member off what is left of a valid object, unless its end comes first.
func next(text []byte) (m Member, rest []byte, ended bool) {
	name, rest := cut(text)
	if len(name) == 0 {
		return m, nil, true
	}
	if m.Name = string(name[1 : len(name)-1]); bytes.IndexByte(name, '\\') >= 0 {
		_ = json.Unmarshal(name, &m.Name) // it is valid
	}
	value, rest := cut(rest)
	m.Value = bytes.Clone(value)
	return m, rest, false
}

// cut takes the first value off valid text, with the separators before it. The value is empty at
// the end of the object.
func cut(text []byte) (value, rest []byte) {
	text = bytes.TrimLeft(text, " \t\r\n,:")
	depth := 0
	for n := 0; ; n++ {
		switch text[n] {
		case '"':
			for n++; text[n] != '"'; n++ {
				if text[n] == '\\' {
					n++
				}
			}
			if depth == 0 {
				return text[:n+1], text[n+1:]
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 { // after a number, true, false or null, or nothing
				return text[:n], text[n:]
			}
			if depth--; depth == 0 {
				return text[:n+1], text[n+1:]
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return text[:n], text[n:]
			}
		}
	}
}

// Map is Object by name.
func Map(raw []byte) (map[string]json.RawMessage, error) {
	members, err := Object(raw, nil)
	if err != nil {
		return nil, err
	}
	values := make(map[string]json.RawMessage, len(members))
	for _, m := range members {
		values[m.Name] = m.Value
	}
	return values, nil
}
