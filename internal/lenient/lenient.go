// Package lenient reads names and escapes as the most lenient servers do, so that what checks,
// cleans and redacts requests agrees on what another program may take them for.
//
// It must never be used to make a request: what goes out keeps the caller's spelling.
package lenient

import "strings"

// Decode decodes each valid percent triplet of s, once, and leaves the others (RFC 3986, section
// 2.1, would have them refused).
func Decode(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, ok := Hex(s[i+1], s[i+2]); ok {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Hex returns the byte that two hex digits stand for. It is not ok if either is another character.
func Hex(hi, lo byte) (c byte, ok bool) {
	h, l := digit(hi), digit(lo)
	return h<<4 | l, h < 16 && l < 16
}

// digit returns the value of a hex digit, and 16 for any other character.
func digit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// Header returns one spelling for all header names that servers confuse: case, `_` and, in the
// variables of PHP, lighttpd and CGI, any other sign for `-`, and those at either end.
func Header(name string) string { return strings.Trim(strings.Map(Letter, name), "-") }

// Letter is [Header] for one character of a name.
func Letter(r rune) rune {
	switch {
	case 'A' <= r && r <= 'Z':
		return r | 0x20
	case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r >= 0x80:
		return r
	}
	return '-'
}

// DecodeAll decodes s until nothing of it is a percent triplet any more, however often it was
// encoded, in time linear in its length.
func DecodeAll(s string) string {
	first := strings.IndexByte(s, '%')
	if first < 0 {
		return s
	}
	b := append(make([]byte, 0, len(s)), s[:first]...)
	for i := first; i < len(s); i++ {
		b = append(b, s[i])
		for n := len(b); n >= 3 && b[n-3] == '%'; n = len(b) {
			c, ok := Hex(b[n-2], b[n-1])
			if !ok {
				break
			}
			b = append(b[:n-3], c)
		}
	}
	return string(b)
}
