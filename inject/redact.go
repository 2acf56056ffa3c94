package inject

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/internal/lenient"
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
