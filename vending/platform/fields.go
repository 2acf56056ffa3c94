package platform

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/vendgate/vendgate/vending"
)

// fields are the values of a credential besides its token, in the server's order.
type fields []vending.Field

var (
	errFields = errors.New("the fields are not an object of named values")
	errValue  = errors.New("a field of the app has a value that is not plain, or a duplicate member")
)

// readFields reads the fields that take wants: each a string, or a number or boolean that counts
// as its JSON text. null is no value. What else the object holds is the server's own affair, be it
// a list or an object. No object at all, as null or the empty list that some languages make of an
// empty object, is no fields.
//
// It reads tokens and not a map: a map would lose the order, and would hide which of two equal
// names won.
func readFields(raw json.RawMessage, take func(name string) bool) (fields, error) {
	if !stated(raw) {
		return nil, nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errFields
	}
	var f fields
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, errFields
		}
		var value json.RawMessage // not decoded: a long number would lose digits
		if err := dec.Decode(&value); err != nil {
			return nil, errFields
		}
		field := vending.Field{}
		if field.Name, _ = name.(string); string(value) == "null" || !take(field.Name) {
			continue
		}
		if f.has(field.Name) || value[0] == '{' || value[0] == '[' {
			return nil, errValue
		}
		if field.Value = string(value); value[0] == '"' {
			field.Value = text(value)
		}
		f = append(f, field)
	}
	return f, nil
}

func (f fields) has(name string) bool {
	for i := range f {
		if f[i].Name == name {
			return true
		}
	}
	return false
}

// blank reports whether no field has a value. One empty among others is fine: HTTP Basic with a
// key as user name has an empty password.
func (f fields) blank() bool {
	for i := range f {
		if f[i].Value != "" {
			return false
		}
	}
	return true
}
