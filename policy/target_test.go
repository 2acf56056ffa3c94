package policy

import (
	"path"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/internal/lenient"
	"github.com/vendgate/vendgate/vending"
)

func TestParseTarget(t *testing.T) {
	long := strings.Repeat("c", MaxConnectionLen)
	for name, c := range map[string]struct {
		uri  string
		want Target
	}{
		"no rest": {"/proxy/c1/gmail", Target{Connection: "c1", App: "gmail"}},
		"a slash": {"/proxy/c1/gmail/", Target{Connection: "c1", App: "gmail", Path: "/"}},
		"a path": {"/proxy/c1/gmail/gmail/v1/users/me",
			Target{Connection: "c1", App: "gmail", Path: "/gmail/v1/users/me"}},
		"a query": {"/proxy/c1/gmail/a?b=c&b=d",
			Target{Connection: "c1", App: "gmail", Path: "/a", RawQuery: "b=c&b=d", HasQuery: true}},
		"a query without a path": {"/proxy/c1/gmail?b",
			Target{Connection: "c1", App: "gmail", RawQuery: "b", HasQuery: true}},
		"an empty query": {"/proxy/c1/gmail/a?",
			Target{Connection: "c1", App: "gmail", Path: "/a", HasQuery: true}},
		"question marks in the query": {"/proxy/c1/gmail/a??b?",
			Target{Connection: "c1", App: "gmail", Path: "/a", RawQuery: "?b?", HasQuery: true}},
		"the longest connection": {"/proxy/" + long + "/gmail", Target{Connection: long, App: "gmail"}},
		"the longest once decoded": {"/proxy/" + strings.Repeat("%63", MaxConnectionLen) + "/gmail",
			Target{Connection: long, App: "gmail"}},
		"a connection with a slash": {"/proxy/a%2Fb/gmail/x", Target{Connection: "a/b", App: "gmail", Path: "/x"}},
		"a connection with a query": {"/proxy/a%3Fb%23/gmail/x", Target{Connection: "a?b#", App: "gmail", Path: "/x"}},
		"a connection decoded once": {"/proxy/a%252Fb/gmail/x", Target{Connection: "a%2Fb", App: "gmail", Path: "/x"}},
		"a connection with a plus":  {"/proxy/a+b%2B/gmail/x", Target{Connection: "a+b+", App: "gmail", Path: "/x"}},
		"a connection in UTF-8":     {"/proxy/%C3%A9/gmail/x", Target{Connection: "é", App: "gmail", Path: "/x"}},
		"an app as spelled":         {"/proxy/c1/%67mail/x", Target{Connection: "c1", App: "%67mail", Path: "/x"}},
		"an app in capitals":        {"/proxy/c1/GMail/x", Target{Connection: "c1", App: "GMail", Path: "/x"}},
		"an app with a parameter":   {"/proxy/c1/gmail;v=1/x", Target{Connection: "c1", App: "gmail;v=1", Path: "/x"}},
		"an address for an app": {"/proxy/c1/u:p@evil.example/x",
			Target{Connection: "c1", App: "u:p@evil.example", Path: "/x"}},
		"a URL in the path": {"/proxy/c1/gmail/https://evil.example/x",
			Target{Connection: "c1", App: "gmail", Path: "/https://evil.example/x"}},
		"the prefix again": {"/proxy/c1/gmail/proxy/c2/slack",
			Target{Connection: "c1", App: "gmail", Path: "/proxy/c2/slack"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := ParseTarget("GET", c.uri, "/proxy")
			if err != nil || !ok || got != c.want {
				t.Errorf("%+v, %t, %v; want %+v", got, ok, err, c.want)
			}
		})
	}
}

