package inject

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// gitApp is an app whose API takes its key in a header, and whose git server takes it by HTTP
// Basic, as GitLab's does (lib/gitlab/auth.rb, Projects::… GitHttpClientController).
func gitApp(host string) *catalog.App {
	app := keyApp("https://git.example.com/api/v4",
		&catalog.Placement{Header: map[string]string{"PRIVATE-TOKEN": "{api_key}"}})
	app.ExtraHosts = []string{"upload.example.com"}
	app.Beside = &catalog.Beside{
		Host: host, Paths: []string{"/**/*.git/info/refs", "/**/*.git/git-upload-pack", "/uploads/**", "/one/*"},
		Placement: &catalog.Placement{Basic: &catalog.Basic{Username: "oauth2", Password: "{api_key}"}},
	}
	return app
}

func TestSplitBeside(t *testing.T) {
	p, other := mustPlace(t, gitApp("")), mustPlace(t, gitApp("code.example.com"))
	for _, path := range []string{
		"/g/r.git/info/refs", "/g/sub/r.git/git-upload-pack", "/uploads/a/b%20c.png", "/uploads/Gr%C3%BC%C3%9Fe.jpg",
		"/uploads/api/v4/x",
		"/uploads/", "/one/a~b", "/one/x",
	} {
		if at, rest, err := p.Split("/~" + path); at != "/~" || rest != path || err != nil {
			t.Errorf("%q: %q and %q, error %v", path, at, rest, err)
		}
		if at, rest, err := other.Split("/~code.example.com" + path); at != "/~code.example.com" || rest != path ||
			err != nil {
			t.Errorf("%q at the other host: %q and %q, error %v", path, at, rest, err)
		}
	}
	if at, _, err := p.Split("/~upload.example.com/x"); at != "/~upload.example.com" || err != nil {
		t.Errorf("the extra host: %q, error %v", at, err)
	}
	if at, rest, err := p.Split("/g/r.git/info/refs"); at != "" || rest != "/g/r.git/info/refs" || err != nil {
		t.Errorf("a path of the API: %q and %q, error %v", at, rest, err)
	}
}

// TestSplitBesideRefuses: what is not declared goes nowhere, and no spelling leads to the API,
// whose paths rules know by other names.
func TestSplitBesideRefuses(t *testing.T) {
	p, other := mustPlace(t, gitApp("")), mustPlace(t, gitApp("code.example.com"))
	for _, path := range []string{
		"", "/", "/users", "/g/r.git", "/g/r.git/info", "/g/r.git/info/refs/", "/g/r.git/info/refs/x", "/g/r/info/refs",
		"/r.git/info/refs", "/uploads", "/Uploads/x",
		"/one/", "/one/x/y", "/g/r.git%2finfo/refs", "/g%2Fr.git/info/refs", "//g/r.git/info/refs", "/g//r.git/info/refs",
		"/uploads/x%2e%2e/%252e", "/uploads/../x",
		"/uploads/%2e%2e/x", "/uploads/x;y", "/uploads/x%3Fy", "/uploads/x%23y", "/uploads/x%5Cy", "/uploads/%00",
		"/uploads/%ff", "/uploads/%zz", "/uploads/100%25",
	} {
		for at, place := range map[string]*Placement{"/~": p, "/~code.example.com": other} {
			if _, _, err := place.Split(at + path); err == nil || vending.AsError(err).Code != vending.InvalidRequest {
				t.Errorf("%q after %s: error %v", path, at, err)
			}
		}
	}
	for _, path := range []string{
		"/api/v4/r.git/info/refs", "/API/v4/r.git/info/refs", "/api/V4/r.git/info/refs", "/%61pi/v4/r.git/info/refs",
		"/api./v4/r.git/info/refs", "/api/v4%20/r.git/info/refs",
		"/%EF%BD%81pi/v4/r.git/info/refs",
	} {
		if _, _, err := p.Split("/~" + path); err == nil {
			t.Errorf("%q reaches the API", path)
		}
		if _, _, err := other.Split("/~code.example.com" + path); err != nil && !strings.Contains(path, "%EF") {
			t.Errorf("%q at another host: %v", path, err)
		}
	}
	for _, path := range []string{"/%7e/uploads/x", "//~/uploads/x", "/%2f~/uploads/x", "/~~/uploads/x",
		"/~code.example.com/uploads/x"} {
		if _, _, err := p.Split(path); err == nil || vending.AsError(err).Code != vending.InvalidRequest {
			t.Errorf("%q: error %v", path, err)
		}
	}
}

