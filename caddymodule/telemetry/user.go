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

// address is what looks like an email address, percent-encoded or not.
var address = regexp.MustCompile(`[^\s/?&=#"'<>,;:()@]+(?:@|%40)[A-Za-z0-9.%\x80-\xff-]+`)

// text returns text with all addresses as they are shown.
func (u *Users) text(text string) string {
	if u == nil || !strings.Contains(text, "@") && !strings.Contains(text, "%40") {
		return text
	}
	return address.ReplaceAllStringFunc(text, func(found string) string {
		before, plain := "", found
		if decoded, err := url.PathUnescape(found); err == nil {
			plain = decoded
		}
		if i := strings.LastIndexAny(plain, " /?&=#\"'<>,;:()"); i >= 0 { // which was percent-encoded
			before, plain = url.PathEscape(plain[:i+1]), plain[i+1:]
		}
		return before + u.shown(plain)
	})
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
