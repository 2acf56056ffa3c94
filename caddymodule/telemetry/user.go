package telemetry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Users shows end users to logs and placeholders by something else than their address, which is
// personal data. A nil Users shows the address.
type Users struct{ key []byte }

// NewUsers returns one that shows a pseudonym: `user-` and 20 digits of the HMAC-SHA-256 of the
// address, so that lines about one user can be joined. Without the key it can neither be undone nor
// guessed. An empty key shows no user at all.
func NewUsers(key string) *Users { return &Users{[]byte(key)} }

// shown is what logs have in the place of an end user, spelled as in the header.
func (u *Users) shown(user string) string {
	user = strings.ToLower(strings.TrimSpace(user))
	switch {
	case u == nil || user == "":
		return user
	case len(u.key) == 0:
		return redacted
	}
	mac := hmac.New(sha256.New, u.key)
	_, _ = mac.Write([]byte(user)) // which never fails
	return "user-" + hex.EncodeToString(mac.Sum(nil)[:10])
}

// userHeaders are those by which callers name end users.
var userHeaders = []string{"X-User-Email", "X-External-User-Id"}

// address is what looks like an email address, and quoted is a run of text that may hold some,
// percent-encoded or not, and perhaps more than once: an address in an address.
var (
	address = regexp.MustCompile(`[^\s/?&=#"'<>,;:()@]+@[\pL\pN.-]+`)
	quoted  = regexp.MustCompile(`[^\s/?&=#"'<>,;:()]*(?:@|%(?:25)*40)[^\s/?&=#"'<>,;:()]*`)
	escaped = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
)

// maxEscapes is how many times over an address is looked for percent-encoded.
const maxEscapes = 4

// text returns text with all addresses as they are shown.
func (u *Users) text(text string) string {
	if u == nil || !quoted.MatchString(text) {
		return text
	}
	return quoted.ReplaceAllStringFunc(text, func(found string) string {
		plain := unescape(found)
		escape := url.PathEscape
		if plain == found {
			escape = func(s string) string { return s }
		}
		var b strings.Builder
		done := 0
		for _, at := range address.FindAllStringIndex(plain, -1) {
			b.WriteString(escape(plain[done:at[0]]) + u.shown(plain[at[0]:at[1]]))
			done = at[1]
		}
		if done == 0 {
			return found
		}
		return b.String() + escape(plain[done:])
	})
}

// unescape decodes what is percent-encoded, and leaves what is not rightly so as it is.
func unescape(text string) string {
	for range maxEscapes {
		plain := escaped.ReplaceAllStringFunc(text, func(code string) string {
			b, _ := hex.DecodeString(code[1:])
			return string(b)
		})
		if plain == text {
			break
		}
		text = plain
	}
	return text
}

// header returns h with all users as they are shown.
func (u *Users) header(h http.Header) http.Header {
	if u == nil {
		return h
	}
	h = h.Clone()
	u.hide(h)
	for _, values := range h {
		for i, v := range values {
			values[i] = u.text(v)
		}
	}
	return h
}

// hide replaces in h what the headers say that name users.
func (u *Users) hide(h http.Header) {
	if u == nil {
		return
	}
	for _, name := range userHeaders {
		for i, v := range h[name] {
			h[name][i] = u.shown(v)
		}
	}
}
