package inject

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/internal/secretscan"
)

// redacted replaces in logs what must not be there.
const redacted = "REDACTED"

// Fills reports whether a request has something in a place where the app's SDKs put its credential,
// other than Authorization.
func (p *Placement) Fills(h http.Header, rawPath, rawQuery string) bool {
	if p.prefixOf(rawPath, p.hides).size > 0 {
		return true
	}
	p, _ = p.placing(rawPath)
	for i := range p.keys.headers {
		if len(h[p.keys.headers[i].name]) > 0 {
			return true
		}
	}
	if rawQuery != "" && (p.keys.query || p.keys.signed != nil) {
		for pair := range parameters(rawQuery) {
			if name, _, _ := strings.Cut(pair, "="); p.readsParameter(name) {
				return true
			}
		}
	}
	return p.twin(h) != ""
}

// hides reports whether a field of the path prefix is secret. Where it is the whole of a segment,
// every path begins with something like it.
func (p *Placement) hides(field, _ string) bool {
	_, open := p.open[field]
	return !open && !strings.HasPrefix(p.app.Placement.PathPrefix, "/{")
}

// twin returns a header of h that servers could take for one of p's places.
func (p *Placement) twin(h http.Header) string {
	for name := range h {
		if strings.IndexByte(name, '_') >= 0 && p.readsHeader(name) {
			return name
		}
	}
	return ""
}

func (p *Placement) readsHeader(name string) bool {
	folded := lenient.Header(name)
	return slices.ContainsFunc(p.keys.headers, func(h keyHeader) bool { return lenient.Header(h.name) == folded })
}

// RedactHeader puts a mark in h, which is changed, in the place of what is in places where the
// app's SDKs put its credential.
func (p *Placement) RedactHeader(h http.Header, rawPath string) {
	p, _ = p.placing(rawPath)
	for name := range h {
		if p.readsHeader(name) {
			h[name] = []string{redacted}
		}
	}
}

// RedactTarget returns path and query as they may be logged: without a path prefix that holds a key
// of ours, and with a mark in the place of another secret.
func (p *Placement) RedactTarget(rawPath, rawQuery string, is func(string) bool) (path, query string) {
	path = rawPath
	if at := p.prefixOf(rawPath, func(_, value string) bool { return is(keyPart(value)) }); at.size > 0 {
		path = at.head + rawPath[at.size:]
	} else if at := p.prefixOf(rawPath, p.hides); at.size > 0 {
		path = "/" + redacted + rawPath[at.size:]
	}
	p, _ = p.placing(rawPath)
	if rawQuery == "" || !p.keys.query && p.keys.signed == nil {
		return path, rawQuery
	}
	var b strings.Builder
	for pair := range parameters(rawQuery) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		if name, _, _ := strings.Cut(pair, "="); p.readsParameter(name) {
			pair = url.QueryEscape(parameterName(name)) + "=" + redacted
		}
		b.WriteString(pair)
	}
	return path, b.String()
}

// maxSearched bounds what of one header's values is searched for encoded secrets, in bytes: what is
// built to take the most work takes 10 µs a byte. Of real headers, few values have so much as an
// escape.
const maxSearched = 64 << 10

// dropped are response headers that speak of the upstream's own origin or connection, or would pose
// as ours. (`Vendgate-*` are handled apart.)
var dropped = []string{"Set-Cookie", "Set-Cookie2", "Alt-Svc", "Clear-Site-Data"}

// CleanResponse removes from h what must not reach the caller, and the credential from every other
// value, and what would lead MCP clients past the gateway. What h says to caches holds for the
// caller's own alone; see [Private].
func (inj *Injection) CleanResponse(h http.Header) {
	for _, name := range dropped {
		delete(h, name)
	}
	keepPrivate(h)
	withoutDiscovery(h)
	s, room := inj.secrets(), maxSearched
	for name, values := range h {
		if strings.HasPrefix(name, "Vendgate-") || steersCaches(name) {
			delete(h, name)
			continue
		}
		for i, v := range values {
			if !s.MayHold(v) {
				continue
			}
			if room -= len(v); room < 0 {
				values[i] = secretscan.Mark
			} else {
				values[i], _ = s.Redact(v, false)
			}
		}
	}
}

// ScrubBody returns body without the credential, in any spelling that a provider's error might
// quote it in, and cut to limit, both in bytes. broken says that body ends before the provider's
// did: what it ends with may be the beginning of the credential. A body that takes too much work to
// search is not quoted at all.
func (inj *Injection) ScrubBody(body []byte, limit int, broken bool) string {
	// The spellings of the credential may be what is no UTF-8, so that they go first.
	text, ok := inj.secrets().Redact(string(body), broken)
	if !ok {
		return secretscan.Mark
	}
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}

// Overhang returns how many bytes beyond its limit a body should have for ScrubBody to see a
// credential across the border whole. Of one that is spelled longer than
// [secretscan.Set.Longest], what is there is cut off.
func (inj *Injection) Overhang() int { return inj.secrets().Longest() }

// secrets are every secret value of the credentials used, and what a placement makes of them that
// no decoding undoes. Interim answers, the header and the trailers each need them: they are listed
// once a vend.
func (inj *Injection) secrets() *secretscan.Set {
	if inj.hidden != nil {
		return inj.hidden
	}
	s := &secretscan.Set{}
	for i := range inj.vends {
		for name, value := range inj.used[i].Fields() {
			if _, open := inj.placement.open[name]; !open && value != "" {
				s.Add(value)
			}
		}
		if inj.placement.basic != nil {
			if pair, err := inj.placement.basicPair(inj.used[i]); err == nil {
				s.Add(pair)
			}
		}
	}
	inj.hidden = s
	return s
}