// TestRequestBeside: the credential goes as the git server wants it, and neither the API's header
// nor one of the caller's goes along.
func TestRequestBeside(t *testing.T) {
	for host, want := range map[string]string{"": "git.example.com", "code.example.com": "code.example.com"} {
		p := mustPlace(t, gitApp(host))
		out := sent(t, p, testCredential("api_key", "secret"), "/~"+host+"/g/r.git/info/refs",
			http.Header{"Private-Token": {"mine"}, "Authorization": {"mine"}})
		user, password, _ := out.BasicAuth()
		if out.URL.String() != "https://"+want+"/g/r.git/info/refs" || out.Host != want || user != "oauth2" ||
			password != "secret" || out.Header["Private-Token"] != nil {
			t.Errorf("it would send %s to %s with %q", out.URL, out.Host, out.Header)
		}
	}
	out := sent(t, mustPlace(t, gitApp("")), testCredential("api_key", "secret"), "/user", http.Header{})
	if out.URL.Path != "/api/v4/user" || out.Header.Get("Private-Token") != "secret" ||
		out.Header.Get("Authorization") != "" {
		t.Errorf("the API gets %s with %q", out.URL, out.Header)
	}
}

func TestRewriteURLBeside(t *testing.T) {
	const own = "https://gw.example/proxy/c/app"
	for _, c := range []struct{ name, host, called, raw, want string }{
		{"API to beside", "", "/x", "https://git.example.com/uploads/a?b=1#f", own + "/~/uploads/a?b=1#f"},
		{"API to beside, path", "", "/x", "/uploads/a", "/proxy/c/app/~/uploads/a"},
		{"API to what is not declared", "", "/x", "https://git.example.com/login", "https://git.example.com/login"},
		{"API to itself", "", "/x", "https://git.example.com/api/v4/a", own + "/a"},
		{"API to an odd spelling", "", "/x", "https://git.example.com/uploads//a", "https://git.example.com/uploads//a"},
		{"beside to itself", "", "/~/old/r.git/info/refs",
			"https://git.example.com/new/r.git/info/refs?service=git-upload-pack",
			own + "/~/new/r.git/info/refs?service=git-upload-pack"},
		{"beside to the API", "", "/~/uploads/a", "https://git.example.com/api/v4/a", own + "/a"},
		{"beside to the API, path", "", "/~/uploads/a", "/api/v4/a", "/proxy/c/app/a"},
		{"beside to an extra host", "", "/~/uploads/a", "https://upload.example.com/a", own + "/~upload.example.com/a"},
		{"beside to what is not declared", "", "/~/uploads/a", "/login", "https://git.example.com/login"},
		{"beside, relative", "", "/~/uploads/a", "b?c", "b?c"},
		{"beside, relative, above", "", "/~/uploads/a/b", "../c", "/proxy/c/app/~/uploads/c"},
		{"beside, relative, out", "", "/~/uploads/a", "../login", "https://git.example.com/login"},
		{"other host to itself", "code.example.com", "/~code.example.com/uploads/a", "/uploads/b",
			"/proxy/c/app/~code.example.com/uploads/b"},
		{"other host to what is not declared", "code.example.com", "/~code.example.com/uploads/a", "/login",
			"https://code.example.com/login"},
		{"other host to the API", "code.example.com", "/~code.example.com/uploads/a", "https://git.example.com/api/v4/a",
			own + "/a"},
		{"API to the other host", "code.example.com", "/x", "https://code.example.com/uploads/a",
			own + "/~code.example.com/uploads/a"},
		{"API to the other host, not declared", "code.example.com", "/x", "https://code.example.com/login",
			"https://code.example.com/login"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inj, err := NewInjection(mustPlace(t, gitApp(c.host)), testCredential("api_key", "secret"), c.called, "", false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := inj.rewriteURL(c.raw, testGateway); got != c.want {
				t.Errorf("%q became %q, want %q", c.raw, got, c.want)
			}
		})
	}
}