func TestParseTargetPrefixes(t *testing.T) {
	for name, c := range map[string]struct {
		uri, prefix string
		ours        bool
		path        string
	}{
		"none":               {"/c1/gmail/x", "", true, "/x"},
		"two segments":       {"/a/b/c1/gmail/x", "/a/b", true, "/x"},
		"another":            {"/connect/c1/gmail/x", "/proxy", false, ""},
		"a longer name":      {"/proxyserver/c1/gmail/x", "/proxy", false, ""},
		"the prefix alone":   {"/proxy", "/proxy", false, ""},
		"with a query":       {"/proxy?a=b", "/proxy", false, ""},
		"other case":         {"/Proxy/c1/gmail/x", "/proxy", false, ""},
		"encoded":            {"/%70roxy/c1/gmail/x", "/proxy", false, ""},
		"two slashes before": {"//proxy/c1/gmail/x", "/proxy", false, ""},
		"dots before":        {"/x/../proxy/c1/gmail/x", "/proxy", false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := ParseTarget("GET", c.uri, c.prefix)
			if err != nil || ok != c.ours || got.Path != c.path {
				t.Errorf("%+v, %t, %v", got, ok, err)
			}
		})
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for name, uri := range map[string]string{
		"absolute form":                  "http://gmail.googleapis.com/proxy/c1/gmail/x",
		"absolute form with userinfo":    "http://u:p@gateway/proxy/c1/gmail/x",
		"another scheme":                 "file:///etc/passwd",
		"authority form":                 "gmail.googleapis.com:443",
		"asterisk form":                  "*",
		"empty":                          "",
		"no leading slash":               "proxy/c1/gmail/x",
		"backslash for a slash":          `\proxy\c1\gmail\x`,
		"fragment":                       "/proxy/c1/gmail/x#y",
		"fragment in the query":          "/proxy/c1/gmail/x?a=b#y",
		"fragment in the connection":     "/proxy/c1#/gmail/x",
		"only a slash":                   "/proxy/",
		"no app":                         "/proxy/c1",
		"no app, slash":                  "/proxy/c1/",
		"no app, query":                  "/proxy/c1?a=b",
		"empty app":                      "/proxy/c1//x",
		"empty connection":               "/proxy//gmail/x",
		"connection one byte too long":   "/proxy/" + strings.Repeat("c", MaxConnectionLen+1) + "/gmail/x",
		"connection too long in UTF-8":   "/proxy/" + strings.Repeat("%C3%A9", MaxConnectionLen/2+1) + "/gmail/x",
		"connection badly encoded":       "/proxy/c%zz/gmail/x",
		"connection cut in its encoding": "/proxy/c%2/gmail/x",
		"connection with a line break":   "/proxy/c1%0d%0a/gmail/x",
		"connection with NUL":            "/proxy/c1%00/gmail/x",
		"app with NUL":                   "/proxy/c1/gmail%00/x",
		"NUL":                            "/proxy/c1/gmail/a%00b",
		"NUL encoded twice":              "/proxy/c1/gmail/a%2500b",
		"raw NUL":                        "/proxy/c1/gmail/a\x00b",
		"line feed":                      "/proxy/c1/gmail/a%0Ab",
		"carriage return":                "/proxy/c1/gmail/a%0db",
		"raw tab":                        "/proxy/c1/gmail/a\tb",
		"delete":                         "/proxy/c1/gmail/a%7Fb",
		"backslash":                      `/proxy/c1/gmail/a\b`,
		"backslash encoded":              "/proxy/c1/gmail/a%5cb",
		"backslash encoded twice":        "/proxy/c1/gmail/a%255Cb",
		"overlong backslash":             "/proxy/c1/gmail/a%c1%9cb",
		"encoded too often":              "/proxy/c1/gmail/100%2525252525",
		"connection encoded too often":   "/proxy/100%2525252525/gmail/x",
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := ParseTarget("GET", uri, "/proxy")
			if code(t, err) != vending.InvalidRequest || !ok || got != (Target{}) {
				t.Errorf("%+v, %t, %v", got, ok, err)
			}
		})
	}
}

