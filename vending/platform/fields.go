package platform

import (
	"encoding/json"
	"errors"

	"github.com/vendgate/vendgate/internal/strictjson"
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
func readFields(raw json.RawMessage, take func(name string) bool) (fields, error) {
	if !stated(raw) {
		return nil, nil
	}
	taken := func(m strictjson.Member) bool { return string(m.Value) != "null" && take(m.Name) }
	members, err := strictjson.Object(raw, func(m strictjson.Member) string {
		if taken(m) {
			return m.Name
		}
		return ""
	})
	var duplicate *strictjson.DuplicateError
	switch {
	case errors.As(err, &duplicate):
		return nil, errValue
	case err != nil:
		return nil, errFields
	}
	var f fields
	for _, m := range members {
		if !taken(m) {
			continue
		}
		if m.Value[0] == '{' || m.Value[0] == '[' {
			return nil, errValue
		}
		field := vending.Field{Name: m.Name, Value: string(m.Value)}
		if m.Value[0] == '"' {
			field.Value = text(m.Value)
		}
		f = append(f, field)
	}
	return f, nil
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
