package secretscan

import (
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// span is a stretch of a text: from its first byte to behind its last one.
type span struct{ from, to int }

// decoded is a text, or what a part of it decodes to.
type decoded struct {
	text string
	// spans are where each byte of text is in the text that was given; nil if this is it.
	spans []span
	// last says that it ends where the given text ends.
	last bool
}

// span returns where text[from:to], which is not empty, is in the text that was given.
func (v decoded) span(from, to int) span {
	if v.spans == nil {
		return span{from, to}
	}
	s := span{v.spans[from].from, v.spans[from].to}
	for _, other := range v.spans[from:to] {
		s.from, s.to = min(s.from, other.from), max(s.to, other.to)
	}
	return s
}

// textBuilder makes one decoded text of another.
type textBuilder struct {
	of decoded
	// bare leaves the spans out, where only the text matters.
	bare  bool
	bytes []byte
	spans []span
}

// add adds bytes that of.text[from:to] decodes to.
func (b *textBuilder) add(text string, from, to int) {
	b.bytes = append(b.bytes, text...)
	if b.bare {
		return
	}
	s := b.of.span(from, to)
	for range len(text) {
		b.spans = append(b.spans, s)
	}
}

func (b *textBuilder) text(last bool) decoded { return decoded{string(b.bytes), b.spans, last} }

// flatten decodes up to depth layers of the escapes of a text; those that are rarely meant only if
// weak says so.
func flatten(b *textBuilder, r *unescaper, depth int, weak bool) {
	v := b.of
	for p := 0; p < len(v.text); {
		list := plain[v.text[p]][:1] // not as Latin-1
		if introduces[v.text[p]] {
			list = r.at(p, depth)
			if rest := len(v.text) - p; v.last && rest < short && (len(list) == 1 || list[len(list)-1].size == rest) {
				return // an escape that is cut off would stand between the end and what it belongs to
			}
		}
		x := list[0]
		for _, other := range list[1:] {
			if !other.weak || weak && other.bytes[0] != ' ' {
				x = other
			}
		}
		b.add(string(x.bytes[:x.n]), p, p+x.size)
		p += x.size
	}
}

// runKind is how a run of digits encodes bytes.
type runKind int

const (
	base64Run runKind = iota // RFC 4648, sections 4 and 5, with line breaks or without
	hexRun                   // section 8
)

func (k runKind) has(c byte) bool {
	if k == hexRun {
		return isHex(c)
	}
	return base64Digits[c] != 0 || c == '\r' || c == '\n'
}

// starts is how many digits belong together at most, so that an encoding begins at one of as many.
func (k runKind) starts() int {
	if k == hexRun {
		return 2
	}
	return 4
}

// bytes is how many bytes so many digits encode.
func (k runKind) bytes(digits int) int {
	if k == hexRun {
		return digits / 2
	}
	return digits * 3 / 4
}

func (k runKind) decode(dst []byte, text string) []byte {
	if k == hexRun {
		return fromHex(dst, text)
	}
	return fromBase64(dst, text)
}

func (k runKind) text(v decoded, from, to int, last bool) decoded {
	if k == hexRun {
		return hexText(v, from, to, last)
	}
	return base64Text(v, from, to, last)
}

// base64Digits are the values of the digits of base64 in both alphabets (RFC 4648, sections 4 and
// 5), plus one.
var base64Digits = func() (table [256]byte) {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(digits) {
		table[digits[i]] = byte(i + 1)
	}
	table['-'], table['_'] = table['+'], table['/']
	return table
}()

// fromBase64 appends what digits decode to; other characters of text are line breaks.
func fromBase64(dst []byte, text string) []byte {
	bits, n := 0, 0
	for i := range len(text) {
		d := base64Digits[text[i]]
		if d == 0 {
			continue
		}
		bits, n = bits<<6&0xffff|int(d-1), n+6
		if n >= 8 {
			n -= 8
			dst = append(dst, byte(bits>>n)) //nolint:gosec // its lowest eight bits are meant
		}
	}
	return dst
}

// base64Text is fromBase64 of v.text[from:to], with where it stood.
func base64Text(v decoded, from, to int, last bool) decoded {
	b := textBuilder{of: v}
	bits, n, begin := 0, 0, from
	for i := from; i < to; i++ {
		d := base64Digits[v.text[i]]
		if d == 0 {
			continue
		}
		if n == 0 {
			begin = i
		}
		bits, n = bits<<6&0xffff|int(d-1), n+6
		if n >= 8 {
			n -= 8
			b.add(string([]byte{byte(bits >> n)}), begin, i+1) //nolint:gosec // its lowest eight bits are meant
			begin = i
		}
	}
	return b.text(last)
}

// fromHex appends what pairs of hex digits decode to (RFC 4648, section 8).
func fromHex(dst []byte, text string) []byte {
	for i := 0; i+1 < len(text); i += 2 {
		dst = append(dst, unhex(text[i])<<4|unhex(text[i+1]))
	}
	return dst
}

// hexText is fromHex of v.text[from:to], with where it stood.
func hexText(v decoded, from, to int, last bool) decoded {
	b := textBuilder{of: v}
	for i := from; i+1 < to; i += 2 {
		b.add(string(fromHex(nil, v.text[i:i+2])), i, i+2)
	}
	return b.text(last)
}

// utf16Text decodes v as UTF-16 from its byte at from on; high is which byte of each pair is the
// higher one.
func utf16Text(v decoded, from, high int) decoded {
	b := textBuilder{of: v}
	unit := func(i int) rune { return rune(v.text[i+high])<<8 | rune(v.text[i+1-high]) }
	for i := from; i+1 < len(v.text); {
		c, end := unit(i), i+2
		if utf16.IsSurrogate(c) {
			if end+1 < len(v.text) {
				c, end = utf16.DecodeRune(c, unit(end)), end+2
			} else {
				c = utf8.RuneError
			}
			if c == utf8.RuneError {
				end = i + 2
			}
		}
		b.add(string(c), i, end)
		i = end
	}
	return b.text(v.last)
}

// replaced is what HTML has in the place of NUL, and many a decoder in that of bytes that it does
// not know.
const replaced = "\uFFFD"

// withoutNUL is v without its bytes that are NUL, or were. Other encodings of ASCII put them in
// between.
func withoutNUL(v decoded) decoded {
	b := textBuilder{of: v}
	for i := 0; i < len(v.text); i++ {
		switch {
		case strings.HasPrefix(v.text[i:], replaced):
			i += len(replaced) - 1
		case v.text[i] != 0:
			b.add(v.text[i:i+1], i, i+1)
		}
	}
	return b.text(v.last)
}

// unfold is v without the soft line breaks of quoted-printable (RFC 2045, section 6.7), which may
// be within an escape, and be escaped themselves up to depth times.
func unfold(v decoded, r *unescaper, depth int) decoded {
	b := textBuilder{of: v}
	for p := 0; p < len(v.text); {
		end := 0
		if introduces[v.text[p]] {
			end = r.softBreak(p, depth)
		}
		if end == 0 {
			b.add(v.text[p:p+1], p, p+1)
			end = p + 1
		}
		p = end
	}
	return b.text(v.last)
}

// softBreak returns where the soft line break at p ends, or 0.
func (r *unescaper) softBreak(p, depth int) (end int) {
	if _, end = r.char(p, depth, func(c byte) bool { return c == '=' }); end == 0 {
		return 0
	}
	if _, after := r.char(end, depth, func(c byte) bool { return c == '\r' }); after > 0 {
		end = after
	}
	_, end = r.char(end, depth, func(c byte) bool { return c == '\n' })
	return end
}
