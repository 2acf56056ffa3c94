// Package browser knows a browser by a cookie of its own, and ties forms to it.
//
// It must never be taken for a sign-in: the cookie only shows that two requests come from one
// browser.
package browser

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/vendgate/vendgate/connect"
)

// Browser is a browser, known by its cookie.
type Browser struct {
	secret string
	known  bool
}

// tokenLen is the length of a cookie's value: 256 random bits in base64url.
const tokenLen = 43

// Jar reads and sets cookies of one name.
type Jar struct {
	// Name is the cookie's, without the prefix that it gets under TLS.
	Name string
	// Secure says that the browser reaches us by TLS. The cookie is then `__Host-`: no other host and
	// no plain connection can set it (RFC 6265bis, section 4.1.3.2).
	Secure bool
}

func (j Jar) name() string {
	if j.Secure {
		return "__Host-" + j.Name
	}
	return j.Name
}

// Of returns the browser of a request. One that sent no cookie, or none of ours, is new and gets
// one with the answer.
func (j Jar) Of(w http.ResponseWriter, r *http.Request) Browser {
	if b, ok := j.Find(r); ok {
		return b
	}
	return j.Begin(w)
}

// Find returns the browser of a request, if it sent its cookie.
func (j Jar) Find(r *http.Request) (Browser, bool) {
	value := j.Value(r)
	if len(value) != tokenLen {
		return Browser{}, false
	}
	return Browser{value, true}, true
}

// Begin gives the browser a new cookie, in the place of the one it has.
func (j Jar) Begin(w http.ResponseWriter) Browser {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // crypto/rand.Read never fails; it ends the process rather than that
	secret := base64.RawURLEncoding.EncodeToString(b)
	j.Set(w, secret, 0)
	return Browser{secret: secret}
}

// Value returns the cookie's value, or "". Of two cookies of the name, one set by a neighbouring
// host, neither counts.
func (j Jar) Value(r *http.Request) string {
	found := r.CookiesNamed(j.name())
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// Holding returns the jars of a request whose names begin with the name of j and that hold value,
// older ones first: browsers send them so (RFC 6265, section 5.4).
func (j Jar) Holding(r *http.Request, value string) (jars []Jar) {
	for _, c := range r.Cookies() {
		if rest, ok := strings.CutPrefix(c.Name, j.name()); ok && c.Value == value {
			jars = append(jars, Jar{Name: j.Name + rest, Secure: j.Secure})
		}
	}
	return jars
}

// Set sets the cookie for maxAge seconds; 0 means until the browser is closed, and a negative one
// removes it.
func (j Jar) Set(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- without TLS a Secure cookie would never come back
		Name: j.name(), Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: j.Secure,
		SameSite: http.SameSiteLaxMode,
	})
}

// Digest is what is stored of a browser.
func (b Browser) Digest() connect.Digest { return connect.DigestOf(b.secret) }

// CSRF returns the token that forms for a purpose carry. It cannot be made without the cookie.
func (b Browser) CSRF(purpose string) string {
	mac := hmac.New(sha256.New, []byte(b.secret))
	_, _ = mac.Write([]byte("csrf " + purpose)) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Sent reports whether token is the one of a form for purpose that this browser was given.
func (b Browser) Sent(purpose, token string) bool {
	return b.known && hmac.Equal([]byte(token), []byte(b.CSRF(purpose)))
}
