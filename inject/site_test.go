package inject

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// siteApp is software that people host themselves, below a path too.
func siteApp(sitePath bool) *catalog.App {
	app := keyApp("https://{host}/api", headers("X-Key", "{api_key}"))
	app.Fields = append(app.Fields, catalog.Field{Name: "host", Kind: catalog.KindHost, SitePath: sitePath})
	return app
}

// TestSiteOfCall: a site's path goes between its host and the app's base path, in calls and in
// endpoints, and nothing else does.
func TestSiteOfCall(t *testing.T) {
	for value, want := range map[string]string{
		"a.example":             "https://a.example/api/x",
		"a.example:8443":        "https://a.example:8443/api/x",
		"a.example/blog":        "https://a.example/blog/api/x",
		"A.Example:8443/B/~c-d": "https://a.example:8443/B/~c-d/api/x",
		"xn--bcher-kva.example": "https://xn--bcher-kva.example/api/x",
		"a.example/" + strings.Repeat("p", maxSitePath-1): "https://a.example/" + strings.Repeat("p", maxSitePath-1) +
			"/api/x",
		"a.example/" + strings.Repeat("p", maxSitePath): "",
		"a.example/":               "",
		"a.example//b":             "",
		"a.example/b/":             "",
		"a.example/b//c":           "",
		"a.example/.":              "",
		"a.example/..":             "",
		"a.example/b/../c":         "",
		"a.example/b./c":           "",
		"a.example/b...":           "",
		"a.example/%2e%2e":         "",
		"a.example/b%2fc":          "",
		"a.example/b;c":            "",
		`a.example/b\c`:            "",
		"a.example/b?c":            "",
		"a.example/b#c":            "",
		"a.example/b c":            "",
		"a.example/b@c":            "",
		"a.example/b:c":            "",
		"a.example/\u00fc":         "",
		"a.example?b":              "",
		"user@a.example/b":         "",
		"https://a.example/b":      "",
		"/b":                       "",
		"a/b":                      "",
		"127.0.0.1/b":              "",
		"b\u00fccher.example":      "",
		"xn--.example":             "", // no punycode
		"xn--a.example":            "", // of nothing that is not ASCII
		"xn--bcher-kva8.example/b": "",
	} {
		cred := testCredential("api_key", "k", "host", value)
		inj, err := NewInjection(mustPlace(t, siteApp(true)), cred, "/x", "", false, nil)
		got := ""
		if err == nil {
			r, e := inj.request(&http.Request{Method: http.MethodGet, Header: http.Header{}}, time.Now())
			if e != nil {
				t.Fatal(e)
			}
			got = r.URL.String()
		}
		if got != want || want == "" && !blames(mustPlace(t, siteApp(true)).Check(cred), "host") {
			t.Errorf("%q: %q, %v; want %q", value, got, err, want)
		}
		endpoint, err := Endpoint(siteApp(true), "https://{host}/login/token", func(string) (string, bool) {
			return value, true
		})
		if want = strings.Replace(want, "/api/x", "/login/token", 1); endpoint != want {
			t.Errorf("endpoint of %q: %q, %v; want %q", value, endpoint, err, want)
		}
		if _, err := NewInjection(mustPlace(t, siteApp(false)), cred, "/x", "", false, nil); err == nil &&
			strings.Contains(value, "/") {
			t.Errorf("%q: a path was taken for an app that has none", value)
		}
	}
}

func blames(err error, field string) bool {
	var blamed *FieldError
	return errors.As(err, &blamed) && blamed.Field == field
}

