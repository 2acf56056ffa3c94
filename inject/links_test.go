package inject

import (
	"net/http"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

func testGateway() Gateway { return Gateway{Origin: "https://gw.example", Path: "/proxy/c/app"} }

func injectionWith(t testing.TB, app *catalog.App, cred vending.Credential) *Injection {
	t.Helper()
	inj, err := NewInjection(mustPlace(t, app), cred, "/x", "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return inj
}

func TestRewriteURL(t *testing.T) {
	app := keyApp("https://api.example.com/v1",
		&catalog.Placement{PathPrefix: "/bot{api_key}", Query: map[string]string{"key": "{api_key}"}})
	inj := injectionWith(t, app, testCredential("api_key", "t:k"))
	const own = "https://gw.example/proxy/c/app"
	for _, c := range []struct{ name, raw, want string }{
		{"absolute", "https://api.example.com/v1/bott:k/a?p=2#f", own + "/a?p=2#f"},
		{"absolute, base alone", "https://api.example.com/v1/bott:k", own},
		{"default port", "https://api.example.com:443/v1/bott:k/a", own + "/a"},
		{"host in upper case", "HTTPS://API.Example.com/v1/bott:k/a", own + "/a"},
		{"scheme-relative", "//api.example.com/v1/bott:k/a", own + "/a"},
		{"path", "/v1/bott:k/a%2Fb", "/proxy/c/app/a%2Fb"},
		{"credential's query key stripped", "/v1/bott:k/a?p=2&key=t%3Ak&q=3", "/proxy/c/app/a?p=2&q=3"},
		{"relative", "next?p=2", "next?p=2"},
		{"relative with the credential's key", "next?p=2&key=t:k", "next?p=2"},
		{"query alone", "?p=2", "?p=2"},
		{"empty", "", ""},
		{"another port", "https://api.example.com:8443/v1/bott:k/a", "https://api.example.com:8443/v1/bott:k/a"},
		{"another host", "https://evil.example/v1/bott:k/a", "https://evil.example/v1/bott:k/a"},
		{"a host that ends alike", "https://api.example.com.evil.example/v1/a", "https://api.example.com.evil.example/v1/a"},
		{"another scheme", "http://api.example.com/v1/bott:k/a", own + "/a"},
		{"another scheme, its port", "http://api.example.com:80/v1/bott:k/a", own + "/a"},
		{"one scheme and the other's port", "https://api.example.com:80/v1/bott:k/a", own + "/a"},
		{"the dot of the root", "https://api.example.com./v1/bott:k/a", own + "/a"},
		{"another scheme, another port", "http://api.example.com:8080/v1/bott:k/a",
			"http://api.example.com:8080/v1/bott:k/a"},
		{"another scheme, outside of the base", "http://api.example.com/v2/a", "https://api.example.com/v2/a"},
		{"the gateway by another scheme", "http://gw.example/proxy/other/app/a", ""},
		{"userinfo", "https://api.example.com@evil.example/v1", "https://api.example.com@evil.example/v1"},
		{"own host with userinfo", "https://u:p@api.example.com/v1/bott:k/a", "https://u:p@api.example.com/v1/bott:k/a"},
		{"outside of the base path", "/v2/a", "https://api.example.com/v2/a"},
		{"outside of the prefix", "https://api.example.com/v1/file/a", "https://api.example.com/v1/file/a"},
		{"base path that begins alike", "/v1/bott:kk/a", "https://api.example.com/v1/bott:kk/a"},
		{"opaque", "mailto:a@b.example", "mailto:a@b.example"},
		{"no URL", "http://[::1", "http://[::1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := inj.rewriteURL(c.raw, testGateway); got != c.want {
				t.Errorf("%q became %q, want %q", c.raw, got, c.want)
			}
		})
	}
}

func TestRewriteLinks(t *testing.T) {
	inj := injectionWith(t, keyApp("https://api.example.com", headers("X-Key", "{api_key}")),
		testCredential("api_key", "secret"))
	h := http.Header{
		"Location":         {"https://api.example.com/a"},
		"Content-Location": {"/b"},
		"Link": {
			`<https://api.example.com/a?page=2>; rel="next", </c>; rel="last", <https://other.example/d>; rel=x`,
			`<e>; title="a <https://api.example.com/not> \" <b>"; rel=y, <https://api.example.com/f>`,
			`<unclosed https://api.example.com/g`,
		},
		"Refresh": {"5; url=https://api.example.com/h"},
	}
	inj.RewriteLinks(h, testGateway)
	const own = "https://gw.example/proxy/c/app"
	for name, want := range map[string][]string{
		"Location":         {own + "/a"},
		"Content-Location": {"/proxy/c/app/b"},
		"Link": {
			`<` + own + `/a?page=2>; rel="next", </proxy/c/app/c>; rel="last", <https://other.example/d>; rel=x`,
			`<e>; title="a <https://api.example.com/not> \" <b>"; rel=y, <` + own + `/f>`,
			`<unclosed https://api.example.com/g`,
		},
		"Refresh": {"5; url=https://api.example.com/h"},
	} {
		for i := range want {
			if h[name][i] != want[i] {
				t.Errorf("%s became %q, want %q", name, h[name][i], want[i])
			}
		}
	}
}
