package pipedream

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"
)

// members reads an object by the exact names of its members. A duplicate name, or one that is
// one of read but for the case of its letters, is an error: what others take for the account's end
// user must not be another than what is compared here, and encoding/json by itself would take the
// last of either.
func members(raw []byte, read ...string) (map[string]json.RawMessage, error) {
	if !isObject(raw) || !json.Valid(raw) {
		return nil, errShape
	}
	all := make(map[string]json.RawMessage)
	d := json.NewDecoder(bytes.NewReader(raw))
	_, err := d.Token() // the brace
	for err == nil && d.More() {
		var token json.Token
		var value json.RawMessage
		if token, err = d.Token(); err == nil {
			err = d.Decode(&value)
		}
		name, _ := token.(string)
		_, twice := all[name]
		if twice || slices.ContainsFunc(read, func(r string) bool { return r != name && strings.EqualFold(r, name) }) {
			return nil, errShape
		}
		all[name] = value
	}
	if err != nil {
		return nil, errShape
	}
	return all, nil
}

func present(raw json.RawMessage) bool { return len(raw) > 0 && string(raw) != "null" }

// isObject reports whether raw may be an object, in UTF-8: encoding/json would replace what is not,
// and so change a credential in silence.
func isObject(raw []byte) bool {
	return utf8.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}
