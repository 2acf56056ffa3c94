package inject

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

func extraApp(hosts ...string) *catalog.App {
	app := keyApp("https://api.example.com/v1", &catalog.Placement{
		Header: map[string]string{"X-Key": "{api_key}"}, Query: map[string]string{"key": "{api_key}"},
	})
	app.ExtraHosts = hosts
	return app
}

func TestSplit(t *testing.T) {
	p := mustPlace(t, extraApp("upload.example.com", "files.example.com:8443"))
	for _, c := range []struct{ path, at, rest string }{
		{"", "", ""},
		{"/", "", "/"},
		{"/a/~upload.example.com/b", "", "/a/~upload.example.com/b"},
		{"/a~", "", "/a~"},
		{"/~upload.example.com/v1/a%2Fb", "/~upload.example.com", "/v1/a%2Fb"},
		{"/~upload.example.com/~files.example.com:8443/x", "/~upload.example.com", "/~files.example.com:8443/x"},
		{"/~upload.example.com//x", "/~upload.example.com", "//x"},
		{"/~upload.example.com/", "/~upload.example.com", "/"},
		{"/~upload.example.com", "/~upload.example.com", ""},
		{"/~files.example.com:8443/x", "/~files.example.com:8443", "/x"},
	} {
		if at, rest, err := p.Split(c.path); at != c.at || rest != c.rest || err != nil {
			t.Errorf("%q: %q and %q, error %v; want %q and %q", c.path, at, rest, err, c.at, c.rest)
		}
	}
}

// TestSplitRefuses: what looks like an extra host and is none goes nowhere.
func TestSplitRefuses(t *testing.T) {
	p := mustPlace(t, extraApp("upload.example.com", "files.example.com:8443"))
	for _, path := range []string{
		"/~", "/~/", "/~evil.example/x", "/~UPLOAD.example.com/x", "/~upload.example.com./x", "/~upload.example.com:443/x",
		"/~files.example.com/x", "/~upload.example.com@evil.example/x", "/~u@upload.example.com/x",
		"/~upload.example.com%2Fx",
		"/~upload.example.com;a/x", "/~upload.example.com%00/x", "/~api.example.com/v1", "/~upload%2Eexample.com/x",
		"/%7eupload.example.com/x", "/%7Eupload.example.com/x", "/%257eupload.example.com/x", "//~upload.example.com/x",
		"/%2f~upload.example.com/x", "/~~upload.example.com/x", "/~.upload.example.com/x",
		"/~upload.example.com.evil.example/x",
	} {
		host, rest, err := p.Split(path)
		e := vending.AsError(err)
		if err == nil || e.Code != vending.InvalidRequest ||
			!strings.Contains(e.Text(), "~upload.example.com or ~files.example.com:8443") {
			t.Errorf("%q: %q and %q, error %v", path, host, rest, err)
		}
	}
}

func TestSplitWithoutExtraHosts(t *testing.T) {
	p := mustPlace(t, extraApp())
	for _, path := range []string{"/~alice/page", "/%7Ealice", "/~upload.example.com/x", "//~a"} {
		if host, rest, err := p.Split(path); host != "" || rest != path || err != nil {
			t.Errorf("%q: %q and %q, error %v", path, host, rest, err)
		}
	}
}

func injectionAt(t *testing.T, path string) *Injection {
	t.Helper()
	inj, err := NewInjection(mustPlace(t, extraApp("upload.example.com", "files.example.com")),
		testCredential("api_key", "secret"), path, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return inj
}

func TestRewriteURLOfExtraHosts(t *testing.T) {
	const own = "https://gw.example/proxy/c/app"
	for _, c := range []struct{ name, called, raw, want string }{
		{"upstream to extra", "/x", "https://upload.example.com/v1/s?id=1&key=secret#f",
			own + "/~upload.example.com/v1/s?id=1#f"},
		{"upstream to extra, host alone", "/x", "https://upload.example.com?id=1", own + "/~upload.example.com?id=1"},
		{"upstream to extra, default port and case", "/x", "//UPLOAD.example.com:443/a", own + "/~upload.example.com/a"},
		{"upstream to extra, another scheme", "/x", "http://upload.example.com/a", own + "/~upload.example.com/a"},
		{"upstream to extra, other port", "/x", "https://upload.example.com:444/a", "https://upload.example.com:444/a"},
		{"upstream to itself", "/x", "https://api.example.com/v1/a", own + "/a"},
		{"upstream to itself where ~ means a host", "/x", "https://api.example.com/v1/~a", "https://api.example.com/v1/~a"},
		{"upstream, path where ~ means a host", "/x", "/v1/~upload.example.com/a",
			"https://api.example.com/v1/~upload.example.com/a"},
		{"extra to upstream", "/~upload.example.com/s", "https://api.example.com/v1/a", own + "/a"},
		{"extra to upstream outside of its base", "/~upload.example.com/s", "https://api.example.com/v2/a?key=secret",
			"https://api.example.com/v2/a"},
		{"extra to itself", "/~upload.example.com/s", "https://upload.example.com/v1/s", own + "/~upload.example.com/v1/s"},
		{"extra to another", "/~upload.example.com/s", "https://files.example.com/f", own + "/~files.example.com/f"},
		{"extra, path", "/~upload.example.com/s", "/v2/s%2F1", "/proxy/c/app/~upload.example.com/v2/s%2F1"},
		{"extra, relative", "/~upload.example.com/s", "next?key=secret&p=2", "next?p=2"},
		{"extra to a stranger", "/~upload.example.com/s", "https://evil.example/s", "https://evil.example/s"},
		{"extra to a host that begins alike", "/~upload.example.com/s", "https://upload.example.com.evil.example/s",
			"https://upload.example.com.evil.example/s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := injectionAt(t, c.called).rewriteURL(c.raw, testGateway); got != c.want {
				t.Errorf("%q became %q, want %q", c.raw, got, c.want)
			}
		})
	}
}