// TestLinksOfSite: what a link has before the app's base path is the site's, and what is beside it
// is not the gateway's.
func TestLinksOfSite(t *testing.T) {
	const own = "https://gw.example/proxy/c/app"
	names := []string{"www.a.example", "c.example/old", "d.example:8080/blog", "xn--bcher-kva.example/blog"}
	for _, c := range []struct{ host, raw, want string }{
		{"a.example/blog", "https://a.example/blog/api/y?p=2", own + "/y?p=2"},
		{"a.example/blog", "http://a.example/blog/api/y", own + "/y"},
		{"a.example/blog", "/blog/api/y", "/proxy/c/app/y"},
		{"a.example/blog", "/api/y", "https://a.example/api/y"},
		{"a.example/blog", "https://a.example/blog/wp-admin", "https://a.example/blog/wp-admin"},
		{"a.example/blog", "../api/y", "/proxy/c/app/y"},
		{"a.example/blog", "../../api/y", "https://a.example/api/y"},
		{"a.example", "https://www.a.example/api/y?p=2", own + "/y?p=2"},
		{"a.example", "http://WWW.a.example:80/api/y", own + "/y"},
		{"a.example", "//www.a.example/api/y", own + "/y"},
		{"a.example", "https://www.a.example/wp-admin", "https://www.a.example/wp-admin"},
		{"a.example", "https://www.a.example:8443/api/y", "https://www.a.example:8443/api/y"},
		{"a.example", "https://u@www.a.example/api/y", "https://u@www.a.example/api/y"},
		{"a.example", "https://b.a.example/api/y", "https://b.a.example/api/y"},
		{"a.example/blog", "https://www.a.example/api/y", own + "/y"},
		{"a.example/blog", "http://c.example/old/api/y", own + "/y"},
		{"a.example/blog", "http://c.example/older/api/y", "http://c.example/older/api/y"},
		{"a.example/blog", "http://c.example/old/../api/y", "http://c.example/old/../api/y"},
		{"a.example", "http://d.example:8080/blog/api/y", own + "/y"},
		{"a.example", "https://b\u00fccher.example/blog/api/y", own + "/y"},
		{"www.a.example/blog", "https://www.a.example/api/y", own + "/y"}, // behind a proxy that adds the path
		{"a.example", "https://www.a.example/api/../../x", "https://www.a.example/api/../../x"},
		{"a.example", "https://www.a.example/api/%2e%2e/%2e%2e/x", "https://www.a.example/api/%2e%2e/%2e%2e/x"},
	} {
		inj := injectionWith(t, siteApp(true), testCredential("api_key", "k", "host", c.host).Naming(names))
		if got := inj.rewriteURL(c.raw, testGateway); got != c.want {
			t.Errorf("at %s, %q became %q, want %q", c.host, c.raw, got, c.want)
		}
	}
}

// TestNameOfAnotherSite: who calls their site by somebody else's name gets no call to that: the
// link leads to the connection's own path at the gateway, which dials the connection's own host,
// and a name of the gateway's reaches no other connection.
func TestNameOfAnotherSite(t *testing.T) {
	cred := testCredential("api_key", "k", "host", "evil.example").Naming([]string{"api.victim.example", "gw.example"})
	inj := injectionWith(t, siteApp(true), cred)
	h := http.Header{"Location": {"https://api.victim.example/api/y"},
		"Link": {`<https://gw.example/proxy/other/app/y>; rel=next, <https://gw.example/api/y>; rel=x`}}
	inj.RewriteLinks(h, testGateway)
	if got := h.Get("Location"); got != "https://gw.example/proxy/c/app/y" {
		t.Errorf("Location became %q", got)
	}
	if got, there := h["Link"]; there && got[0] != "" {
		t.Errorf("Link became %q", got)
	}
	r, err := inj.request(&http.Request{Method: http.MethodGet, Header: http.Header{}}, time.Now())
	if err != nil || r.URL.Host != "evil.example" || r.Host != "evil.example" {
		t.Errorf("the call goes to %s, %v", r.URL, err)
	}
	if names := inj.credential(); !names.Equal(testCredential("api_key", "k", "host", "evil.example")) {
		t.Error("the names are a part of the credential")
	}
}

func TestParseSite(t *testing.T) {
	for raw, want := range map[string]string{
		"https://www.example.com": "www.example.com", "http://Example.com:80/Blog/": "example.com/Blog",
		"https://example.com:8443": "example.com:8443",
		"http://localhost:3000/":   "localhost:3000", "http://10.0.0.7/git": "10.0.0.7/git",
		"https://b\u00fccher.example/": "xn--bcher-kva.example",
		"https://example.com./":        "example.com", " https://example.com ": "example.com",
		"": "", "example.com": "", "//example.com": "", "ftp://example.com": "", "https://": "", "https:///a": "",
		"https://u@example.com": "",
		"https://example.com?a": "", "https://example.com#a": "", "https://example.com/a;b": "",
		"https://example.com/a/../b": "", "https://[::1]/": "",
		"https://a.example:x": "", "https://a.example:8 evil.example": "", "https://a.example:0": "",
		"https://a.example:65536": "", "https://a.example:+1": "",
		"https://exa mple.com": "", "https://-a.example": "", `https:\\example.com`: "", "https://example.com/%2e": "",
		"https://a.example,b.example":                 "",
		"https://" + strings.Repeat("a.", 127) + "aa": "",
	} {
		site, ok := ParseSite(raw)
		if site.String() != want || ok != (want != "") {
			t.Errorf("%q: %q, %t; want %q", raw, site, ok, want)
		}
	}
}

// BenchmarkSite: a site's path costs a call one string more than a host without one.
func BenchmarkSite(b *testing.B) {
	p := mustPlace(b, siteApp(true))
	for _, host := range []string{"a.example", "a.example/blog"} {
		cred := vending.NewFields("app", vending.APIKey,
			[]vending.Field{{Name: "api_key", Value: "k"}, {Name: "host", Value: host}})
		b.Run(strings.ReplaceAll(host, "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := NewInjection(p, cred, "/x", "", false, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
