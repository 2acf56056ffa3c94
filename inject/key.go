package inject

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

// Key is the key that a caller was let in by, which must not reach a provider. The zero Key is
// nowhere.
type Key struct{ text string }

// NewKey wraps an accepted key: base62 with underscores, as tenant keys and caller keys are.
func NewKey(text string) Key { return Key{text} }

// In reports whether text holds the key: as it is, percent-encoded however often, in base64 at any
// alignment, alone or within something else such as `user:key`, or spelled in another way that
// [Exchange.ScrubBody] would find the credential in. A text that takes too much work to search
// counts as one that holds it.
func (k Key) In(text string) bool {
	if k.text == "" || len(text) < len(k.text) {
		return false
	}
	if strings.Contains(text, k.text) {
		return true
	}
	plain := lenient.DecodeAll(text)
	if len(plain) != len(text) && strings.Contains(plain, k.text) {
		return true
	}
	s := secrets{least: len(k.text)}
	if len(plain) < len(k.text) || !disguises(&s, plain) {
		return false
	}
	s.values = []string{k.text}
	found, _, ok := s.find(plain, false)
	return !ok || len(found) > 0
}

// inName is In for the name of a header, whose case HTTP does not keep.
func (k Key) inName(name string) bool {
	return k.text != "" && len(name) >= len(k.text) && strings.Contains(strings.ToLower(name), strings.ToLower(k.text))
}

// inBody is In for a body that is held in memory.
func (k Key) inBody(body []byte) bool {
	if k.text == "" || len(body) < len(k.text) {
		return false
	}
	if bytes.Contains(body, []byte(k.text)) {
		return true
	}
	s := secrets{least: len(k.text)}
	return (bytes.IndexByte(body, '%') >= 0 || disguises(&s, body)) && k.In(string(body))
}

// Elsewhere reports where key is in what p would send of a request, which is what the caller sent
// without the places that p clears. where is empty if it is nowhere.
func (p *Placement) Elsewhere(key Key, h http.Header, rawPath, rawQuery string) (where string) {
	p, path := p.placing(rawPath)
	if key.In(path) {
		return "the path"
	}
	if query := p.cleanQuery(rawQuery); key.In(query) {
		return key.parameter(query)
	}
	for name, values := range h {
		if key.inName(name) {
			return "the name of a header"
		}
		for _, v := range values {
			if len(v) >= len(key.text) && key.In(v) && p.MayCarry(name) {
				return "the header " + name
			}
		}
	}
	return ""
}

// parameter names the parameter of a query that holds k.
func (k Key) parameter(query string) string {
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if name = lenientDecode(name); k.In(value) && tellableName(name) && !k.In(name) {
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
