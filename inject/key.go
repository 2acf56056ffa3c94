package inject

import (
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/internal/secretscan"
	"github.com/vendgate/vendgate/vending"
)

// Key is the key that a caller was let in by, which must not reach a provider. The zero Key is
// nowhere.
type Key struct{ text string }

// minKey is the length, in bytes, under which a key of an operator's own making could be in a text
// by chance: it is not looked for.
const minKey = 16

// NewKey wraps an accepted key: base62 with underscores, as tenant keys and caller keys are.
func NewKey(text string) Key {
	if len(text) < minKey {
		return Key{}
	}
	return Key{text}
}

// maxSpelled bounds the texts, in bytes, in which the rarer spellings of a key are looked for: what
// finds them takes 100 times as long.
const maxSpelled = 4 << 10

// maxSpelledOfRequest is the same for all texts of a request together that look like such a
// spelling. Budgets do not bound this search: it comes before them.
const maxSpelledOfRequest = 16 << 10

// In reports whether text holds the key: as it is, percent-encoded however often, or in base64 at
// any alignment, alone or within something else such as `user:key`. In a text of up to 4 KiB it
// also finds what [Injection.ScrubBody] would find a credential in, such as base64 of base64, and
// one that takes too much work to search counts as one that holds the key.
func (k Key) In(text string) bool {
	s := keySearch{k, maxSpelled}
	return s.in(text)
}

// keySearch is a search for key in several texts.
type keySearch struct {
	Key
	left int // of the texts that may be searched for rarer spellings, in bytes
}

// in is [Key.In], as far as the rarer spellings may be looked for.
func (s *keySearch) in(text string) bool {
	k := s.Key
	if k.text == "" || len(text) < len(k.text) {
		return false
	}
	if strings.Contains(text, k.text) {
		return true
	}
	if mayDecode(text) {
		if text = lenient.DecodeAll(text); strings.Contains(text, k.text) {
			return true
		}
	}
	if len(text) > maxSpelled {
		return k.inBase64(text)
	}
	run := longestRun(text)
	if run >= minEncoded && strings.ToLower(text) != text && k.inBase64(text) { // a digest has no upper case
		return true
	}
	if run < minEncodedTwice && !mayUnescape(text) || len(text) > s.left {
		return false
	}
	s.left -= len(text)
	var spelled secretscan.Set
	spelled.Add(k.text)
	return spelled.Holds(text)
}

// mayDecode reports whether text has a percent triplet that stands for what a key, or an encoding
// of one, may consist of.
func mayDecode(text string) bool {
	for {
		i := strings.IndexByte(text, '%')
		if i < 0 || i+2 >= len(text) {
			return false
		}
		c, ok := lenient.Hex(text[i+1], text[i+2])
		if ok && (isAlnum(c) || strings.IndexByte(`_-+/%\&=`, c) >= 0) {
			return true
		}
		text = text[i+1:]
	}
}

// mayUnescape reports whether text has an escape of JSON or HTML that may stand for a letter, a
// digit or an underscore.
func mayUnescape(text string) bool {
	for _, escape := range []string{`\u00`, `\x`, `\U`, `%u00`, "&#", "&lowbar;", "&UnderBar;"} {
		if strings.Contains(text, escape) {
			return true
		}
	}
	return false
}

const (
	// minEncoded is how many digits an encoding of a key has, one after the other, at least. A line
	// break may be in their middle.
	minEncoded = 30
	// minEncodedTwice is the same for what is encoded twice, and for hexadecimal digits.
	minEncodedTwice = 80
)

// longestRun is the length of the longest stretch of text of letters and digits, all that base64
// makes of a key; it is enough to know if that is minEncodedTwice.
func longestRun(text string) (longest int) {
	run := 0
	for i := 0; i < len(text) && longest < minEncodedTwice; i++ {
		if run++; !isAlnum(text[i]) {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// inBase64 looks for what base64 makes of the key at each alignment (RFC 4648, sections 4 and 5,
// which agree on it), less the digits that the bytes around it have a part in. Half of it is
// enough: lines may be broken.
func (k Key) inBase64(text string) bool {
	for before := range 3 {
		digits := base64.RawStdEncoding.EncodeToString([]byte("  "[:before] + k.text))
		digits = digits[(before*8+5)/6 : (before+len(k.text))*8/6]
		if half := len(digits) / 2; strings.Contains(text, digits[:half]) || strings.Contains(text, digits[half:]) {
			return true
		}
	}
	return false
}

// inName is In for the name of a header, whose case HTTP does not keep.
func (k Key) inName(name string) bool {
	return k.text != "" && len(name) >= len(k.text) && strings.Contains(strings.ToLower(name), strings.ToLower(k.text))
}

// Elsewhere reports where key is in what p would send of a request, which is what the caller sent
// without the places that p clears. Of trailer there are only the names yet. where is empty if it
// is nowhere.
func (p *Placement) Elsewhere(key Key, h, trailer http.Header, rawPath, rawQuery string) (where string) {
	p, path := p.placing(rawPath)
	search := keySearch{key, maxSpelledOfRequest}
	if search.in(path) {
		return "the path"
	}
	if query := p.cleanQuery(rawQuery); search.in(query) {
		return search.parameter(query)
	}
	for name, values := range h {
		if key.inName(name) {
			return "the name of a header"
		}
		for _, v := range values {
			if len(v) >= len(key.text) && search.in(v) && p.MayCarry(name) {
				return "the header " + name
			}
		}
	}
	for name := range trailer {
		if key.inName(name) {
			return "the name of a trailer"
		}
	}
	return ""
}

// parameter names the parameter of a query that holds the key.
func (s *keySearch) parameter(query string) string {
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if name = lenientDecode(name); s.in(value) && tellableName(name) && !s.in(name) {
			return "the query parameter " + name
		}
	}
	return "the query"
}

// tellableName reports whether a name that a caller made up may be repeated in a message.
func tellableName(name string) bool {
	for i := range len(name) {
		if !isAlnum(name[i]) && strings.IndexByte("_-.[]", name[i]) < 0 {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

// RefuseKey is the refusal of a request that has the caller's key in another place than where it
// was read.
func RefuseKey(where string) *vending.Error {
	return vending.Refuse(vending.InvalidRequest, "the key is in "+where+" as well, and would reach the provider there: "+
		"send it in X-Vendgate-Key, or where the app's SDK puts an API key, and nowhere else")
}
