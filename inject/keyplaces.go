package inject

import (
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
)

// keyPlaces are where an app's SDKs put its credential, compiled: a key of ours may come there. All
// of them are cleared before anything is sent. Authorization is not among them: it is read for
// every app.
type keyPlaces struct {
	headers []keyHeader
	query   bool // there are parameters; those of Placement.setsKeys are read
	// signed are the folded names of a signature's parameters; keys are those with a key's id, in
	// spellings of setsKeys. They are cleared only from a query that holds a key of ours.
	signed func(key string) bool
	keys   nameSet
	// prefixes are what paths begin with; the head of most is empty.
	prefixes []prefix
}

// keyHeader is a header by its canonical name, and what messages call it.
type keyHeader struct{ name, where string }

func (k *keyPlaces) addHeader(name string) {
	name = textproto.CanonicalMIMEHeaderKey(name)
	same := func(h keyHeader) bool { return h.name == name }
	if name != "Authorization" && !slices.ContainsFunc(k.headers, same) {
		k.headers = append(k.headers, keyHeader{name, "the header " + name})
	}
}

// compileKeyPlaces takes the places that hold a field, and those that the entry declares besides
// them, which become places that p clears.
func (p *Placement) compileKeyPlaces() {
	k := &p.keys
	for _, h := range p.headers {
		if h.value.holdsField() {
			k.addHeader(h.name)
		}
	}
	if declared := p.app.KeyPlaces; declared != nil {
		for _, name := range declared.Headers {
			k.addHeader(name)
			p.sets.add(lenient.Header(name))
		}
		for _, name := range declared.Query {
			p.setsKeys.add(foldKey(name))
		}
	}
	k.query = len(p.setsKeys) > 0
	k.prefixes = slices.Clip(p.otherPrefixes)
	if p.prefix.holdsField() {
		k.prefixes = append(k.prefixes, prefix{"", p.prefix})
	}
	switch p.signer.(type) {
	case *sigV4:
		k.addHeader(amzSecurityToken)
		k.signed, k.keys = presigned.has, nameSet{"x-amz-credential": {}, "x-amz-security-token": {}}
	case oauth1Signer:
		k.signed, k.keys = isOAuth1, nameSet{"oauth-consumer-key": {}, "oauth-token": {}}
	}
}

// placing returns the placement of a call to rawPath, and the path without what names the place;
// see [Placement.Split].
func (p *Placement) placing(rawPath string) (*Placement, string) {
	at, path, err := p.Split(rawPath)
	if err != nil {
		return p, rawPath
	}
	if p.outside != nil && at == p.outside.at {
		return p.outside.placement, path
	}
	return p, path
}

// Keys calls found with each text in the places where the app's SDKs put its credential that is
// says may be a key, and with what messages call the place.
func (p *Placement) Keys(h http.Header, rawPath, rawQuery string, is func(string) bool, found func(key, where string)) {
	placed, _ := p.placing(rawPath)
	for i := range placed.keys.headers {
		header := &placed.keys.headers[i]
		for _, v := range h[header.name] {
			KeysIn(v, is, func(key string) { found(key, header.where) })
		}
	}
	placed.queryKeys(rawQuery, is, found)
	if at := p.prefixOf(rawPath, func(_, value string) bool { return is(keyPart(value)) }); at.size > 0 {
		found(keyPart(at.value), "the path")
	}
}

// KeysIn calls found with each text in a header's value that is says may be a key: the value
// itself, what follows its scheme, and what the parameters behind that hold, as in `Bot KEY`,
// `Token token="KEY"`, `OAuth oauth_token="KEY"` and `AWS4-HMAC-SHA256 Credential=KEY/…`.
func KeysIn(value string, is func(string) bool, found func(key string)) {
	if _, rest, _ := strings.Cut(value, " "); strings.HasPrefix(rest, " ") {
		return
	}
	for from := 0; from < len(value); {
		end := strings.IndexAny(value[from:], ` ,;:="/`)
		if end < 0 {
			end = len(value) - from
		}
		if text := value[from : from+end]; is(text) {
			found(text)
		}
		from += end + 1
	}
}

func (p *Placement) queryKeys(raw string, is func(string) bool, found func(key, where string)) {
	if raw == "" || !p.keys.query && p.keys.signed == nil {
		return
	}
	for pair := range parameters(raw) {
		name, value, _ := strings.Cut(pair, "=")
		if len(value) == 0 || !p.readsParameter(name) {
			continue
		}
		value, _, _ = strings.Cut(lenientDecode(value), "/") // of X-Amz-Credential
		if is(value) {
			found(value, "the query parameter "+parameterName(name))
		}
	}
}

// parameterName is the name of a parameter of p's as it may be told: without an index, in which
// anything may be.
func parameterName(name string) string {
	name, _, _ = strings.Cut(lenientDecode(name), "[")
	if !tellableName(name) {
		return "with the key"
	}
	return name
}

// readsParameter reports whether a parameter of that name may hold a key of ours.
func (p *Placement) readsParameter(name string) bool {
	var room [longestPlain]byte
	if folded, plain := foldPlain(room[:0], name); plain {
		return p.keys.keys.holds(folded) || p.keys.query && p.setsKeys.holds(folded)
	}
	if p.keys.signed != nil {
		if _, ok := p.keys.keys[foldKey(lenientDecode(name))]; ok {
			return true
		}
	}
	return p.keys.query && p.setsKey(name)
}

// parameters yields the pairs of a query. Servers split at "&" or, some of them, at ";" as well.
func parameters(raw string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for rest := raw; rest != ""; {
			end := strings.IndexAny(rest, "&;")
			pair := rest
			if end >= 0 {
				pair, rest = rest[:end], rest[end+1:]
			} else {
				rest = ""
			}
			if !yield(pair) {
				return
			}
		}
	}
}

// prefixAt is a path prefix at the beginning of a path: how many bytes it has, what they would be
// without a credential, and the value of one of its fields.
type prefixAt struct {
	size  int
	head  string
	value string
}

// prefixOf returns the path prefix that rawPath begins with, with a field that is what is says. Its
// size is 0 if there is none.
func (p *Placement) prefixOf(rawPath string, is func(field, value string) bool) (at prefixAt) {
	for i := range p.keys.prefixes {
		prefix := &p.keys.prefixes[i]
		value, found := "", false
		size := prefix.template.match(rawPath, func(field, v string) {
			if !found && is(field, v) {
				value, found = v, true
			}
		})
		if size > 0 && found {
			return prefixAt{size, prefix.head, value}
		}
	}
	return at
}

// keyPart is what of a value may be a key of ours: some libraries take no bot token that has no
// number and colon before it (aiogram/utils/token.py).
func keyPart(value string) string { return value[strings.LastIndexByte(value, ':')+1:] }

// WithoutKey returns a call's path without the path prefix, and its query without the parameters of
// a signature, where these hold key. The other places are cleared in any case.
func (p *Placement) WithoutKey(key, rawPath, rawQuery string) (path, query string) {
	if at := p.prefixOf(rawPath, func(_, value string) bool { return keyPart(value) == key }); at.size > 0 {
		rawPath = at.head + rawPath[at.size:]
	}
	if p.keys.signed == nil || !strings.Contains(rawQuery, key) {
		return rawPath, rawQuery
	}
	signs := func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		name = lenientDecode(name)
		return p.keys.signed(name) || fold(name) == fold(amzContentSHA256)
	}
	return rawPath, withoutParameters(rawQuery, signs)
}
