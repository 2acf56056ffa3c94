package secretscan

import (
	"html"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// layers is how often a text may be escaped over and still be read: JSON in JSON in a URL is three
// times.
const layers = 4

// unescaped is one thing that size bytes of a text may stand for: up to four bytes.
type unescaped struct {
	bytes [4]byte
	n     uint8
	// weak readings are rarely meant: a plus sign for a space, quoted-printable.
	weak bool
	size int
}

// unescaper reads the characters of a text in every spelling that URLs (RFC 3986, section 2.1),
// forms, JSON and JavaScript, HTML and quoted-printable (RFC 2045, section 6.7) have for them, in
// any mixture and several layers deep. A text can be read in more than one way, and only who wrote
// it knows which is meant, so that all are offered.
type unescaper struct {
	text string
	// memo has the readings where an escape may begin, by position and layers.
	memo map[int][]unescaped
	// work is what is left of the bound on all that is done for a text.
	work *int
}

// introduces are the bytes that may begin an escape.
var introduces = [256]bool{'%': true, '\\': true, '&': true, '=': true, '+': true}

// plain are the readings of a byte as itself; beyond ASCII it may be a character of Latin-1, too.
var plain = func() (table [256][]unescaped) {
	for c := range table {
		table[c] = appendByte(nil, byte(c), 1, false)
	}
	return table
}()

func appendByte(list []unescaped, c byte, size int, weak bool) []unescaped {
	list = appendReading(list, unescaped{bytes: [4]byte{c}, n: 1, size: size, weak: weak})
	if c >= utf8.RuneSelf {
		list = appendRune(list, rune(c), size)
	}
	return list
}

func appendRune(list []unescaped, c rune, size int) []unescaped {
	x := unescaped{size: size}
	x.n = uint8(utf8.EncodeRune(x.bytes[:], c)) //nolint:gosec // at most four
	return appendReading(list, x)
}

// appendReading adds x unless a shallower layer had it already.
func appendReading(list []unescaped, x unescaped) []unescaped {
	if slices.Contains(list, x) {
		return list
	}
	return append(list, x)
}

// at returns what may begin at p, undoing up to depth layers of escapes. The deepest reading is the
// last.
func (r *unescaper) at(p, depth int) []unescaped {
	c := r.text[p]
	if depth == 0 || !introduces[c] {
		return plain[c]
	}
	key := p*(layers+1) + depth
	if list, ok := r.memo[key]; ok {
		return list
	}
	*r.work--
	if *r.work < 0 {
		return plain[c]
	}
	shallow := r.at(p, depth-1)
	list := shallow[:len(shallow):len(shallow)]
	for _, lead := range shallow {
		if lead.n == 1 && introduces[lead.bytes[0]] {
			list = r.appendEscape(list, lead.bytes[0], p, p+lead.size, depth-1)
		}
	}
	if next := p + 1; len(list) > 1 || next < len(r.text) && introduces[r.text[next]] {
		if r.memo == nil {
			r.memo = make(map[int][]unescaped)
		}
		r.memo[key] = list
	}
	return list
}

// appendEscape adds what the escape at p stands for; q follows its first character.
func (r *unescaper) appendEscape(list []unescaped, lead byte, p, q, depth int) []unescaped {
	switch lead {
	case '%':
		if v, end := r.hex(q, depth, 2, 2); end > 0 {
			return appendByte(list, byte(v), end-p, false) //nolint:gosec // two digits
		}
		if _, end := r.char(q, depth, isLowerU); end > 0 { // of JavaScript's escape()
			return r.appendUnit(list, '%', p, end, depth)
		}
	case '\\':
		return r.appendBackslash(list, p, q, depth)
	case '&':
		return r.appendEntity(list, p, q, depth)
	case '=':
		if v, end := r.hex(q, depth, 2, 2); end > 0 {
			return appendByte(list, byte(v), end-p, true) //nolint:gosec // two digits
		}
	case '+':
		return appendReading(list, unescaped{bytes: [4]byte{' '}, n: 1, size: q - p, weak: true})
	}
	return list
}

// controls are the letters that stand for control characters after a backslash.
var controls = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'f': '\f', 'v': '\v', 'a': '\a', 'e': 0x1b}

// appendBackslash reads the escapes of JSON (RFC 8259, section 7), JavaScript, and languages like
// it.
func (r *unescaper) appendBackslash(list []unescaped, p, q, depth int) []unescaped {
	if v, end := r.number(q, depth, 8, 1, 3); end > 0 {
		return appendByte(list, byte(v), end-p, false) //nolint:gosec // more than 255 is no escape anywhere
	}
	c, after := r.char(q, depth, isASCII)
	switch {
	case after == 0:
	case c == 'u' || c == 'x':
		if v, end := r.braced(after, depth); end > 0 {
			return appendRune(list, v, end-p)
		}
		if c == 'u' {
			return r.appendUnit(list, '\\', p, after, depth)
		}
		if v, end := r.hex(after, depth, 2, 2); end > 0 {
			return appendByte(list, byte(v), end-p, false) //nolint:gosec // two digits
		}
	case c == 'U':
		if v, end := r.hex(after, depth, 8, 8); end > 0 {
			return appendRune(list, v, end-p)
		}
	case controls[c] != 0:
		return appendByte(list, controls[c], after-p, false)
	case !isAlnum(c):
		// No program escapes a percent sign by a backslash that may be one itself.
		return appendByte(list, c, after-p, introduces[c] && c != '\\')
	}
	return list
}

