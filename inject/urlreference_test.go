package inject

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// TestResolve has the examples of RFC 3986, section 5.4, that are paths, and those of the WHATWG
// URL standard, section 4.4, that differ.
func TestResolve(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"g", "/b/c/g"}, {"./g", "/b/c/g"}, {"g/", "/b/c/g/"}, {"/g", "/g"}, {".", "/b/c/"}, {"./", "/b/c/"}, {"..", "/b/"},
		{"../", "/b/"}, {"../g", "/b/g"},
		{"../..", "/"}, {"../../", "/"}, {"../../g", "/g"}, {"../../../g", "/g"}, {"../../../../g", "/g"}, {"/./g", "/g"},
		{"/../g", "/g"}, {"g.", "/b/c/g."},
		{".g", "/b/c/.g"}, {"g..", "/b/c/g.."}, {"..g", "/b/c/..g"}, {"./../g", "/b/g"}, {"./g/.", "/b/c/g/"},
		{"g/./h", "/b/c/g/h"}, {"g/../h", "/b/c/h"},
		{"g;x=1/./y", "/b/c/g;x=1/y"}, {"g;x=1/../y", "/b/c/y"}, {"%2e%2e/g", "/b/g"}, {".%2E/g", "/b/g"}, {"%2e./g", "/b/g"},
		{"%2E/g", "/b/c/g"},
		{"..;/g", "/b/c/..;/g"}, {"..%2fg", "/b/c/..%2fg"}, {"/a//../b", "/a/b"}, {"/a/..//b", "//b"},
	} {
		if got := resolve("/b/c/d;p", c.path); got != c.want {
			t.Errorf("%s: %s, want %s", c.path, got, c.want)
		}
	}
}

// refusesOdd stands for the gateway's own judgement of a path.
func refusesOdd(path string) bool {
	return !strings.Contains(strings.ToLower(path), "%2f") && !strings.Contains(path, "..;") &&
		!strings.Contains(path, "%25")
}

