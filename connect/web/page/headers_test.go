package page

import (
	"net/http"
	"strings"
	"testing"
)

func TestSecurityHeaders(t *testing.T) {
	const policy = "Content-Security-Policy"
	tests := []struct {
		name   string
		o      HeaderOptions
		want   map[string]string
		absent []string
	}{
		{"hosted", HeaderOptions{}, map[string]string{
			policy: "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri " +
				"'none'; frame-ancestors 'none'",
			"X-Frame-Options":        "DENY",
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"Cache-Control":          "no-store",
		}, []string{"Strict-Transport-Security", "Cross-Origin-Opener-Policy"}},
		{"logo and frame",
			HeaderOptions{LogoURL: "https://cdn.example:8443/a/b.png?c", FrameAncestors: []string{"https://app.example",
				"http://localhost:3000", "https://*.example"}, TLS: true}, map[string]string{
				policy: "default-src 'none'; style-src 'self'; img-src 'self' https://cdn.example:8443; form-action 'self'; " +
					"base-uri 'none'; " +
					"frame-ancestors https://app.example http://localhost:3000 https://*.example",
				"Strict-Transport-Security": "max-age=31536000",
			}, []string{"X-Frame-Options"}},
		{"dashboard", HeaderOptions{Dashboard: true}, map[string]string{
			policy: "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; " +
				"base-uri 'none'; frame-ancestors 'none'; script-src 'self'; connect-src 'self'",
			"Cross-Origin-Opener-Policy": "same-origin",
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := http.Header{}
			SecurityHeaders(h, test.o)
			for key, want := range test.want {
				if got := h.Get(key); got != want {
					t.Errorf("%s is %q; want %q", key, got, want)
				}
			}
			for _, key := range test.absent {
				if got, ok := h[http.CanonicalHeaderKey(key)]; ok {
					t.Errorf("%s is %q", key, got)
				}
			}
		})
	}
}

func TestPolicyCannotBeWidened(t *testing.T) {
	for _, s := range []string{
		"https://a.example; script-src *", "https://a.example script-src", "https://a.example,b", "*", "https:", "https://",
		"https://*", "javascript:x",
		"https://a.example'", "data:", "https://u@a.example", "'unsafe-inline'", "https://a\r\nb", "https://é.example",
		"https://*.*.example",
	} {
		h := http.Header{}
		SecurityHeaders(h, HeaderOptions{LogoURL: s, FrameAncestors: []string{s}})
		got := h.Get("Content-Security-Policy")
		if !strings.Contains(got, "img-src 'self'; form-action") || !strings.HasSuffix(got, "frame-ancestors 'none'") {
			t.Errorf("%q makes the policy %q", s, got)
		}
	}
}
