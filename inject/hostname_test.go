package inject

import (
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// inside are hosts as an operator writes them for software in their own network, and where calls
// go.
var inside = map[string]string{
	"gitea":                  "gitea",
	"gitea:3000":             "gitea:3000",
	"Gitea:3000":             "gitea:3000",
	"gitea_web:3000":         "gitea_web:3000",
	"gitea:3000/git":         "gitea:3000/git",
	"localhost":              "localhost",
	"localhost:3000/a/b":     "localhost:3000/a/b",
	"git.corp.internal":      "git.corp.internal",
	"git.example.com":        "git.example.com",
	"xn--bcher-kva":          "xn--bcher-kva",
	"10.0.0.7":               "10.0.0.7",
	"10.0.0.7:3000/git":      "10.0.0.7:3000/git",
	"[fd00::7]":              "[fd00::7]",
	"[FD00:0:0::7]:3000/git": "[fd00::7]:3000/git",
	"[::1]":                  "[::1]",

	"":                              "",
	"gitea:":                        "",
	"gitea:0":                       "",
	"gitea:65536":                   "",
	"gitea:3000:1":                  "",
	"gitea.":                        "",
	".gitea":                        "",
	"-gitea":                        "",
	"git ea":                        "",
	"git%65a":                       "",
	"user@gitea":                    "",
	"http://gitea":                  "",
	"gitea/":                        "",
	"gitea/../x":                    "",
	"gitea?x":                       "",
	"gitea#x":                       "",
	`gitea\x`:                       "",
	"gitea\n":                       "",
	"{host}":                        "",
	"2130706433":                    "",
	"127.1":                         "",
	"0x7f.1":                        "",
	"0x7f000001":                    "",
	"010.0.0.7":                     "",
	"10.0.0.7.":                     "",
	"10.0.0.256":                    "",
	"fd00::7":                       "",
	"::1":                           "",
	"[::1":                          "",
	"::1]":                          "",
	"[]":                            "",
	"[::1]x":                        "",
	"[::1]]:3000":                   "",
	"[[::1]]":                       "",
	"[fe80::1%25eth0]":              "",
	"[fe80::1%eth0]":                "",
	"[10.0.0.7]":                    "",
	"[gitea]":                       "",
	"g\u00edtea":                    "",
	"xn--a":                         "",
	strings.Repeat("a", 64):         "",
	strings.Repeat("a.", 127) + "a": "",
}

// forge is an app whose host comes with the OAuth client; from is empty for one that an end user
// enters.
func forge(from string, allow ...string) *catalog.App {
	return &catalog.App{
		Slug: "forge", AuthType: "o_auth", Upstream: "https://{host}/api/v1", AllowPrivate: allow,
		Fields: []catalog.Field{{Name: "host", Kind: catalog.KindHost, From: from, SitePath: true}},
		OAuth2: &catalog.OAuth2{TokenURL: "https://{host}/token"},
	}
}

// called is the address that a call with the host's value goes to, or "".
func called(t *testing.T, app *catalog.App, host string, configured ...string) string {
	t.Helper()
	cred := vending.NewOAuth("forge", "t", "", time.Time{},
		vending.Field{Name: "host", Value: host}).Configured(configured...)
	h, base, err := mustPlace(t, app).upstream.resolve(cred)
	if err != nil {
		return ""
	}
	return h + base
}

// TestInsideHost: what the operator wrote may be inside their network where allow_private is set.
func TestInsideHost(t *testing.T) {
	app := forge(catalog.FromClient, "10.0.0.0/8")
	for value, want := range inside {
		call, endpoint := want, ""
		if want != "" {
			call, endpoint = want+"/api/v1", "https://"+want+"/token"
		}
		if got := called(t, app, value, "host"); got != call {
			t.Errorf("%q: called at %q, want %q", value, got, call)
		}
		got, err := Endpoint(app, "https://{host}/token", func(string) (string, bool) { return value, true })
		if got != endpoint || (err == nil) != (want != "") {
			t.Errorf("%q: endpoint %q, %v; want %q", value, got, err, endpoint)
		}
	}
}

// TestInsideHostOfOthers: neither an end user, nor a source that passes on what one may have
// entered, nor an app without allow_private gets further than public names.
func TestInsideHostOfOthers(t *testing.T) {
	// what they resolve to, the dialer judges
	public := map[string]bool{"git.example.com": true, "git.corp.internal": true}
	for value := range inside {
		for who, got := range map[string]string{
			"an end user":                     called(t, forge("", "10.0.0.0/8"), value),
			"an end user, by another's field": called(t, forge("", "10.0.0.0/8"), value, "other"),
			"a remote source":                 called(t, forge(catalog.FromClient, "10.0.0.0/8"), value),
			"the operator, not allowed":       called(t, forge(catalog.FromClient), value, "host"),
		} {
			if (got != "") != public[value] {
				t.Errorf("%s: %q is called at %q", who, value, got)
			}
		}
		for who, app := range map[string]*catalog.App{"an end user": forge("", "10.0.0.0/8"),
			"not allowed": forge(catalog.FromClient)} {
			if got, err := Endpoint(app, "https://{host}/token", func(string) (string, bool) {
				return value, true
			}); (err == nil) != public[value] {
				t.Errorf("%s: %q is the endpoint %q", who, value, got)
			}
		}
	}
}

// TestInsideUpstream: the operator's own upstream is a name or an address, and links to it stay
// behind the gateway.
func TestInsideUpstream(t *testing.T) {
	for upstream, link := range map[string]string{
		"http://gitea:3000/git/api/v1":   "http://gitea:3000/git/api/v1/y?p=2",
		"http://gitea_web/api":           "http://Gitea_Web:80/api/y?p=2",
		"http://localhost:3000":          "http://localhost:3000/y?p=2",
		"http://10.0.0.7:3000/git":       "http://10.0.0.7:3000/git/y?p=2",
		"https://[fd00::7]:3000/git/api": "https://[fd00::7]:3000/git/api/y?p=2",
		"https://[fd00::7]":              "https://[fd00::7]:443/y?p=2",
	} {
		app := keyApp(upstream, headers("X-Key", "{api_key}"))
		app.AllowHTTP, app.AllowPrivate = true, []string{"10.0.0.0/8"}
		if err := app.Check(); err != nil {
			t.Errorf("%s: %v", upstream, err)
			continue
		}
		inj := injectionWith(t, app, testCredential("api_key", "k"))
		if got := inj.rewriteURL(link, testGateway); got != "https://gw.example/proxy/c/app/y?p=2" {
			t.Errorf("%s: %s became %s", upstream, link, got)
		}
	}
}
