package inject

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
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
// across the border is seen whole.
func (x *Exchange) ScrubBody(body []byte, limit int) string {
	text := string(bytes.ToValidUTF8(body, []byte("\uFFFD")))
	text, _ = scrub(text, x.secrets())
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

// secrets lists every secret value of the credentials used, in the spellings that placements give them.
func (x *Exchange) secrets() []string {
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
	return list
}

// appendSpellings adds value as it is and, where they differ, escaped for a query, a path and JSON. The
// longest spelling goes first, or its rest would remain.
func appendSpellings(list []string, value string) []string {
	if plainToken(value) {
		return append(list, value)
	}
	for _, spelled := range []string{url.QueryEscape(value), url.PathEscape(value), escapeSegment(value), jsonText(value), strings.ReplaceAll(jsonText(value), "/", `\/`)} {
		if spelled != value {
			list = append(list, spelled)
		}
	}
	return append(list, value)
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

func jsonText(v string) string {
	quoted, err := json.Marshal(v)
	if err != nil {
		return v
	}
	return string(quoted[1 : len(quoted)-1])
}