// TestBesideAtTheRoot: where the API has no base path, a path may be reached both ways; a call
// stays on the side that it came by, since the credential goes elsewhere there.
func TestBesideAtTheRoot(t *testing.T) {
	app := gitApp("")
	app.Upstream = "https://git.example.com"
	for called, want := range map[string]string{"/~/a/r.git/info/refs": "/proxy/c/app/~/b/r.git/info/refs",
		"/a/r.git/info/refs": "/proxy/c/app/b/r.git/info/refs"} {
		inj, err := NewInjection(mustPlace(t, app), testCredential("api_key", "secret"), called, "", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := inj.rewriteURL("/b/r.git/info/refs", testGateway); got != want {
			t.Errorf("from %s it became %q, want %q", called, got, want)
		}
	}
}

// TestBesideRelay: a source's own proxy puts the credential where the API takes it, and so cannot
// call what takes it elsewhere.
func TestBesideRelay(t *testing.T) {
	for path, ok := range map[string]bool{"/user": true, "/~/uploads/a": false} {
		var wire bytes.Buffer
		_, err := NewInjection(mustPlace(t, gitApp("")), relayed(&wire, http.StatusOK), path, "", false, nil)
		if (err == nil) != ok {
			t.Errorf("%s: %v", path, err)
		}
	}
	same := gitApp("")
	same.Beside.Placement = nil
	if _, err := NewInjection(mustPlace(t, same), relayed(new(bytes.Buffer), http.StatusOK), "/~/uploads/a", "", false,
		nil); err != nil {
		t.Errorf("by the API's own placement: %v", err)
	}
}

// TestOutsideAPIAtASite: what lies beside the API of software that people host themselves lies
// below the path of their site, and its links may name the site otherwise.
func TestOutsideAPIAtASite(t *testing.T) {
	app := siteApp(true)
	app.Beside = &catalog.Beside{Paths: []string{"/uploads/**"}}
	p := mustPlace(t, app)
	cred := testCredential("api_key", "secret", "host", "a.example/blog").Naming([]string{"www.a.example/site"})
	if out := sent(t, p, cred, "/~/uploads/a", http.Header{}); out.URL.String() != "https://a.example/blog/uploads/a" {
		t.Errorf("it would call %s", out.URL)
	}
	const own = "https://gw.example/proxy/c/app"
	for _, called := range []string{"/x", "/~/uploads/a"} {
		for raw, want := range map[string]string{
			"https://a.example/blog/uploads/b":     own + "/~/uploads/b",
			"https://a.example/blog/api/x":         own + "/x",
			"https://a.example/uploads/b":          "https://a.example/uploads/b",
			"https://a.example/blog/login":         "https://a.example/blog/login",
			"https://www.a.example/site/uploads/b": own + "/~/uploads/b",
			"https://www.a.example/site/api/x":     own + "/x",
			"https://www.a.example/site/login":     "https://www.a.example/site/login",
			"/blog/uploads/b":                      "/proxy/c/app/~/uploads/b",
		} {
			inj, err := NewInjection(p, cred, called, "", false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := inj.rewriteURL(raw, testGateway); got != want {
				t.Errorf("from %s, %q became %q, want %q", called, raw, got, want)
			}
		}
	}
}

// TestBesideAnAPIWithoutBase: where callers write the whole path of the API, it is still not
// reached as what lies beside it.
func TestBesideAnAPIWithoutBase(t *testing.T) {
	app := gitApp("")
	app.Upstream, app.Beside.API = "https://git.example.com", "/api"
	app.Beside.Paths = append(app.Beside.Paths, "/**/info/refs")
	p := mustPlace(t, app)
	for _, path := range []string{"/api/v4/x.git/info/refs", "/API/x/info/refs", "/api./x.git/info/refs"} {
		if _, _, err := p.Split("/~" + path); err == nil || vending.AsError(err).Code != vending.InvalidRequest {
			t.Errorf("%q: error %v", path, err)
		}
	}
	if at, rest, err := p.Split("/~/g/r.git/info/refs"); at != "/~" || rest != "/g/r.git/info/refs" || err != nil {
		t.Errorf("a repository: %q and %q, error %v", at, rest, err)
	}
}
