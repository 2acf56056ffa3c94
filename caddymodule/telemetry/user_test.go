package telemetry

import (
	"net/http"
	"strings"
	"testing"
)

func TestUsers(t *testing.T) {
	hashed := NewUsers("a key of the operator's")
	pseudonym := hashed.shown("alice@example.com")
	other := hashed.shown("a@b.example")
	if !strings.HasPrefix(pseudonym, "user-") || len(pseudonym) != 25 ||
		pseudonym == NewUsers("another").shown("alice@example.com") {
		t.Errorf("the pseudonym is %s", pseudonym)
	}
	for text, want := range map[string]string{
		"/connect/dashboard/connections?user=alice%40example.com&page=2": "/connect/dashboard/connections?user=USER&page=2",
		"/proxy/c1/gmail/users/Alice@Example.com/messages":               "/proxy/c1/gmail/users/USER/messages",
		"https://idp.example/auth?login_hint=alice%40example.com":        "https://idp.example/auth?login_hint=USER",
		"/x?q=to%3Dalice%40example.com":                                  "/x?q=to=USER",
		"/x?q=from%3Aalice%40example.com%20is%3Aunread%20a@b.example":    "/x?q=from:USER%20is:unread%20OTHER",
		"/x?next=%2Fy%3Fu%3Dalice%2540example.com%26z%3D1":               "/x?next=%2Fy%3Fu=USER&z=1",
		"/x/%61lice%40example.com?y=100%&z=%40x@":                        "/x/USER?y=100%&z=%40x@",
		"/plain/path?x=1":                "/plain/path?x=1",
		"Alice <alice@example.com>, bob": "Alice <USER>, bob",
	} {
		if got := hashed.text(text); got != strings.NewReplacer("USER", pseudonym, "OTHER", other).Replace(want) {
			t.Errorf("hash: %s became %s", text, got)
		}
		if got := NewUsers("").text(text); got != strings.NewReplacer("USER", redacted, "OTHER", redacted).Replace(want) {
			t.Errorf("off: %s became %s", text, got)
		}
		if got := (*Users)(nil).text(text); got != text {
			t.Errorf("plain: %s became %s", text, got)
		}
	}
	h := http.Header{"X-User-Email": {" Alice@example.com"}, "X-External-User-Id": {"42"}, "From": {"alice@example.com"},
		"Accept": {"*/*"}}
	shown := hashed.header(h)
	if shown.Get("X-User-Email") != pseudonym || shown.Get("From") != pseudonym || shown.Get("Accept") != "*/*" ||
		shown.Get("X-External-User-Id") != hashed.shown("42") || h.Get("From") != "alice@example.com" {
		t.Errorf("%v became %v", h, shown)
	}
}
