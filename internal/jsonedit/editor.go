// Package jsonedit rewrites strings in JSON as it streams, and leaves every other byte as it is.
package jsonedit

import (
	"bytes"
	"strings"
)

const (
	// maxString bounds a name or a value that is looked at, in bytes as it is spelled.
	maxString = 64 << 10
	// maxNesting is how deep JSON may be nested. encoding/json has the same bound.
	maxNesting = 10000
)

// Members are names of members, compiled. A name is what one gets by joining the last names on the
// way to the member with dots, for as many of them as one likes: `next` is every member of that
// name at any depth, `paging.next` one inside a member `paging` and one that has the dot in its
// name. Lists on the way have no name. Names differ by case.
type Members struct {
	names []string
	// spelled are the names again.
	spelled [][]byte
	// longest is the length of the longest, in bytes.
	longest int
}

// NewMembers compiles names.
func NewMembers(names []string) *Members {
	m := &Members{names: names}
	for _, name := range names {
		m.spelled, m.longest = append(m.spelled, []byte(name)), max(m.longest, len(name))
	}
	return m
}

// mayName reports whether a string of JSON, with its quotes, may be a name in one of m. It is true
// of few others, and costs less than to read it.
func (m *Members) mayName(quoted []byte) bool {
	if bytes.IndexByte(quoted, '\\') >= 0 {
		return true
	}
	for _, name := range m.spelled {
		if bytes.Contains(name, quoted[1:len(quoted)-1]) {
			return true
		}
	}
	return false
}

// Editor rewrites the strings that are values of named members, or elements of lists that are, in
// JSON that comes in parts. Every other byte stays what and where it was. It holds nothing but the
// string that it is in. JSON that is invalid passes: what is rewritten of it depends on how far it
// could be read.
type Editor struct {
	members *Members
	edit    func(value string) string
	changed bool

	open []container
	// token is the string that the text is in, from its first quote on, without its end; long says
	// that it began earlier and is let pass.
	token                   []byte
	inString, long, escaped bool
	// lost says that the text is nested too deep, and passes.
	lost bool
}

// NewEditor returns an editor of one text, which calls edit with each value and puts what it
// returns in its place.
func NewEditor(members *Members, edit func(value string) string) *Editor {
	return &Editor{members: members, edit: edit}
}

// Changed reports whether a value was rewritten.
func (e *Editor) Changed() bool { return e.changed }

// container is an object or a list that is open.
type container struct {
	object bool
	// naming says that the next string is the name of a member, which name is then.
	naming bool
	name   string
	// named says that the member's value, or each element, is one to edit.
	named bool
	// outer is where in open the object around this one is, or -1: lists may be many, and have no
	// name.
	outer int
}

// Write appends to dst what becomes of the next part of the text.
func (e *Editor) Write(dst, part []byte) []byte {
	for len(part) > 0 {
		n := 1
		switch {
		case e.lost:
			return append(dst, part...)
		case e.inString:
			dst, n = e.inside(dst, part)
		case part[0] == '"':
			e.inString, e.token = true, append(e.token[:0], '"')
		default:
			dst = append(dst, part[0])
			e.structure(part[0])
		}
		part = part[n:]
	}
	return dst
}

// End appends what is still held when the text ends.
func (e *Editor) End(dst []byte) []byte {
	dst = append(dst, e.token...)
	e.token = nil
	return dst
}

// inside reads on in a string, and returns how much of part belongs to it.
func (e *Editor) inside(dst, part []byte) (out []byte, n int) {
	ends := false
	for n < len(part) && !ends {
		c := part[n]
		ends = c == '"' && !e.escaped
		e.escaped = c == '\\' && !e.escaped
		n++
	}
	e.token = append(e.token, part[:n]...)
	e.long = e.long || len(e.token) > maxString
	switch {
	case ends:
		dst = e.string(dst)
		e.token, e.inString, e.long = e.token[:0], false, false
	case e.long:
		dst = append(dst, e.token...)
		e.token = e.token[:0]
	}
	return dst, n
}

// string appends what becomes of a whole string.
func (e *Editor) string(dst []byte) []byte {
	if len(e.open) == 0 {
		return append(dst, e.token...)
	}
	top := &e.open[len(e.open)-1]
	switch {
	case top.naming:
		top.name, top.named = "", false
		if e.long || !e.members.mayName(e.token) {
			break
		}
		if l, ok := e.literal(len(`\u0000`) * e.members.longest); ok {
			top.name = l.text
			top.named = e.declared()
		}
	case top.named:
		if l, ok := e.literal(maxString); ok {
			if to := e.edit(l.text); to != l.text {
				e.changed = true
				return append(l.append(append(dst, '"'), to), '"')
			}
		}
	}
	return append(dst, e.token...)
}

// literal reads the string that is held whole, if it has at most limit bytes.
func (e *Editor) literal(limit int) (literal, bool) {
	if e.long || len(e.token) < 2 || len(e.token)-2 > limit {
		return literal{}, false
	}
	return parseLiteral(e.token[1 : len(e.token)-1])
}

// structure follows what is no string.
func (e *Editor) structure(c byte) {
	top := len(e.open) - 1
	switch c {
	case '{':
		e.push(container{object: true, naming: true})
	case '[':
		e.push(container{named: top >= 0 && e.open[top].named})
	case '}', ']':
		e.open = e.open[:max(top, 0)]
	case ',':
		if top >= 0 {
			e.open[top].naming = e.open[top].object
		}
	case ':':
		if top >= 0 {
			e.open[top].naming = false
		}
	}
}

func (e *Editor) push(c container) {
	c.outer = e.innermost()
	if e.open = append(e.open, c); len(e.open) > maxNesting {
		e.lost = true
	}
}

// innermost is where in open the object is that the text is in, or -1.
func (e *Editor) innermost() int {
	top := len(e.open) - 1
	if top >= 0 && !e.open[top].object {
		return e.open[top].outer
	}
	return top
}

// declared reports whether the member that the text is at is one of those named.
func (e *Editor) declared() bool {
	for _, member := range e.members.names {
		for i := e.innermost(); i >= 0; i = e.open[i].outer {
			c := &e.open[i]
			if member == c.name {
				return true
			}
			outer, below := strings.CutSuffix(member, c.name)
			if !below || !strings.HasSuffix(outer, ".") {
				break
			}
			member = outer[:len(outer)-1]
		}
	}
	return false
}
