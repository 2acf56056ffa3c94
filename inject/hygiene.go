package inject

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/lenient"
)

// nameSet is a set of header or query names, folded.
type nameSet map[string]struct{}

func (s nameSet) add(name string)      { s[fold(name)] = struct{}{} }
func (s nameSet) has(name string) bool { _, ok := s[fold(name)]; return ok }

// holds is has for a name that is folded.
func (s nameSet) holds(folded []byte) bool { _, ok := s[string(folded)]; return ok }

// fold makes one of the names that servers confuse: case, `_` for `-` (CGI and WSGI turn both into
// `_`), and such characters at either end.
func fold(name string) string {
	return strings.Trim(strings.ReplaceAll(strings.ToLower(name), "_", "-"), "-")
}

// removed are the folded names of headers that no upstream gets from a caller: they say who called,
// or would override what the gateway decided. Hop-by-hop headers and what `Connection` names were
// removed by httputil.ReverseProxy.
var removed = nameSet{
	"authorization":      {},
	"cookie":             {},
	"forwarded":          {},
	"via":                {},
	"x-real-ip":          {},
	"x-user-email":       {},
	"x-external-user-id": {},
	"x-vendgate-key":     {},
	"keep-alive":         {},
	"transfer-encoding":  {},
	"http2-settings":     {}, // belongs to an h2c upgrade, even where Connection does not name it
	"proxy":              {}, // CGI makes HTTP_PROXY of it, by which programs then call out (CVE-2016-5385)
	// These replace the request line that the rules were applied to, or the host, on servers that
	// honour them.
	"x-original-url":        {},
	"x-original-uri":        {},
	"x-original-path":       {},
	"x-original-host":       {},
	"x-original-method":     {},
	"x-rewrite-url":         {},
	"x-rewrite-uri":         {},
	"x-rewrite-path":        {},
	"x-override-url":        {},
	"x-envoy-original-path": {},
	"x-envoy-original-host": {},
	"x-http-host-override":  {},
	"x-http-path-override":  {},
	"x-http-destinationurl": {},
	// These are here for spellings that are not canonical, Content_Type and its like: some servers
	// have one variable for both, and would read the body, or its frame, otherwise than the rules did.
	"content-type":     {},
	"content-length":   {},
	"content-encoding": {},
	"host":             {},
	"expect":           {},
}

// removedPrefixes are the folded prefixes of such headers.
var removedPrefixes = []string{"proxy-", "vendgate-", "x-forwarded-"}

// carried are canonical names that are common and harmless.
var carried = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Content-Type", "Content-Length", "User-Agent", "Range",
	"If-None-Match", "If-Match", "Idempotency-Key", "Content-Encoding", "Expect", "Host",
	"Connection", "Upgrade", "Te", // no more than ReverseProxy put back
}