// TestLinksStayBelowTheApp: no link leads to a part of the gateway that is not the app's.
func TestLinksStayBelowTheApp(t *testing.T) {
	app := keyApp("https://api.example.com/v1", headers("X-Key", "{api_key}"))
	app.ExtraHosts = []string{"up.example.com"}
	const own, theirs = "https://gw.example/proxy/c/app", "https://api.example.com"
	gw := func() Gateway { return Gateway{Origin: "https://gw.example", Path: "/proxy/c/app", Takes: refusesOdd} }
	for _, c := range []struct{ name, called, raw, want string }{
		{"dots that stay", "/a/b", "/v1/x/../y", "/proxy/c/app/y"},
		{"dots that stay, absolute", "/a/b", theirs + "/v1/x/./y", own + "/x/y"},
		{"dots to the base", "/a/b", "/v1/x/..", "/proxy/c/app/"},
		{"dots that leave", "/a/b", "/v1/../../../away", theirs + "/away"},
		{"dots that leave, absolute", "/a/b", theirs + "/v1/../away", theirs + "/away"},
		{"dots that leave and come back", "/a/b", "/v1/../v1/x", "/proxy/c/app/x"},
		{"encoded dots", "/a/b", "/v1/%2e%2E/away?p=1#f", theirs + "/away?p=1#f"},
		{"half encoded dots", "/a/b", "/v1/.%2e/away", theirs + "/away"},
		{"an encoded slash", "/a/b", "/v1/..%2f..%2fother", theirs + "/v1/..%2f..%2fother"},
		{"an encoded slash, absolute", "/a/b", theirs + "/v1/..%2fother", theirs + "/v1/..%2fother"},
		{"encoded twice", "/a/b", "/v1/%252e%252e/away", theirs + "/v1/%252e%252e/away"},
		{"a path parameter", "/a/b", "/v1/..;/away", theirs + "/v1/..;/away"},
		{"backslashes", "/a/b", `/v1\..\away`, theirs + "/away"},
		{"backslashes alone", "/a/b", `\v1\..\..\away`, theirs + "/away"},
		{"a backslash for a slash", "/a/b", `/\evil.example/x`, theirs + "//evil.example/x"},
		{"two backslashes", "/a/b", `\\evil.example/x`, theirs + "//evil.example/x"},
		{"backslashes behind a host", "/a/b", `https://api.example.com\v1\..\away`, theirs + "/away"},
		{"backslashes for a host's slashes", "/a/b", `https:\\api.example.com\v1\x`, own + "/x"},
		{"relative", "/a/b", "x?p=1", "x?p=1"},
		{"relative that stays", "/a/b", "../x", "/proxy/c/app/x"},
		{"relative, dot", "/a/b", "./x", "/proxy/c/app/a/x"},
		{"relative to the folder", "/a/b", ".", "/proxy/c/app/a/"},
		{"relative that leaves", "/a/b", "../../x", theirs + "/x"},
		{"relative that leaves far", "/a/b", "../../../../x", theirs + "/x"},
		{"relative, encoded", "/a/b", "%2e%2e/%2e%2e/x", theirs + "/x"},
		{"relative, backslashes", "/a/b", `..\..\x`, theirs + "/x"},
		{"relative, an encoded slash", "/a/b", "..%2f..%2fx", theirs + "/v1/a/..%2f..%2fx"},
		{"relative, a path parameter", "/a/b", "..;/x", theirs + "/v1/a/..;/x"},
		{"relative, dots behind", "/a/b", "x/../../../y", theirs + "/y"},
		{"relative to an app without a path", "", "x", theirs + "/x"},
		{"relative to an app with a slash alone", "/", "x", "x"},
		{"relative, no encoding", "/a/b", "%zz/../../../x", theirs + "/x"},
		{"white space around", "/a/b", "  /v1/../away\t", theirs + "/away"},
		{"a tab within", "/a/b", "/v1/.\t./away", theirs + "/away"},
		{"an extra host", "/a/b", "https://up.example.com/x/../../y", own + "/~up.example.com/y"},
		{"from an extra host", "/~up.example.com/a/b", "../../../x", "/proxy/c/app/~up.example.com/x"},
		{"from an extra host, stays relative", "/~up.example.com/a/b", "x", "x"},
		{"from an extra host, absolute path", "/~up.example.com/a/b", "/x/../../y", "/proxy/c/app/~up.example.com/y"},
		{"from an extra host, an encoded slash", "/~up.example.com/a/b", "/x/..%2fy", "https://up.example.com/x/..%2fy"},
		{"from an extra host to the upstream", "/~up.example.com/a/b", theirs + "/v1/../x", theirs + "/x"},
		{"to an extra host by dots", "/a/b", "/v1/x/../~up.example.com/y", theirs + "/v1/~up.example.com/y"},
		{"the gateway itself", "/a/b", "https://gw.example/proxy/away/app/x", ""},
		{"the gateway itself, its app", "/a/b", "https://gw.example/proxy/c/app/x", ""},
		{"the gateway itself, no scheme", "/a/b", "//GW.example:443/connect/x", ""},
		{"the gateway itself, userinfo", "/a/b", "https://u@gw.example/connect/x", ""},
		{"the gateway itself, by a backslash", "/a/b", `https://evil.example\@gw.example/connect`, ""},
		{"a scheme without a host", "/a/b", "https:/connect/x", ""},
		{"a scheme and a path", "/a/b", "https:../../../connect/x", ""},
		{"a scheme and three slashes", "/a/b", "https:///gw.example/x", ""},
		{"a scheme and backslashes", "/a/b", `https:\connect`, ""},
		{"another app's scheme", "/a/b", "myapp://callback/../x", "myapp://callback/../x"},
		{"a query alone", "/a/b", "?q=../..", "?q=../.."},
	} {
		t.Run(c.name, func(t *testing.T) {
			inj, err := NewInjection(mustPlace(t, app), testCredential("api_key", "secret-1"), c.called, "", false, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := inj.rewriteURL(c.raw, gw); got != c.want {
				t.Errorf("%q became %q, want %q", c.raw, got, c.want)
			}
		})
	}
}

// TestLinksThatGo: a header goes with its only value, and a link leads nowhere.
func TestLinksThatGo(t *testing.T) {
	inj := injectionWith(t,
		keyApp("https://api.example.com", &catalog.Placement{Query: map[string]string{"k": "{api_key}"}}),
		testCredential("api_key", "secret-1", "sub", "s"))
	h := http.Header{"Location": {"https://gw.example/connect/x"}, "Content-Location": {"https://gw.example/x", "/a"},
		"Link": {`<https://gw.example/x>; rel="next", </a>; rel="last"`}}
	inj.RewriteLinks(h, testGateway)
	if _, there := h["Location"]; there || !slices.Equal(h["Content-Location"], []string{"/proxy/c/app/a"}) ||
		h.Get("Link") != `</proxy/c/app/a>; rel="last"` {
		t.Errorf("left %q", h)
	}
}