// braced reads `{1F511}`.
func (r *unescaper) braced(p, depth int) (v rune, end int) {
	if _, p = r.char(p, depth, func(c byte) bool { return c == '{' }); p == 0 {
		return 0, 0
	}
	if v, p = r.hex(p, depth, 1, 8); p == 0 {
		return 0, 0
	}
	_, end = r.char(p, depth, func(c byte) bool { return c == '}' })
	return v, end
}

// appendUnit reads four digits, which are half of a character where they are a surrogate: the other
// half follows in the same spelling.
func (r *unescaper) appendUnit(list []unescaped, lead byte, p, q, depth int) []unescaped {
	v, end := r.hex(q, depth, 4, 4)
	if end == 0 {
		return list
	}
	if utf16.IsSurrogate(v) {
		low, after := r.unit(end, depth, lead)
		if v = utf16.DecodeRune(v, low); after == 0 || v == utf8.RuneError {
			return list
		}
		end = after
	}
	return appendRune(list, v, end-p)
}

func (r *unescaper) unit(p, depth int, lead byte) (v rune, end int) {
	if _, p = r.char(p, depth, func(c byte) bool { return c == lead }); p == 0 {
		return 0, 0
	}
	if _, p = r.char(p, depth, isLowerU); p == 0 {
		return 0, 0
	}
	return r.hex(p, depth, 4, 4)
}

// maxEntity bounds the name of a character reference of HTML; the longest has 31 letters.
const maxEntity = 32

// appendEntity reads the character references of HTML and XML. A semicolon may be missing, as it
// may to browsers.
func (r *unescaper) appendEntity(list []unescaped, p, q, depth int) []unescaped {
	if _, digits := r.char(q, depth, func(c byte) bool { return c == '#' }); digits > 0 {
		v, end := r.number(digits, depth, 10, 1, 9)
		if _, x := r.char(digits, depth, func(c byte) bool { return c|0x20 == 'x' }); x > 0 {
			v, end = r.hex(x, depth, 1, 8)
		}
		if end == 0 {
			return list
		}
		if _, after := r.char(end, depth, isSemicolon); after > 0 {
			end = after
		}
		return appendRune(list, v, end-p)
	}
	name := make([]byte, 1, maxEntity+2)
	name[0] = '&'
	for len(name) <= maxEntity {
		c, next := r.char(q, depth, isAlnum)
		if next == 0 {
			break
		}
		name, q = append(name, c), next
	}
	_, end := r.char(q, depth, isSemicolon)
	if end == 0 {
		return list
	}
	name = append(name, ';')
	if text := html.UnescapeString(string(name)); len(text) <= 4 && text[0] != '&' || text == "&" {
		x := unescaped{n: uint8(len(text)), size: end - p} //nolint:gosec // at most four
		copy(x.bytes[:], text)
		list = appendReading(list, x)
	}
	return list
}

// char returns the ASCII character at p that ok takes, in its deepest reading, and where it ends; 0
// if there is none.
func (r *unescaper) char(p, depth int, ok func(byte) bool) (c byte, end int) {
	if p >= len(r.text) {
		return 0, 0
	}
	list := r.at(p, depth)
	for i := len(list) - 1; i >= 0; i-- {
		if x := &list[i]; x.n == 1 && ok(x.bytes[0]) {
			return x.bytes[0], p + x.size
		}
	}
	return 0, 0
}

func (r *unescaper) hex(p, depth, least, most int) (v rune, end int) {
	return r.number(p, depth, 16, least, most)
}

// number reads least to most digits; end is 0 if there are fewer.
func (r *unescaper) number(p, depth int, base rune, least, most int) (v rune, end int) {
	digit := isHex
	if base <= 10 {
		digit = func(c byte) bool { return '0' <= c && rune(c) < '0'+base }
	}
	for n := range most {
		c, next := r.char(p, depth, digit)
		if next == 0 && n < least {
			return 0, 0
		}
		if next == 0 {
			break
		}
		v, p = v*base+rune(unhex(c)), next
	}
	return v, p
}

func isASCII(c byte) bool     { return c < utf8.RuneSelf }
func isLowerU(c byte) bool    { return c == 'u' }
func isSemicolon(c byte) bool { return c == ';' }

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
