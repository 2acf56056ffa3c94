package jsonedit

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// literal is the text of a string of JSON, and how its author spelled what they escaped.
type literal struct {
	text string
	// escapes are the spellings of characters that were escaped; nil if none was.
	escapes map[rune]string
}

// parseLiteral decodes what is between the quotes of a string (RFC 8259, section 7). It is not
// ok for what is no valid UTF-8, or holds half of a surrogate pair.
func parseLiteral(raw []byte) (l literal, ok bool) {
	if !utf8.Valid(raw) {
		return l, false
	}
	text := string(raw)
	if strings.IndexByte(text, '\\') < 0 {
		return literal{text: text}, true
	}
	var b strings.Builder
	l.escapes = make(map[rune]string)
	for text != "" {
		c, size := utf8.DecodeRuneInString(text)
		if c == '\\' {
			if c, size, ok = unescape(text); !ok {
				return l, false
			}
			l.escapes[c] = text[:size]
		}
		b.WriteRune(c)
		text = text[size:]
	}
	l.text = b.String()
	return l, true
}

// plainEscapes are the escapes of one character.
var plainEscapes = map[byte]rune{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape reads the escape that text begins with.
func unescape(text string) (c rune, size int, ok bool) {
	if len(text) < 2 {
		return 0, 0, false
	}
	if text[1] != 'u' {
		c, ok = plainEscapes[text[1]]
		return c, 2, ok
	}
	if c, ok = codeUnit(text); !ok || !utf16.IsSurrogate(c) {
		return c, 6, ok
	}
	low, ok := codeUnit(text[6:])
	c = utf16.DecodeRune(c, low)
	return c, 12, ok && c != utf8.RuneError
}

// codeUnit reads `\uXXXX`.
func codeUnit(text string) (unit rune, ok bool) {
	if len(text) < 6 || text[:2] != `\u` {
		return 0, false
	}
	n, err := strconv.ParseUint(text[2:6], 16, 16)
	return rune(n), err == nil
}

// append appends text as a string of JSON without its quotes, escaped as l was.
func (l literal) append(dst []byte, text string) []byte {
	for _, c := range text {
		switch spelled, ok := l.escapes[c]; {
		case ok:
			dst = append(dst, spelled...)
		case c == '"' || c == '\\':
			dst = append(dst, '\\', byte(c))
		case c < ' ':
			dst = fmt.Appendf(dst, `\u%04x`, c)
		default:
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
}