// compileRemoved fills p.isRemoved, which saves folding the name of nearly every header of a real
// request.
func (p *Placement) compileRemoved() {
	p.isRemoved = make(map[string]bool)
	for name := range removed {
		p.isRemoved[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	for _, name := range carried {
		p.isRemoved[name] = false
	}
	for name := range p.sets {
		p.isRemoved[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
}

// removes reports whether the caller's header must not reach the upstream.
func (p *Placement) removes(name string) bool {
	if verdict, ok := p.isRemoved[name]; ok {
		return verdict
	}
	folded := lenient.Header(name)
	if _, ok := removed[folded]; ok {
		return true
	}
	if _, ok := p.sets[folded]; ok {
		return true
	}
	for _, prefix := range removedPrefixes {
		if strings.HasPrefix(folded, prefix) {
			return true
		}
	}
	return false
}

// MayCarry reports whether a header or trailer of the caller's may reach the upstream under that
// name.
func (p *Placement) MayCarry(name string) bool { return !p.removes(name) }

// cleanHeader returns a new header with what of h the upstream may see, and room for more. The
// values are shared and must not be changed.
func (p *Placement) cleanHeader(h http.Header, room int) http.Header {
	out := make(http.Header, len(h)+room)
	for name, values := range h {
		if !p.removes(name) {
			out[name] = values
		}
	}
	return out
}

// defaultHeaders returns the app's headers by their canonical names.
func defaultHeaders(app *catalog.App) http.Header {
	h := make(http.Header, len(app.Headers))
	for name, value := range app.Headers {
		h.Set(name, value)
	}
	return h
}

// addDefaults adds to h the app's headers that it has none of. The values are shared and must not
// be changed.
func (p *Placement) addDefaults(h http.Header) {
	for name, values := range p.defaults {
		// An empty User-Agent counts as none: with it, net/http is kept from adding its own.
		if have := h[name]; len(have) == 0 || name == "User-Agent" && have[0] == "" {
			h[name] = values
		}
	}
}

// cleanQuery removes from raw every parameter whose key the placement sets, in any spelling, and
// leaves every other byte as it is. Keys may be separated by "&" or, for servers that still split
// there, ";".
func (p *Placement) cleanQuery(raw string) string {
	if len(p.setsKeys) == 0 || raw == "" {
		return raw
	}
	return withoutParameters(raw, func(pair string) bool {
		name, _, _ := strings.Cut(pair, "=")
		return p.setsKey(name)
	})
}

// withoutParameters removes from raw the parameters of which drops says so, and leaves every other
// byte as it is.
func withoutParameters(raw string, drops func(pair string) bool) string {
	var out strings.Builder
	dropped := false
	for rest := raw; rest != ""; {
		end := strings.IndexAny(rest, "&;")
		pair, separator := rest, ""
		if end >= 0 {
			pair, separator = rest[:end], rest[end:end+1]
		}
		rest = rest[len(pair)+len(separator):]
		if drops(pair) {
			dropped = true
			continue
		}
		out.WriteString(pair)
		out.WriteString(separator)
	}
	if !dropped {
		return raw
	}
	return strings.TrimRight(out.String(), "&;")
}

// setsKey compares key as the most lenient server would read it: decoded, without white space,
// without the index of an array (`key[]`, `key[0]`), folded.
func (p *Placement) setsKey(key string) bool {
	var room [longestPlain]byte
	if folded, plain := foldPlain(room[:0], key); plain {
		return p.setsKeys.holds(folded)
	}
	key, _, _ = strings.Cut(lenientDecode(key), "\x00")
	name, _, indexed := strings.Cut(key, "[")
	// A bracket that nothing closes is a "_" to PHP.
	return p.setsKeys.has(foldKey(name)) || indexed && p.setsKeys.has(foldKey(strings.ReplaceAll(key, "[", "_")))
}

// foldKey joins what PHP joins: it turns dots and spaces in the names of parameters into `_`.
func foldKey(key string) string { return fold(keySigns.Replace(strings.TrimSpace(key))) }

var keySigns = strings.NewReplacer(".", "-", " ", "-")

// longestPlain bounds the names of parameters that [foldPlain] reads, in bytes.
const longestPlain = 64

// foldPlain appends to dst, which is empty and has room, what [foldKey] makes of the name of a
// parameter, if that is short and has nothing to decode. A query may have half a million names, and
// its sender is not known yet: nothing is allocated.
func foldPlain(dst []byte, name string) (folded []byte, plain bool) {
	if len(name) > longestPlain {
		return nil, false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case isAlnum(c):
			if 'A' <= c && c <= 'Z' {
				c |= 0x20
			}
			dst = append(dst, c)
		case c == '-' || c == '_' || c == '.':
			dst = append(dst, '-')
		default:
			return nil, false
		}
	}
	return bytes.Trim(dst, "-"), true
}

// lenientDecode decodes a part of a query.
func lenientDecode(s string) string { return lenient.Decode(strings.ReplaceAll(s, "+", " ")) }

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
