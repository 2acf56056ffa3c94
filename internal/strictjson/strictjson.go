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
	d := json.NewDecoder(bytes.NewReader(raw))
	_, err := d.Token() // the brace
	for err == nil && d.More() {
		var m Member
		if m, err = next(d); err != nil {
			break
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
	if err != nil { // nesting beyond what encoding/json decodes
		return nil, ErrNoObject
	}
	return members, nil
}

func next(d *json.Decoder) (m Member, err error) {
	name, err := d.Token()
	if err == nil {
		m.Name, _ = name.(string)
		err = d.Decode(&m.Value)
	}
	return m, err
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
