package browser

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// answer returns the cookies that an answer sets.
func answer(f func(w http.ResponseWriter)) []*http.Cookie {
	w := httptest.NewRecorder()
	f(w)
	return w.Result().Cookies()
}

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range cookies {
		r.AddCookie(c)
	}
	return r
}

func TestCookie(t *testing.T) {
	for _, secure := range []bool{false, true} {
		jar := Jar{Name: "vendgate-browser", Secure: secure}
		var b Browser
		set := answer(func(w http.ResponseWriter) { b = jar.Of(w, request()) })
		if len(set) != 1 {
			t.Fatalf("%d cookies for a new browser", len(set))
		}
		c := set[0]
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure ||
			strings.HasPrefix(c.Name, "__Host-") != secure || c.MaxAge != 0 {
			t.Errorf("secure %t: cookie %+v", secure, c)
		}
		again := answer(func(w http.ResponseWriter) {
			if known := jar.Of(w, request(c)); known.Digest() != b.Digest() {
				t.Error("the same cookie is another browser")
			}
		})
		if len(again) != 0 {
			t.Errorf("a known browser gets %v", again)
		}
	}
}

func TestForeignCookies(t *testing.T) {
	jar := Jar{Name: "vendgate-browser"}
	mine := answer(func(w http.ResponseWriter) { jar.Begin(w) })[0]
	other := answer(func(w http.ResponseWriter) { jar.Begin(w) })[0]
	for name, cookies := range map[string][]*http.Cookie{
		"none":               nil,
		"short":              {{Name: mine.Name, Value: "x"}},
		"empty":              {{Name: mine.Name, Value: ""}},
		"two of the name":    {mine, other},
		"another's name":     {{Name: "vendgate-session", Value: mine.Value}},
		"the prefixed name":  {{Name: "__Host-" + mine.Name, Value: mine.Value}},
		"longer than we set": {{Name: mine.Name, Value: mine.Value + "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, ok := jar.Find(request(cookies...)); ok {
				t.Error("it counts as a browser's")
			}
		})
	}
}

func TestCSRF(t *testing.T) {
	jar := Jar{Name: "vendgate-browser"}
	cookies := answer(func(w http.ResponseWriter) { jar.Begin(w) })
	b, ok := jar.Find(request(cookies...))
	if !ok {
		t.Fatal("the cookie is not found")
	}
	stranger, _ := jar.Find(request(answer(func(w http.ResponseWriter) { jar.Begin(w) })...))
	token := b.CSRF("link a")
	switch {
	case !b.Sent("link a", token):
		t.Error("the browser's own token is refused")
	case b.Sent("link b", token):
		t.Error("a token for another purpose passes")
	case stranger.Sent("link a", token):
		t.Error("another browser's token passes")
	case b.Sent("link a", ""), (Browser{}).Sent("link a", (Browser{}).CSRF("link a")):
		t.Error("a token without a cookie passes")
	case strings.Contains(token, cookies[0].Value):
		t.Error("the token tells the cookie")
	}
}
