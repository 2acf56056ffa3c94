package inject

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

func linkedInjection(t testing.TB) *Injection {
	app := keyApp("https://api.example.com/v1", &catalog.Placement{Query: map[string]string{"key": "{api_key}"}})
	app.ExtraHosts = []string{"files.example.com", "*.svc.eu.example.net"}
	app.Links = &catalog.Links{Members: []string{"next", "host"}, Headers: []string{"x-upload-url"}}
	return injectionWith(t, app, testCredential("api_key", "the-secret/1"))
}

func TestRewriteAddress(t *testing.T) {
	inj := linkedInjection(t)
	const own = "https://gw.example/proxy/c/app"
	for _, c := range []struct{ name, value, want string }{
		{"absolute", "https://api.example.com/v1/a?p=2", own + "/a?p=2"},
		{"an extra host", "https://files.example.com/a", own + "/~files.example.com/a"},
		{"a host of a pattern", "https://i-1.svc.eu.example.net/a", own + "/~i-1.svc.eu.example.net/a"},
		{"without a scheme", "//files.example.com/a", own + "/~files.example.com/a"},
		{"the placement's parameter", "https://api.example.com/v1/a?key=x&p=2", own + "/a?p=2"},
		{"the credential under another name", "https://api.example.com/v1/a?access_token=the-secret%2F1&p=2", own + "/a?p=2"},
		{"the credential, outside of the base path", "https://api.example.com/v2/a?access_token=the-secret/1&p=2",
			"https://api.example.com/v2/a?p=2"},
		{"a template", "https://api.example.com/v1/a/{id}{?q,p}", own + "/a/{id}{?q,p}"},
		{"a template that is escaped in part", "https://api.example.com/v1/a%7B/{id}", own + "/a%7B/%7Bid%7D"},
		{"a bare host", "i-1.svc.eu.example.net", "gw.example/proxy/c/app/~i-1.svc.eu.example.net"},
		{"a bare host with its port", "i-1.svc.eu.example.net:443", "gw.example/proxy/c/app/~i-1.svc.eu.example.net"},
		{"a bare host with a base path", "api.example.com", "api.example.com"},
		{"another bare host", "evil.example", "evil.example"},
		{"the gateway's host", "gw.example", ""},
		{"the gateway", "https://gw.example/proxy/other/app/", ""},
		{"the gateway by a backslash", `\\gw.example/proxy/other/app/`,
			"https://api.example.com//gw.example/proxy/other/app/"},
		{"a socket", "wss://files.example.com/a?ticket=1", "wss://gw.example/proxy/c/app/~files.example.com/a?ticket=1"},
		{"another socket", "wss://evil.example/a", "wss://evil.example/a"},
		{"a socket of the gateway", "ws://gw.example/a", ""},
		{"another host", "https://evil.example/a?p={x}", "https://evil.example/a?p={x}"},
		{"a host that ends alike", "https://files.example.com.evil.example/a", "https://files.example.com.evil.example/a"},
		{"a path", "/v1/a?page=2", "/v1/a?page=2"},
		{"a cursor", "b2Zmc2V0PTI", "b2Zmc2V0PTI"},
		{"a number of a version", "1.2.3", "1.2.3"},
		{"an opaque one", "urn:files.example.com", "urn:files.example.com"},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := inj.rewriteAddress(c.value, testGateway); got != c.want {
				t.Errorf("%q became %q, want %q", c.value, got, c.want)
			}
		})
	}
}

func TestRewriteDeclaredHeaders(t *testing.T) {
	inj := linkedInjection(t)
	h := http.Header{
		"X-Upload-Url": {"https://files.example.com/u?id=1", "https://gw.example/proxy/other/app/", "/v1/a", "token"},
		"X-Other-Url":  {"https://files.example.com/u"},
	}
	inj.RewriteLinks(h, testGateway)
	const own = "https://gw.example/proxy/c/app"
	got, want := h["X-Upload-Url"], []string{own + "/~files.example.com/u?id=1", "/proxy/c/app/a", "token"}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Errorf("X-Upload-Url is %q, want %q", got, want)
	}
	if h.Get("X-Other-Url") != "https://files.example.com/u" {
		t.Errorf("a header that is not declared became %q", h.Get("X-Other-Url"))
	}
}

// TestRewriteAddressByHost: a caller that named the app by host gets addresses of that form.
func TestRewriteAddressByHost(t *testing.T) {
	inj := linkedInjection(t)
	byHost := func() Gateway {
		return Gateway{
			Origin:   "https://app.gw.example",
			OriginOf: func(label string) string { return "https://app" + strings.TrimSuffix("--"+label, "--") + ".gw.example" },
			Own:      func(name string) bool { return strings.HasSuffix(name, ".gw.example") },
		}
	}
	for value, want := range map[string]string{
		"https://api.example.com/v1/a":     "https://app.gw.example/v1/a",
		"api.example.com":                  "app.gw.example",
		"i-1.svc.eu.example.net":           "app.gw.example/~i-1.svc.eu.example.net",
		"https://other.gw.example/v1/a":    "",
		"https://evil.example/gw.example/": "https://evil.example/gw.example/",
	} {
		if got := inj.rewriteAddress(value, byHost); got != want {
			t.Errorf("%q became %q, want %q", value, got, want)
		}
	}
}
