package policy

import "strconv"

// maxDepth bounds how deep a JSON body may be nested, which its reader keeps count of.
const maxDepth = 1000

// jsonReader reads the names of the members of a body that is one JSON object (RFC 8259). Servers
// take a method from the body's own members; names that the app's entry declares may be deeper
// (Asana's `{"options":{"method":…}}`).
type jsonReader struct {
	steering *Steering
	// inObject says of each level whether it is an object, or else an array.
	inObject []bool
	// done says that the body is no object, or that its end was read.
	done bool
	// inString and isName say what the next byte belongs to, and mayBeName that the next string is a
	// name.
	inString, isName, mayBeName bool
	name                        fieldName
	// escape holds what there is of an escape.
	escape []byte
}

func (r *jsonReader) write(p []byte) error {
	for _, c := range p {
		switch {
		case r.done:
			return nil
		case c == 0 && len(r.inObject) > 0:
			// Half of a character may look like a quote.
			return refuse("JSON in UTF-16 or UTF-32 cannot be compared with the rules: send UTF-8")
		case c == 0:
		case r.inString:
			if err := r.stringByte(c); err != nil {
				return err
			}
		default:
			r.byteBetween(c)
		}
		if len(r.inObject) > maxDepth {
			return refuse("JSON that is nested more than 1000 levels deep cannot be compared with the rules")
		}
	}
	return nil
}

func (r *jsonReader) end() error { return nil }

// byteBetween takes a byte outside of strings.
func (r *jsonReader) byteBetween(c byte) {
	switch c {
	case '"':
		r.inString, r.isName, r.name = true, r.mayBeName, fieldName{}
		r.done = len(r.inObject) == 0
	case '{', '[':
		r.mayBeName = c == '{'
		r.done = c == '[' && len(r.inObject) == 0
		r.inObject = append(r.inObject, r.mayBeName)
	case '}', ']':
		r.inObject = r.inObject[:max(len(r.inObject)-1, 0)]
		r.mayBeName, r.done = false, len(r.inObject) == 0
	case ',':
		r.mayBeName = len(r.inObject) > 0 && r.inObject[len(r.inObject)-1]
	case ':':
		r.mayBeName = false
	case ' ', '\t', '\r', '\n', 0xEF, 0xBB, 0xBF, 0xFE, 0xFF: // white space, and byte order marks
	default:
		r.done = len(r.inObject) == 0
	}
}

// stringByte takes a byte of a string and checks a name at its end.
func (r *jsonReader) stringByte(c byte) error {
	switch {
	case len(r.escape) > 0:
		r.escapeByte(c)
	case c == '\\':
		r.escape = append(r.escape, c)
	case c == '"':
		r.inString = false
		switch {
		case !r.isName:
		case len(r.inObject) == 1:
			return r.steering.checkField(&r.name, inJSON)
		default:
			return r.steering.checkField(&r.name, deepInJSON)
		}
	case r.isName:
		r.name.add(c)
	}
	return nil
}

// escapeByte takes the next byte of an escape (RFC 8259, section 7).
func (r *jsonReader) escapeByte(c byte) {
	r.escape = append(r.escape, c)
	if r.escape[1] != 'u' {
		r.escape = r.escape[:0]
		r.name.add(c)
		return
	}
	if len(r.escape) < len(`\uXXXX`) {
		return
	}
	if unit, err := strconv.ParseUint(string(r.escape[2:]), 16, 16); err == nil && unit < 0x80 {
		r.name.add(byte(unit))
	} else {
		r.name.add('?')
	}
	r.escape = r.escape[:0]
}
