package inject

import (
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// nestings is how often what looks like base64, hex or UTF-16 is decoded in search of a secret.
	nestings = 3
	// workPerByte bounds the work for each byte of a text. What takes more is built to take it, and is not quoted at all.
	workPerByte = 128
	leastWork   = 1 << 20
	// unfinished is how near the end of a text that breaks off an escape of escapes may have begun that is not whole, in bytes.
	unfinished = 96
	// short is how long an escape is at most that may yet go on where it could also end.
	short = 12
)

// secrets are values that must not come back, with what is known of all of them.
type secrets struct {
	values []string
	// least is how many characters the shortest of them has that is not too short to be looked for.
	least int
	// spaced and wide say that one has a space, or a byte that is no printable ASCII.
	spaced, wide bool
}

func (s *secrets) add(value string) {
	s.values = append(s.values, value)
	if len(value) < minSecret {
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

// in reports whether text may hold a secret. It is true of every text that does, and of hardly any other.
func (s *secrets) in(text string) bool {
	for _, v := range s.values {
		if len(v) < minSecret {
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
func disguises[T string | []byte](s *secrets, text T) bool {
	run := 0
	for i := range len(text) {
		c := text[i]
		if base64Digits[c] != 0 {
			if run++; run*3 >= s.least*4 && run >= minSecret {
				return true
			}
			if c != '+' || !s.spaced {
				continue
			}
			return true
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

// entityAt reports whether the name of a character reference of HTML begins at i. Parameters of a query have no semicolon.
func entityAt[T string | []byte](text T, i int) bool {
	end := i
	for end < len(text) && end-i < maxEntity && (isAlnum(text[end]) || introduces[text[end]] && text[end] != '&' && text[end] != '=') {
		end++
	}
	return end > i && end < len(text) && (text[end] == ';' || introduces[text[end]] && text[end] != '&' && text[end] != '=')
}

// quotes tells quoted-printable at i from a digit or a word behind an equals sign: it quotes what needs it, or one character after the other.
func quotes[T string | []byte](text T, i int, hi, lo byte) bool {
	c := unhex(hi)<<4 | unhex(lo)
	return c <= ' ' || c == '=' || i+3 < len(text) && text[i+3] == '='
}

// finder finds secrets in a text in all their spellings.
type finder struct {
	*secrets
	work  int
	found []span
	// cut is where the beginning of a secret begins that the end of the text cuts off.
	cut int
}

// find returns where secrets stand in text, and where to cut a text that breaks off. ok is false if that takes too much work.
func (s *secrets) find(text string, broken bool) (found []span, cut int, ok bool) {
	if broken {
		text = withoutPartialRune(text)
	}
	f := finder{secrets: s, work: leastWork + workPerByte*len(text), cut: len(text)}
	f.search(view{text: text, last: broken}, nestings)
	return f.found, f.cut, f.work >= 0
}

// withoutPartialRune is text without a character at its end that is cut off.
func withoutPartialRune(text string) string {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if rest := text[len(text)-n:]; utf8.RuneStart(rest[0]) {
			if !utf8.FullRuneInString(rest) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}

func (f *finder) search(v view, depth int) {
	r := reader{text: v.text, work: &f.work}
	for _, secret := range f.values {
		if len(secret) >= minSecret {
			f.mark(v, &r, secret)
		} else if v.spans == nil && r.match(0, secret, false) == len(v.text) {
			f.found = append(f.found, span{0, len(v.text)})
		}
		if v.last {
			f.trim(v, &r, secret)
		}
	}
	if depth == 0 || f.work < 0 {
		return
	}
	f.decode(v, depth-1)
	if !strings.ContainsAny(v.text, `%\&=`) {
		return
	}
	folded := f.flatten(v, &r, depth, false) || foldedLines(v.text)
	if quoted(v.text) {
		folded = f.flatten(v, &r, depth, true) || folded
	}
	for layer := 0; folded && layer <= layers; layer += layers {
		if unfolded := unfold(v, &r, layer); unfolded.text != v.text {
			f.search(unfolded, depth-1)
		}
	}
}

// flatten decodes v without its escapes, layer by layer. It reports whether there are soft line breaks.
func (f *finder) flatten(v view, r *reader, depth int, weak bool) (folded bool) {
	known, bare := v.text, viewBuilder{of: v, bare: true}
	for layer := 1; layer <= layers; layer++ {
		bare.bytes = bare.bytes[:0]
		flatten(&bare, r, layer, weak)
		f.work -= len(bare.bytes)
		if string(bare.bytes) == known || f.work < 0 {
			break
		}
		known = string(bare.bytes)
		if folded = folded || foldedLines(known); v.last || f.encoded(known) {
			b := viewBuilder{of: v}
			flatten(&b, r, layer, weak)
			f.decode(b.view(v.last), depth-1)
		}
		if !weak && quoted(known) {
			folded = f.flatten(v, r, depth, true) || folded
		}
	}
	return folded
}

// encoded reports whether text may be an encoding as a whole, or have one that is long enough to hold a secret.
func (f *finder) encoded(text string) bool {
	run := 0
	for i := range len(text) {
		switch c := text[i]; {
		case base64Digits[c] != 0:
			if run++; run*3 >= f.least*4 {
				return true
			}
		case c == 0 || c == replaced[0] && strings.HasPrefix(text[i:], replaced):
			return true
		case c != '\r' && c != '\n':
			run = 0
		}
	}
	return false
}

// foldedLines reports whether text has a soft line break.
func foldedLines(text string) bool {
	return strings.Contains(text, "=\n") || strings.Contains(text, "=\r\n")
}

// quoted reports whether text has characters in quoted-printable, one after the other.
func quoted(text string) bool {
	for i := 0; i+3 < len(text); i++ {
		if text[i] == '=' && text[i+3] == '=' && isHex(text[i+1]) && isHex(text[i+2]) {
			return true
		}
	}
	return false
}

// mark notes where secret stands in v.
func (f *finder) mark(v view, r *reader, secret string) {
	f.work -= len(v.text)
	for p := 0; p < len(v.text); {
		end := -1
		if begins(v.text[p], secret) {
			end = r.match(p, secret, false)
		}
		if end < 0 {
			p++
			continue
		}
		f.found = append(f.found, v.span(p, end))
		p = end
	}
}

// begins reports whether secret may begin at a byte c.
func begins(c byte, secret string) bool {
	return c == secret[0] || introduces[c] || c >= utf8.RuneSelf && secret[0] >= utf8.RuneSelf
}

// trim notes where v ends in a beginning of secret.
func (f *finder) trim(v view, r *reader, secret string) {
	for p := range len(v.text) {
		if begins(v.text[p], secret) && r.match(p, secret, true) >= 0 {
			f.cut = min(f.cut, v.span(p, p+1).from)
			return
		}
	}
}

// match returns where secret ends that begins at p, or -1. With open set, it is instead the end of the text that has to come first.
func (r *reader) match(p int, secret string, open bool) int { return r.goOn(p, secret, open, false) }

// goOn is match; begun says that a part of secret was there before p.
func (r *reader) goOn(p int, secret string, open, begun bool) int {
	for secret != "" {
		if p == len(r.text) {
			if open {
				return p
			}
			return -1
		}
		if *r.work--; *r.work < 0 {
			return -1
		}
		c := r.text[p]
		if introduces[c] || c >= utf8.RuneSelf {
			return r.goOnEscaped(p, secret, open, begun)
		}
		if c != secret[0] {
			return -1
		}
		p, secret, begun = p+1, secret[1:], true
	}
	if open {
		return -1
	}
	return p
}

func (r *reader) goOnEscaped(p int, secret string, open, begun bool) int {
	list := r.at(p, layers)
	for i := len(list) - 1; i >= 0; i-- {
		x := list[i]
		if rest, ok := strings.CutPrefix(secret, string(x.bytes[:x.n])); ok {
			if end := r.goOn(p+int(x.size), rest, open, true); end >= 0 {
				return end
			}
		}
	}
	if rest := len(r.text) - p; open && introduces[r.text[p]] && (rest < short || rest < unfinished && (begun || nested(list))) {
		return p
	}
	return -1
}

// nested reports whether one of the readings of an escape begins another.
func nested(list []reading) bool {
	return slices.ContainsFunc(list[1:], func(x reading) bool { return x.n == 1 && introduces[x.bytes[0]] })
}

// decode searches what v, and stretches of it, may be an encoding of.
func (f *finder) decode(v view, depth int) {
	f.decodeRuns(v, depth, base64Run)
	f.decodeRuns(v, depth, hexRun)
	if strings.IndexByte(v.text, 0) < 0 && !strings.Contains(v.text, replaced) {
		return
	}
	f.search(withoutNUL(v), depth)
	for _, from := range []int{0, 1} {
		f.search(utf16View(v, from, 0), depth)
		f.search(utf16View(v, from, 1), depth)
	}
}

// decodeRuns decodes stretches of v that are made of digits and long enough to hold a secret, or stand at the end of a text
// that breaks off. An encoding may begin at each of the first digits.
func (f *finder) decodeRuns(v view, depth int, kind runKind) {
	var room [512]byte
	for from := 0; from < len(v.text); from++ {
		to := from
		for to < len(v.text) && kind.has(v.text[to]) {
			to++
		}
		last := v.last && to == len(v.text)
		for start := from; (last || kind.bytes(to-from) >= f.least) && start < min(from+kind.starts(), to); start++ {
			f.work -= to - start
			if f.work < 0 {
				return
			}
			if last || f.held(kind.decode(room[:0], v.text[start:to])) {
				f.search(kind.view(v, start, to, last), depth)
			}
		}
		from = to
	}
}

// held is in for what was decoded.
func (f *finder) held(text []byte) bool {
	run := 0
	for _, c := range text {
		if run++; !f.legible(c) {
			run = 0
		} else if run == f.least {
			break
		}
	}
	if run < f.least {
		return false
	}
	for _, secret := range f.values {
		for i := 0; len(secret) >= minSecret && i+len(secret) <= len(text); i++ {
			if text[i] == secret[0] && string(text[i:i+len(secret)]) == secret {
				return true
			}
		}
	}
	return disguises(f.secrets, text)
}

// legible reports whether c may be a part of a secret in any spelling.
func (f *finder) legible(c byte) bool {
	switch c {
	case 0, '\r', '\n', replaced[0], replaced[1], replaced[2]:
		return true
	}
	return f.wide || ' ' <= c && c <= '~'
}
