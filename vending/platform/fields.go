package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/vendgate/vendgate/vending"
)

// fields are a key-based credential's values in the server's order. Each is a string, or a
// number or boolean that counts as its JSON text; anything else, and a name that is empty or
// stands twice, makes the answer unreadable.
type fields []vending.Field

var errFields = errors.New("the fields are not an object of named, plain values")

// UnmarshalJSON reads tokens and not a map: a map would lose the order, and would hide which of
// two equal names won.
func (f *fields) UnmarshalJSON(b []byte) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber() // a long number would lose digits as a float64
	open, err := dec.Token()
	if err != nil || open == nil {
		return err
	}
	if open != json.Delim('{') {
		return errFields
	}
	for dec.More() {
		field, err := readField(dec)
		if err != nil {
			return err
		}
		if field.Name == "" || f.has(field.Name) {
			return errFields
		}
		*f = append(*f, field)
	}
	return nil
}

func readField(dec *json.Decoder) (vending.Field, error) {
	name, err := dec.Token()
	if err != nil {
		return vending.Field{}, errFields
	}
	value, err := dec.Token()
	if err != nil {
		return vending.Field{}, errFields
	}
	field := vending.Field{}
	field.Name, _ = name.(string) // "" is refused by the caller
	switch v := value.(type) {
	case string:
		field.Value = v
	case json.Number:
		field.Value = v.String()
	case bool:
		field.Value = strconv.FormatBool(v)
	default:
		return vending.Field{}, errFields
	}
	return field, nil
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
