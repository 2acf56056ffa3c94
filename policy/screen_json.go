package policy

import "strconv"

// jsonReader reads the names of the members of a body that is one JSON object (RFC 8259). Of what those
// hold it reads no names: servers take a method from the body's own members.
type jsonReader struct {
	steering *Steering
	depth    int
	// done says that the body is no object, or that its end was read.
	done bool
	// inString and isName say what the next byte belongs to, and mayBeName that the next string is a name.
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
		case c == 0: // UTF-16
		case r.inString:
			if err := r.stringByte(c); err != nil {
				return err
			}
		default:
			r.byteBetween(c)
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
		r.done = r.depth == 0
	case '{', '[':
		r.depth++
		r.mayBeName = c == '{' && r.depth == 1
		r.done = c == '[' && r.depth == 1
	case '}', ']':
		r.depth--
		r.mayBeName, r.done = false, r.depth <= 0
	case ',':
		r.mayBeName = r.depth == 1
	case ':':
		r.mayBeName = false
	case ' ', '\t', '\r', '\n', 0xEF, 0xBB, 0xBF, 0xFE, 0xFF: // white space, and byte order marks
	default:
		r.done = r.depth == 0
	}
}

// stringByte takes a byte of a string and judges a name at its end.
func (r *jsonReader) stringByte(c byte) error {
	switch {
	case len(r.escape) > 0:
		r.escapeByte(c)
	case c == '\\':
		r.escape = append(r.escape, c)
	case c == '"':
		r.inString = false
		if r.isName {
			return r.steering.judge(&r.name, inJSON)
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