// TestRequestToExtraHost: the path goes below the host's root, the credential as to the upstream,
// and Host and URL agree.
func TestRequestToExtraHost(t *testing.T) {
	p := mustPlace(t, extraApp("upload.example.com"))
	out := sent(t, p, testCredential("api_key", "secret"), "/~upload.example.com/v2/a%2Fb", http.Header{"X-Key": {"mine"}})
	if out.URL.String() != "https://upload.example.com/v2/a%2Fb?key=secret" || out.Host != "upload.example.com" ||
		out.Header.Get("X-Key") != "secret" {
		t.Errorf("it would send %s to %s with %q", out.URL, out.Host, out.Header)
	}
}

// TestDefaultHeaders: an app's header goes out unless the caller sends one of that name.
func TestDefaultHeaders(t *testing.T) {
	app := keyApp("https://api.example.com", headers("X-Key", "{api_key}"))
	app.Headers = map[string]string{"notion-version": "2022-06-28", "USER-AGENT": "vendgate", "Accept": "application/json"}
	p := mustPlace(t, app)
	for name, c := range map[string]struct {
		caller http.Header
		want   map[string]string
	}{
		"none of the caller's": {http.Header{},
			map[string]string{"Notion-Version": "2022-06-28", "User-Agent": "vendgate", "Accept": "application/json"}},
		// as ReverseProxy writes it
		"no user agent": {http.Header{"User-Agent": {""}}, map[string]string{"User-Agent": "vendgate"}},
		"the caller's own": {http.Header{"Notion-Version": {"2026-01-01"}, "User-Agent": {"sdk/1"}, "Accept": {""}},
			map[string]string{"Notion-Version": "2026-01-01", "User-Agent": "sdk/1", "Accept": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			out := sent(t, p, testCredential("api_key", "secret"), "/x", c.caller)
			for header, want := range c.want {
				if got := out.Header[header]; len(got) != 1 || got[0] != want {
					t.Errorf("%s: %q, want %q", header, got, want)
				}
			}
		})
	}
}

// TestPatternHost: a host that fits a pattern is one of the app's, in calls and in links, unless
// the upstream is it.
func TestPatternHost(t *testing.T) {
	app := extraApp("*.svc.*.example.com")
	app.Upstream = "https://{sub}.svc.main.example.com/v1"
	place := mustPlace(t, app)
	cred := testCredential("api_key", "secret", "sub", "api")
	inj, err := NewInjection(place, cred, "/~index-1.svc.eu.example.com/query", "", false, nil)
	if err != nil || inj.host != "index-1.svc.eu.example.com" || inj.base != "" {
		t.Fatalf("host %q, base %q, error %v", inj.host, inj.base, err)
	}
	for raw, want := range map[string]string{
		"https://index-2.svc.eu.example.com/a":      "https://gw.example/proxy/c/app/~index-2.svc.eu.example.com/a",
		"https://INDEX-2.svc.eu.example.com.:443/a": "https://gw.example/proxy/c/app/~index-2.svc.eu.example.com/a",
		"https://api.svc.main.example.com/v1/a":     "https://gw.example/proxy/c/app/a",
		"https://api.svc.main.example.com/v2/a":     "https://api.svc.main.example.com/v2/a",
		"https://a.b.svc.eu.example.com/a":          "https://a.b.svc.eu.example.com/a",
		"https://index-2.svc.eu.example.com:8443/a": "https://index-2.svc.eu.example.com:8443/a",
	} {
		if got := inj.rewriteURL(raw, testGateway); got != want {
			t.Errorf("%s became %s, want %s", raw, got, want)
		}
	}
	for _, path := range []string{"/~api.svc.main.example.com/v2/a", "/~INDEX.svc.eu.example.com/",
		"/~svc.eu.example.com/", "/~evil.example/.svc.eu.example.com"} {
		if _, err := NewInjection(place, cred, path, "", false, nil); vending.AsError(err).Code != vending.InvalidRequest {
			t.Errorf("%s: %v", path, err)
		}
	}
}
