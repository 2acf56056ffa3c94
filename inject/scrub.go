package inject

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	// mark stands where a credential stood.
	mark = "[redacted]"
	// minSecret is the length, in bytes, under which a value is only scrubbed where it is all there is:
	// shorter ones occur by chance.
	minSecret = 6
)

// dropped are response headers that speak of the upstream's own origin or connection, or would pose as
// ours. (`Vendgate-*` are handled apart.)
var dropped = []string{"Set-Cookie", "Set-Cookie2", "Alt-Svc", "Clear-Site-Data"}

// CleanResponse removes from h what must not reach the caller, and the credential from every other value.
func (x *Exchange) CleanResponse(h http.Header) {
	for _, name := range dropped {
		delete(h, name)
	}
	secrets := x.secrets()
	for name, values := range h {
		if strings.HasPrefix(name, "Vendgate-") {
			delete(h, name)
			continue
		}
		for i, v := range values {
			if clean, found := scrub(v, secrets); found {
				values[i] = clean
			}
		}
	}
}

// ScrubBody returns body without the credential, in any spelling that a provider's error might quote it
// in, and cut to limit. body should hold [Exchange.Overhang] bytes more than limit, so that a credential
// across the border is seen whole. broken says that body ends before the provider's did: what it ends with may
// be the beginning of the credential.
func (x *Exchange) ScrubBody(body []byte, limit int, broken bool) string {
	text := string(bytes.ToValidUTF8(body, []byte("\uFFFD")))
	text, _ = scrub(text, x.secrets())
	if broken {
		text = withoutBeginning(text, x.secrets())
	}
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "")
	}
	return text
}

// Overhang returns how many bytes the longest spelling of the credential has.
func (x *Exchange) Overhang() int {
	longest := 0
	for _, s := range x.secrets() {
		longest = max(longest, len(s))
	}
	return longest
}

// withoutBeginning cuts from the end of text the longest beginning of a secret.
func withoutBeginning(text string, secrets []string) string {
	cut := 0
	for _, s := range secrets {
		for n := min(len(s)-1, len(text)); n > cut; n-- {
			if strings.HasSuffix(text, s[:n]) {
				cut = n
			}
		}
	}
	return text[:len(text)-cut]
}

func scrub(text string, secrets []string) (clean string, found bool) {
	for _, s := range secrets {
		if len(s) < minSecret {
			if text == s {
				return mark, true
			}
			continue
		}
		if strings.Contains(text, s) {
			text, found = strings.ReplaceAll(text, s, mark), true
		}
	}
	return text, found
}

// secrets lists every secret value of the credentials used, in the spellings that placements and providers
// give them. Interim answers, the header and the trailers each need the list: it is made once a vend.
func (x *Exchange) secrets() []string {
	if x.spellings != nil {
		return x.spellings
	}
	list := make([]string, 0, 4)
	for i := range x.vends {
		for name, value := range x.used[i].Fields() {
			if _, open := x.placement.open[name]; !open && value != "" {
				list = appendSpellings(list, value)
			}
		}
		if x.placement.basic != nil {
			if pair, err := x.placement.basicPair(x.used[i]); err == nil {
				list = append(list, pair)
			}
		}
	}
	x.spellings = list
	return list
}

// appendSpellings adds value as it is and, where they differ, escaped for a query, a path, JSON and HTML.
// The longest spelling goes first, or its rest would remain.
func appendSpellings(list []string, value string) []string {
	if plainToken(value) {
		return append(list, value)
	}
	own := []string{value}
	for _, escaped := range []string{
		url.QueryEscape(value), url.PathEscape(value), escapeSegment(value), encodeComponent(value),
		jsonText(value, true), jsonText(value, false), asciiJSON(value), html.EscapeString(value),
	} {
		// Hex digits come in both cases, and many JSON encoders escape slashes.
		for _, s := range []string{escaped, lowerHex(escaped), strings.ReplaceAll(escaped, "/", `\/`)} {
			if !slices.Contains(own, s) {
				own = append(own, s)
			}
		}
	}
	slices.SortStableFunc(own, func(a, b string) int { return len(b) - len(a) })
	return append(list, own...)
}

// encodeComponent escapes as encodeURIComponent of browsers and Node does.
func encodeComponent(v string) string {
	return strings.NewReplacer("+", "%20", "%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(url.QueryEscape(v))
}

// lowerHex writes the hex digits of percent triplets in lower case.
func lowerHex(v string) string {
	b := []byte(v)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' && isHex(b[i+1]) && isHex(b[i+2]) {
			copy(b[i+1:i+3], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// plainToken reports whether v is spelled the same everywhere.
func plainToken(v string) bool {
	for i := range len(v) {
		c := v[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' && c != '.' && c != '~' {
			return false
		}
	}
	return true
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

// asciiJSON is jsonText where all but ASCII is escaped as UTF-16, as Python and PHP do by default.
func asciiJSON(v string) string {
	var b strings.Builder
	for _, r := range jsonText(v, false) {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}
