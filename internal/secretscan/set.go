// Package secretscan finds secrets in text in all their spellings: as they are, and encoded or
// escaped as URLs, forms, JSON, HTML, base64 and others do it, one in another.
//
// It must never log or keep what it searches.
package secretscan

import (
	"strings"
	"unicode/utf8"
)

// MinLength is the length, in bytes, under which a value is only looked for where it is all of a
// text: shorter ones occur by chance.
const MinLength = 6

// Set is a set of values that must not come back, with what is known of all of them.
type Set struct {
	values []string
	// least is how many characters the shortest of them has that is not too short to be looked for.
	least int
	// spaced and wide say that one has a space, or a byte that is no printable ASCII.
	spaced, wide bool
}

// Values are the secrets as they are. The slice must not be changed.
func (s *Set) Values() []string { return s.values }

// Longest is how many bytes the longest spelling has of those that are looked for across the end of
// a limit: a secret as it is or, where it needs escapes, with each byte escaped as in JSON.
func (s *Set) Longest() (longest int) {
	for _, v := range s.values {
		n := len(v)
		if !isPlain(v) {
			n *= len(`\u002F`)
		}
		longest = max(longest, n)
	}
	return longest
}

// isPlain reports whether v needs no escape anywhere.
func isPlain(v string) bool {
	for i := range len(v) {
		if !isAlnum(v[i]) && strings.IndexByte("-_.~", v[i]) < 0 {
			return false
		}
	}
	return true
}

// Add adds a secret.
func (s *Set) Add(value string) {
	if s.values == nil {
		s.values = make([]string, 0, 4) // few credentials have more
	}
	s.values = append(s.values, value)
	if len(value) < MinLength {
		return
	}
	if n := utf8.RuneCountInString(value); s.least == 0 || n < s.least {
		s.least = n
	}
	s.spaced = s.spaced || strings.IndexByte(value, ' ') >= 0
	for i := range len(value) {
		s.wide = s.wide || value[i] < ' ' || value[i] > '~'
	}
}

// MayHold reports whether text may hold a secret. It is true of every text that does, and of hardly
// any other.
func (s *Set) MayHold(text string) bool {
	for _, v := range s.values {
		if len(v) < MinLength {
			if text == v {
				return true
			}
		} else if strings.Contains(text, v) {
			return true
		}
	}
	return s.least > 0 && len(text) >= s.least && disguises(s, text)
}

// disguises reports whether text has an escape, or is encoded for long enough to hold a secret.
func disguises[T string | []byte](s *Set, text T) bool {
	run := 0
	for i := range len(text) {
		c := text[i]
		if base64Digits[c] != 0 {
			if run++; run*3 >= s.least*4 && run >= MinLength {
				return true
			}
			if c != '+' || !s.spaced {
				continue
			}
			return true
		}
		if ' ' <= c && c < utf8.RuneSelf && !introduces[c] {
			run = 0
			continue
		}
		next, after := byte(0), byte(0)
		if i+1 < len(text) {
			next = text[i+1]
		}
		if i+2 < len(text) {
			after = text[i+2]
		}
		switch {
		case c == '\r' || c == '\n':
			continue // within base64
		case c == 0, c == replaced[0] && next == replaced[1], c >= utf8.RuneSelf && s.wide, c == '\\',
			c == '%' && (isHex(next) || next == 'u' || introduces[next]),
			c == '&' && (next == '#' || introduces[next] || entityAt(text, i+1)),
			c == '=' && (next == '\r' || next == '\n' || isHex(next) && isHex(after) && quotes(text, i, next, after)):
			return true
		}
		run = 0
	}
	return false
}

// entityAt reports whether the name of a character reference of HTML begins at i. Parameters of a
// query have no semicolon.
func entityAt[T string | []byte](text T, i int) bool {
	escape := func(c byte) bool { return introduces[c] && c != '&' && c != '=' }
	end := i
	for end < len(text) && end-i < maxEntity && (isAlnum(text[end]) || escape(text[end])) {
		end++
	}
	return end > i && end < len(text) && (text[end] == ';' || escape(text[end]))
}

// quotes tells quoted-printable at i from a digit or a word behind an equals sign: it quotes what
// needs it, or one character after the other.
func quotes[T string | []byte](text T, i int, hi, lo byte) bool {
	c := unhex(hi)<<4 | unhex(lo)
	return c <= ' ' || c == '=' || i+3 < len(text) && text[i+3] == '='
}

// held is MayHold for what was decoded.
func (s *Set) held(text []byte) bool {
	if !s.legibleFor(text) {
		return false
	}
	for _, secret := range s.values {
		for i := 0; len(secret) >= MinLength && i+len(secret) <= len(text); i++ {
			if text[i] == secret[0] && string(text[i:i+len(secret)]) == secret {
				return true
			}
		}
	}
	return disguises(s, text)
}

// legibleFor reports whether as many bytes of text as the shortest secret has may be a part of one,
// one after the other. It looks at the last of so many first: most of what is decoded is no text at
// all.
func (s *Set) legibleFor(text []byte) bool {
	for from := 0; from+s.least <= len(text); {
		i := from + s.least - 1
		for i >= from && s.legible(text[i]) {
			i--
		}
		if i < from {
			return true
		}
		from = i + 1
	}
	return false
}

// legible reports whether c may be a part of a secret in any spelling.
func (s *Set) legible(c byte) bool {
	switch c {
	case 0, '\r', '\n', replaced[0], replaced[1], replaced[2]:
		return true
	}
	return s.wide || ' ' <= c && c <= '~'
}
