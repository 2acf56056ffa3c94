package inject

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestRequestURL(t *testing.T) {
	for _, c := range []struct {
		name, path, query string
		hasQuery          bool
		want              string // the request target; empty for a refusal
	}{
		{"plain", "/a/b", "", false, "/a/b"},
		{"no path", "", "", false, "/"},
		{"query", "/a", "b=1&a=%zz;", true, "/a?b=1&a=%zz;"},
		{"empty query", "/a", "", true, "/a?"},
		{"encoded slash", "/a%2Fb", "", false, "/a%2Fb"},
		{"lower case triplets", "/a%2fb%c3%a9", "", false, "/a%2fb%c3%a9"},
		{"needless triplets", "/%41%7e", "", false, "/%41%7e"},
		{"sub-delims", "/!$&'()*+,;=:@", "", false, "/!$&'()*+,;=:@"},
		{"brackets", "/a[0]", "", false, "/a[0]"},
		{"beyond ASCII", "/\u00e9", "", false, "/\u00e9"},
		{"quote and pipe", `/a"|b`, "q", true, `/a"|b?q`},
		{"double slash", "//a//b", "", false, "//a//b"},
		{"double slash, encoded", "//a%2Fb", "", false, "//a%2Fb"},
		{"double slash that only an opaque URL could keep", `//a"b`, "", false, ""},
		{"broken encoding", "/%zz", "", false, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := requestURL("https", "api.example.com", c.path, c.query, c.hasQuery)
			if c.want == "" {
				if e := vending.AsError(err); err == nil || e.Code != vending.InvalidRequest {
					t.Errorf("error %v, URL %v", err, u)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var wire bytes.Buffer
			if err := (&http.Request{Method: "GET", URL: u, Host: "api.example.com", Header: http.Header{}}).Write(
				&wire); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(&wire).ReadString('\n')
			if err != nil || line != "GET "+c.want+" HTTP/1.1\r\n" {
				t.Errorf("the request line is %q, error %v; want %q", line, err, c.want)
			}
			if u.Scheme != "https" || u.Host != "api.example.com" {
				t.Errorf("it would go to %s", u)
			}
		})
	}
}

func TestUpstreamSlots(t *testing.T) {
	const pattern = "https://{sub}.zendesk.example.com:8443/api/"
	app := keyApp(pattern, headers("X-Key", "{api_key}"))
	for _, c := range []struct{ name, value, want string }{
		{"label", "acme", "acme.zendesk.example.com:8443"},
		{"upper case", "ACME-1", "acme-1.zendesk.example.com:8443"},
		{"longest", strings.Repeat("a", 63), strings.Repeat("a", 63) + ".zendesk.example.com:8443"},
		{"too long", strings.Repeat("a", 64), ""},
		{"another host", "evil.com/", ""},
		{"two labels", "a.b", ""},
		{"userinfo", "a@", ""},
		{"port", "a:1", ""},
		{"percent", "%2e", ""},
		{"dots", "..", ""},
		{"underscore", "a_b", ""},
		{"hyphen first", "-a", ""},
		{"hyphen last", "a-", ""},
		{"punycode", "XN--a", ""},
		{"IDN", "\u00fc", ""},
		{"folds to ASCII", "\u212a", ""},
		{"query", "a?", ""},
		{"fragment", "a#", ""},
		{"backslash", `a\`, ""},
		{"line break", "a\n", ""},
		{"brackets", "[::1]", ""},
		{"empty", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			inj, err := NewInjection(mustPlace(t, app), testCredential("sub", c.value, "api_key", "secret"), "/x", "", false,
				nil)
			if c.want == "" {
				if e := vending.AsError(err); err == nil || e.Code != vending.NeedsReconnection || c.value != "" &&
					strings.Contains(e.Text(), c.value) && len(c.value) > 2 {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil || inj.host != c.want {
				t.Errorf("host %q, error %v; want %q", inj.host, err, c.want)
			}
			out := sent(t, inj.placement, inj.credential(), "/x", http.Header{})
			if out.URL.String() != "https://"+c.want+"/api/x" || out.Host != c.want {
				t.Errorf("it would go to %s with Host %s", out.URL, out.Host)
			}
		})
	}
}

func TestUpstreamSlotWithinALabel(t *testing.T) {
	app := keyApp("https://a-{sub}b.example.com", headers("X-Key", "{api_key}"))
	inj := injectionWith(t, app, testCredential("sub", "x", "api_key", "secret"))
	if inj.host != "a-xb.example.com" {
		t.Errorf("host %q", inj.host)
	}
	// Each value is a label, but what comes of it is none.
	if _, err := NewInjection(mustPlace(t, app), testCredential("sub", strings.Repeat("x", 62), "api_key", "secret"), "",
		"", false, nil); err == nil {
		t.Error("a label of 65 bytes passed")
	}
}

func TestPathSegment(t *testing.T) {
	for value, want := range map[string]string{
		"770:AA": "770:AA", "a/b?c#d%e": "a%2Fb%3Fc%23d%25e", "\u00e9 x": "%C3%A9%20x", "a..b": "a..b", "...": "...",
		`a\b`: "a%5Cb",
		"":    "", ".": "", "..": "", "../x": "", "x/..": "", `..\x`: "", "..;a": "", "%2e%2e": "", "a%2f..": "", "a\x00": "",
		"a\n": "", "\x7f": "",
	} {
		got, err := pathSegment(value)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q became %q, error %v; want %q", value, got, err, want)
		}
	}
}
