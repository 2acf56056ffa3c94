package policy

import (
	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// partName reads the value of a part's name, plain and percent-encoded at once. Servers disagree
// about where it ends, so that it is checked at each sign where one of them ends it.
type partName struct {
	steering *Steering
	// whole says that a name in encoded words is refused, and extended that charset and language come
	// first.
	whole, extended bool

	plain   fieldName
	decoded encodedName
	// checked is how many letters of either had come when they were checked last.
	checked int
}

// read checks what value begins with.
func (v *partName) read(value []byte) error {
	quote := byte(0)
	if len(value) > 0 && (value[0] == '"' || value[0] == '\'') {
		quote, value = value[0], value[1:]
	}
	for i, c := range value {
		if v.plain.n > maxCore && v.decoded.n > maxCore || endsName(value, i, quote) {
			break
		}
		switch {
		case v.whole && c == '=' && i+1 < len(value) && value[i+1] == '?':
			return errPieces()
		case v.extended && c == '\'':
			v.plain, v.decoded, v.checked = fieldName{}, encodedName{}, 0
			continue
		case c == '\\': // before a quoted sign
			continue
		case lenient.Letter(rune(c)) == '-' && c != '_' && c != '-' && c != '.' && c != '%' && c != '[' && c != 0:
			if err := v.check(); err != nil {
				return err
			}
		}
		v.plain.add(c)
		v.decoded.add(c)
	}
	return v.check()
}

// endsName reports whether every server ends a name at value[i].
func endsName(value []byte, i int, quote byte) bool {
	switch c := value[i]; {
	case quote != 0:
		return c == quote && (i == 0 || value[i-1] != '\\')
	default:
		return c == ';' || c == ' ' || c == '\t' || c == '\r' || c == '\n'
	}
}

// check refuses what has come so far, if it steers.
func (v *partName) check() error {
	n := v.plain.n + v.decoded.n
	if n == v.checked {
		return nil
	}
	v.checked = n
	if err := v.steering.checkField(&v.plain, inForm); err != nil || v.plain == v.decoded.fieldName {
		return err
	}
	return v.steering.checkField(&v.decoded.fieldName, inForm)
}

func errPieces() error {
	return vending.Refuse(vending.InvalidRequest,
		"a part's name in pieces or encoded words cannot be compared with the rules: write it as plain text")
}