// dotSegments are the spellings of "." and ".." that some server on the way may know.
var dotSegments = []string{
	".", "..", "%2e", "%2E", "%2e%2e", "%2E%2e", ".%2e", "%2e.", "%252e%252e", "%25252e%25252e", "%2525252e", ".%252E",
	"%25%32%65%25%32%65",
	"%2%65%2e", "%%32%65%2e", "..%2f", "..%2Fx", "%2e%2e%2f", "x%2f..", "x%2F%2e%2e%2fy", "..%252f", "%252e%252e%252f",
	"x%252f..%252fy",
	"..;", "..;/", "..;a=b", ".;", "%2e%2e;", "%2e%2e;a=b", "..%3b", "..%3Ba=b", "..%253b", "..;;", "..;%2f", `..\`,
	`..%5c`, `x\..\y`, "..%255c", "..%c1%9c", "..%c0%af",
	"%c0%ae", "%c0%ae%c0%ae", "%C0%AE%c0%ae", "%c0%2e%c0%2e", "%25c0%25ae", "\xc0\xae\xc0\xae", "%e0%80%ae%e0%80%ae",
	"%f0%80%80%ae", "%f8%80%80%80%ae", "%fc%80%80%80%80%ae",
	"..%00", "%00..", "..%3f", "..%3Fx", "..%23", "..%253f", ".%3f",
	"%u002e%u002e", ".%U002E", "x%u002f..", "x%u002f%u002e%u002e", "%25u002e%25u002e", `..%u005cx`,
}

func TestDotSegments(t *testing.T) {
	for _, spelling := range dotSegments {
		t.Run(spelling, func(t *testing.T) {
			for _, uri := range []string{
				"/proxy/c1/gmail/" + spelling, "/proxy/c1/gmail/" + spelling + "/", "/proxy/c1/gmail/a/" + spelling + "/b",
				"/proxy/c1/gmail//" + spelling + "//b",
				"/proxy/c1/gmail/a/" + spelling + "?a=b", "/proxy/c1/" + spelling + "/x", "/proxy/" + spelling + "/gmail/x",
			} {
				if _, ok, err := ParseTarget("GET", uri, "/proxy"); code(t, err) != vending.InvalidRequest || !ok {
					t.Errorf("%s: %t, %v", uri, ok, err)
				}
			}
		})
	}
}

// TestPathUnchanged: what no server takes for anything else goes upstream byte for byte.
func TestPathUnchanged(t *testing.T) {
	for name, raw := range map[string]string{
		"encoded slashes":      "/projects/group%2Fproject/files/a%2fb",
		"slash encoded twice":  "/a%252Fb",
		"double slashes":       "//a//b//",
		"three dots":           "/...",
		"four dots":            "/a/..../b",
		"well-known":           "/.well-known/openid-configuration",
		"dot file":             "/.env",
		"dots inside":          "/a..b/c.d",
		"dots at the end":      "/a../b./c..",
		"dots and parameters":  "/..a;b=../c",
		"dot and tilde":        "/.~/..~",
		"tilde":                "/~user/%7Euser",
		"plus":                 "/a%2Bb+c",
		"percent":              "/100%25",
		"percent twice":        "/100%2525",
		"percent four times":   "/100%25252525",
		"a lone percent":       "/100%",
		"badly encoded":        "/a%zzb%2",
		"parameters":           "/a;b=c;d/e;",
		"parameters alone":     "/;a=b/;",
		"unescaped characters": `/a b"<>[]{}|^` + "`",
		"delimiters":           "/!$&'()*+,;=:@-_",
		"encoded brackets":     "/%5B%5D%7B%7D%7C",
		"question mark":        "/a%3Fb",
		"number sign":          "/a%23b",
		"quoted":               "/a%22b%27",
		"raw UTF-8":            "/é/日本/😀",
		"encoded UTF-8":        "/%C3%A9/%e6%97%a5/%F0%9F%98%80",
		"raw Latin-1":          "/\xe9\xf8",
		"encoded Latin-1":      "/%E9t%E9/%FF",
		"shortest of three":    "/%E0%A0%80",
		"shortest of four":     "/%F0%90%80%80",
		"mixed case":           "/%c3%A9%2F%2f",
		"space":                "/a%20b",
		"userinfo":             "/u:p@evil.example/",
		"long":                 "/" + strings.Repeat("a/", 4000),
	} {
		t.Run(name, func(t *testing.T) {
			got, ok, err := ParseTarget("POST", "/proxy/c1/gmail"+raw, "/proxy")
			if want := (Target{Connection: "c1", App: "gmail", Path: raw}); err != nil || !ok || got != want {
				t.Errorf("%+v, %t, %v", got, ok, err)
			}
		})
	}
}

// TestQueryUnchanged: the query is the app's own affair.
func TestQueryUnchanged(t *testing.T) {
	for name, raw := range map[string]string{
		"order":            "b=1&a=2&b=3",
		"semicolons":       "a=1;b=2;;",
		"badly encoded":    "a=%zz&%",
		"dot segments":     "a=../../b&c=%2e%2e%2f&d=..;/",
		"backslash, NUL":   `a=\&b=%00%0d%0a`,
		"overlong":         "a=%c0%ae",
		"encoded often":    "a=%252525252525252e",
		"a URL":            "u=http://u:p@h/..?x",
		"slashes, plus":    "/a//b+c%2B%20d",
		"brackets":         "key[]=1&key[a]=2",
		"UTF-8":            "q=é",
		"many parameters":  strings.Repeat("a=b&", 10_001),
		"an equals sign":   "=",
		"empty parameters": "&&&",
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := ParseTarget("GET", "/proxy/c1/gmail/x?"+raw, "/proxy")
			if err != nil || got.RawQuery != raw || !got.HasQuery || got.Path != "/x" {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestMethods(t *testing.T) {
	for method, want := range map[string]vending.Code{
		"GET": "", "HEAD": "", "POST": "", "PUT": "", "PATCH": "", "DELETE": "", "OPTIONS": "", "PROPFIND": "", "PURGE": "",
		"CONNECTS": "",
		"TRACE":    vending.InvalidRequest, "TRACK": vending.InvalidRequest, "CONNECT": vending.InvalidRequest,
		"trace": vending.InvalidRequest, "Connect": vending.InvalidRequest,
	} {
		t.Run(method, func(t *testing.T) {
			if _, ok, err := ParseTarget(method, "/proxy/c1/gmail/x", "/proxy"); code(t, err) != want || !ok {
				t.Errorf("%t, %v, want %q", ok, err, want)
			}
			if _, ok, err := ParseTarget(method, "/health", "/proxy"); ok || err != nil {
				t.Errorf("another path: %t, %v", ok, err)
			}
		})
	}
}

// FuzzParseTarget: however often a server decodes what passed, cleaning it must not change where it
// points.
func FuzzParseTarget(f *testing.F) {
	for _, spelling := range dotSegments {
		f.Add("/a/" + spelling + "/b")
	}
	f.Add("/a%2Fb//.well-known;x/%C3%A9...")
	f.Fuzz(func(t *testing.T, raw string) {
		got, ok, err := ParseTarget("GET", "/proxy/c1/gmail"+raw, "/proxy")
		if err != nil || !ok {
			return
		}
		if spelled := "/proxy/c1/" + got.App + got.Path; !strings.HasPrefix("/proxy/c1/gmail"+raw, spelled) {
			t.Fatalf("%q became %q", raw, spelled)
		}
		for p := got.Path; ; {
			slashes := p
			for strings.Contains(slashes, "//") {
				slashes = strings.ReplaceAll(slashes, "//", "/")
			}
			if want := strings.TrimSuffix("/"+strings.TrimPrefix(slashes, "/"), "/"); strings.TrimSuffix(path.Clean("/"+p),
				"/") != want {
				t.Fatalf("%q: %q climbs", raw, p)
			}
			if strings.ContainsAny(p, "\\\x00\r\n") {
				t.Fatalf("%q hides %q", raw, p)
			}
			next := lenient.Decode(p)
			if next == p {
				return
			}
			p = next
		}
	})
}
