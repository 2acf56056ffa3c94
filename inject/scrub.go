package inject

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

const (
	// mark stands where a credential stood.
	mark = "[redacted]"
	// minSecret is the length, in bytes, under which a value is only scrubbed where it is all there
	// is: shorter ones occur by chance.
	minSecret = 6
	// maxSearched bounds what of one header's values is searched for encoded secrets, in bytes: what
	// is built to take the most work takes 10 µs a byte. Of real headers, few values have so much as
	// an escape.
	maxSearched = 64 << 10
)

// dropped are response headers that speak of the upstream's own origin or connection, or would pose
// as ours. (`Vendgate-*` are handled apart.)
var dropped = []string{"Set-Cookie", "Set-Cookie2", "Alt-Svc", "Clear-Site-Data"}

// CleanResponse removes from h what must not reach the caller, and the credential from every other
// value, and what would lead MCP clients past the gateway. What h says to caches holds for the
// caller's own alone; see [Private].
func (x *Injection) CleanResponse(h http.Header) {
	for _, name := range dropped {
		delete(h, name)
	}
	keepPrivate(h)
	withoutDiscovery(h)
	s, room := x.secrets(), maxSearched
	for name, values := range h {
		if strings.HasPrefix(name, "Vendgate-") || steersCaches(name) {
			delete(h, name)
			continue
		}
		for i, v := range values {
			if !s.in(v) {
				continue
			}
			if room -= len(v); room < 0 {
				values[i] = mark
			} else {
				values[i], _ = s.scrub(v, false)
			}
		}
	}
}

// ScrubBody returns body without the credential, in any spelling that a provider's error might
// quote it in, and cut to limit, both in bytes. broken says that body ends before the provider's
// did: what it ends with may be the beginning of the credential. A body that takes too much work to
// search is not quoted at all.
func (x *Injection) ScrubBody(body []byte, limit int, broken bool) string {
	// The spellings of the credential may be what is no UTF-8, so that they go first.
	text, ok := x.secrets().scrub(string(body), broken)
	if !ok {
		return mark
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}

// Overhang returns how many bytes beyond its limit a body should have for ScrubBody to see a
// credential across the border whole, as it is or, where it needs escapes, with each byte escaped
// as in JSON. Of one that is spelled longer, what is there is cut off.
func (x *Injection) Overhang() int {
	longest := 0
	for _, v := range x.secrets().values {
		n := len(v)
		if !plainToken(v) {
			n *= len(`\u002F`)
		}
		longest = max(longest, n)
	}
	return longest
}

// plainToken reports whether v needs no escape anywhere.
func plainToken(v string) bool {
	for i := range len(v) {
		if !isAlnum(v[i]) && strings.IndexByte("-_.~", v[i]) < 0 {
			return false
		}
	}
	return true
}

// scrub returns text without the secrets; ok is false if it is the mark alone, for want of time to
// search it.
func (s *secrets) scrub(text string, broken bool) (clean string, ok bool) {
	found, cut, ok := s.find(text, broken)
	switch {
	case !ok:
		return mark, false
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
		b.WriteString(mark)
		done = part.to
	}
	b.WriteString(text[min(done, cut):cut])
	return b.String(), true
}

// secrets are every secret value of the credentials used, and what a placement makes of them that
// no decoding undoes. Interim answers, the header and the trailers each need them: they are listed
// once a vend.
func (x *Injection) secrets() *secrets {
	if x.hidden != nil {
		return x.hidden
	}
	s := &secrets{values: make([]string, 0, 4)}
	for i := range x.vends {
		for name, value := range x.used[i].Fields() {
			if _, open := x.placement.open[name]; !open && value != "" {
				s.add(value)
			}
		}
		if x.placement.basic != nil {
			if pair, err := x.placement.basicPair(x.used[i]); err == nil {
				s.add(pair)
			}
		}
	}
	x.hidden = s
	return s
}

// jsonText returns v as it stands between quotes in JSON; forHTML escapes <, > and & as well, as
// encoding/json does unless told otherwise.
func jsonText(v string, forHTML bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(forHTML)
	if err := enc.Encode(v); err != nil {
		return v
	}
	return b.String()[1 : b.Len()-2] // without the quotes and the line break
}
