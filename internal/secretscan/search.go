package secretscan

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Mark is put in the place of a secret.
const Mark = "[redacted]"

const (
	// nestings is how often what looks like base64, hex or UTF-16 is decoded in search of a secret.
	nestings = 3
	// workPerByte bounds the work for each byte of a text. What takes more is built to take it, and
	// is not quoted at all.
	workPerByte = 128
	leastWork   = 1 << 20
	// unfinished is how near the end of a text that breaks off an escape of escapes may have begun
	// that is not whole, in bytes.
	unfinished = 96
	// short is how long an escape is at most that may yet go on where it could also end.
	short = 12
)

// finder finds secrets in a text in all their spellings.
type finder struct {
	*Set
	work  int
	found []span
	// cut is where the beginning of a secret begins that the end of the text cuts off.
	cut int
}

// find returns where secrets stand in text, and where to cut a text that breaks off. ok is false if
// that takes too much work.
func (s *Set) find(text string, broken bool) (found []span, cut int, ok bool) {
	if broken {
		text = withoutPartialRune(text)
	}
	f := finder{Set: s, work: leastWork + workPerByte*len(text), cut: len(text)}
	f.search(decoded{text: text, last: broken}, nestings)
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

// Holds reports whether text holds a secret in any spelling. A text that takes too much work to
// search counts as one that does.
func (s *Set) Holds(text string) bool {
	found, _, ok := s.find(text, false)
	return !ok || len(found) > 0
}

func (f *finder) search(v decoded, depth int) {
	r := unescaper{text: v.text, work: &f.work}
	for _, secret := range f.values {
		if len(secret) >= MinLength {
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

// flatten decodes v without its escapes, layer by layer. It reports whether there are soft line
// breaks.
func (f *finder) flatten(v decoded, r *unescaper, depth int, weak bool) (folded bool) {
	known, bare := v.text, textBuilder{of: v, bare: true}
	for layer := 1; layer <= layers; layer++ {
		bare.bytes = bare.bytes[:0]
		flatten(&bare, r, layer, weak)
		f.work -= len(bare.bytes)
		if string(bare.bytes) == known || f.work < 0 {
			break
		}
		known = string(bare.bytes)
		if folded = folded || foldedLines(known); v.last || f.encoded(known) {
			b := textBuilder{of: v}
			flatten(&b, r, layer, weak)
			f.decode(b.text(v.last), depth-1)
		}
		if !weak && quoted(known) {
			folded = f.flatten(v, r, depth, true) || folded
		}
	}
	return folded
}

// encoded reports whether text may be an encoding as a whole, or have one that is long enough to
// hold a secret.
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

// mark notes where secret occurs in v.
func (f *finder) mark(v decoded, r *unescaper, secret string) {
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
func (f *finder) trim(v decoded, r *unescaper, secret string) {
	for p := range len(v.text) {
		if begins(v.text[p], secret) && r.match(p, secret, true) >= 0 {
			f.cut = min(f.cut, v.span(p, p+1).from)
			return
		}
	}
}

// match returns where secret ends that begins at p, or -1. With open set, it is instead the end of
// the text that has to come first.
func (r *unescaper) match(p int, secret string, open bool) int { return r.goOn(p, secret, open, false) }

// goOn is match; begun says that a part of secret was there before p.
func (r *unescaper) goOn(p int, secret string, open, begun bool) int {
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

func (r *unescaper) goOnEscaped(p int, secret string, open, begun bool) int {
	list := r.at(p, layers)
	for i := len(list) - 1; i >= 0; i-- {
		x := list[i]
		if rest, ok := strings.CutPrefix(secret, string(x.bytes[:x.n])); ok {
			if end := r.goOn(p+x.size, rest, open, true); end >= 0 {
				return end
			}
		}
	}
	if !open || !introduces[r.text[p]] {
		return -1
	}
	if rest := len(r.text) - p; rest < short || rest < unfinished && (begun || nested(list)) {
		return p
	}
	return -1
}

// nested reports whether one of the readings of an escape begins another.
func nested(list []unescaped) bool {
	return slices.ContainsFunc(list[1:], func(x unescaped) bool { return x.n == 1 && introduces[x.bytes[0]] })
}

// decode searches what v, and stretches of it, may be an encoding of.
func (f *finder) decode(v decoded, depth int) {
	f.decodeRuns(v, depth, base64Run)
	f.decodeRuns(v, depth, hexRun)
	if strings.IndexByte(v.text, 0) < 0 && !strings.Contains(v.text, replaced) {
		return
	}
	f.search(withoutNUL(v), depth)
	for _, from := range []int{0, 1} {
		f.search(utf16Text(v, from, 0), depth)
		f.search(utf16Text(v, from, 1), depth)
	}
}

// decodeRuns decodes stretches of v that are made of digits and long enough to hold a secret, or
// stand at the end of a text that breaks off. An encoding may begin at each of the first digits.
func (f *finder) decodeRuns(v decoded, depth int, kind runKind) {
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
				f.search(kind.text(v, start, to, last), depth)
			}
		}
		from = to
	}
}

// Redact returns text with [Mark] in the place of each secret. broken says that text ends before
// what it is from does: what it ends with may be the beginning of a secret, and is left out. ok is
// false if it is the mark alone, for want of time to search it.
func (s *Set) Redact(text string, broken bool) (clean string, ok bool) {
	found, cut, ok := s.find(text, broken)
	switch {
	case !ok:
		return Mark, false
	case len(found) == 0:
		return text[:cut], true
	}
	slices.SortFunc(found, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var b strings.Builder
	done := 0 // what of text is in b, or redacted
	for i := 0; i < len(found); {
		part := found[i]
		for i++; i < len(found) && found[i].from < part.to; i++ {
			part.to = max(part.to, found[i].to)
		}
		if part.from >= cut {
			break
		}
		b.WriteString(text[done:part.from])
		b.WriteString(Mark)
		done = part.to
	}
	b.WriteString(text[min(done, cut):cut])
	return b.String(), true
}
