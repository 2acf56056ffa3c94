package authorize

import (
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// shop is software that people host themselves, below a path too where sitePath is set.
func shop(sitePath bool) *catalog.App {
	return &catalog.App{
		Slug: "shop", Name: "Shop", AuthType: "api_key", Upstream: "https://{host}/wp-json",
		Fields: []catalog.Field{
			{Name: "host", Label: "Site", Kind: catalog.KindHost, SitePath: sitePath,
				Cut: []string{"/wp-admin", "/wp-login.php", "/remote.php/dav"}},
			{Name: "key", Secret: true},
		},
		Placement: &catalog.Placement{Header: map[string]string{"X-Key": "{key}"}},
	}
}

// TestAddress: no path is lost on the way to a host, and no address that a program could read
// otherwise is taken.
func TestAddress(t *testing.T) {
	const path = "Site is invalid: it has a path, but this app is at the root of its host; write " +
		"only example.com."
	refusedAs := func(reason string) string { return "Site is invalid: it " + reason + "." }
	// what is stored, or what the page says; an empty site is as root
	for given, want := range map[string]struct{ root, site string }{
		"example.com":                               {"example.com", ""},
		" HTTPS://Example.com/ ":                    {"example.com", ""},
		"//example.com/":                            {"example.com", ""},
		"https://example.com///":                    {"example.com", ""},
		"https://example.com:443/":                  {"example.com", ""},
		"http://example.com:80":                     {"example.com", ""},
		"http://example.com:443":                    {"example.com:443", ""},
		"example.com:":                              {"example.com", ""},
		"example.com.":                              {"example.com", ""},
		"https://example.com:8443/?a=/b#/c":         {"example.com:8443", ""},
		"example.com?next=https://evil.example/":    {"example.com", ""},
		"example.com#/dashboard":                    {"example.com", ""},
		"https://example.com/wp-admin":              {"example.com", ""},
		"https://example.com/wp-admin/post.php?p=1": {"example.com", ""},
		"https://example.com/WP-Login.php":          {"example.com", ""},
		"https://example.com/wp-json/wp/v2":         {"example.com", ""},
		"https://example.com/remote.php/dav/files":  {"example.com", ""},
		"https://example.com/remote.php":            {path, "example.com/remote.php"},
		"https://example.com/wp-administration":     {path, "example.com/wp-administration"},
		"https://example.com/blog/":                 {path, "example.com/blog"},
		"https://example.com/Blog/wp-admin/":        {path, "example.com/Blog"},
		"example.com/a/b.c/~d_e?x":                  {path, "example.com/a/b.c/~d_e"},
		"https://example.com/a//wp-admin":           {path, "example.com/a"},
		"https://example.com/a//b":                  {path, refusedAs(oddPath)},
		"https://example.com/a/../b":                {path, refusedAs(oddPath)},
		"https://example.com/..":                    {path, refusedAs(oddPath)},
		"https://example.com/%62log":                {path, refusedAs(oddPath)},
		"https://example.com/a%2f..%2fb":            {path, refusedAs(oddPath)},
		"https://example.com/a;b":                   {path, refusedAs(oddPath)},
		"https://example.com/a b":                   {path, refusedAs(oddPath)},
		`https://example.com\a`:                     {path, refusedAs(oddPath)},
		"https://example.com/bücher":                {path, refusedAs(oddPath)},
		"https://bücher.example/":                   {"xn--bcher-kva.example", ""},
		"BÜCHER.example:8443":                       {"xn--bcher-kva.example:8443", ""},
		"https://XN--BCHER-KVA.example":             {"xn--bcher-kva.example", ""},
		"https://bücher.example/laden": {strings.Replace(path, "example.com", "xn--bcher-kva.example", 1),
			"xn--bcher-kva.example/laden"},
		// a Cyrillic letter: its ASCII form shows it
		"https://аpple.example":            {"xn--pple-43d.example", ""},
		"https://example。com":              {"example.com", ""},
		"https://ｅxample.com":              {"example.com", ""},
		"https://straße.example":           {"xn--strae-oqa.example", ""},
		"https://xn--a.example":            {refusedAs(noName), ""},
		"https://ex／ample.com":             {refusedAs(noName), ""},
		"https://a\u200db.example":         {refusedAs(noName), ""},
		"https://bü_cher.example":          {refusedAs(noName), ""},
		"https://user:canary@example.com/": {refusedAs(userInfo), ""},
		"https://example.com@evil.example": {refusedAs(userInfo), ""},
		"ftp://example.com":                {refusedAs(otherScheme), ""},
		"javascript://example.com":         {refusedAs(otherScheme), ""},
		"https://":                         {refusedAs(noHost), refusedAs(noSite)},
		"https:///blog":                    {refusedAs(noHost), refusedAs(noSite)},
		"127.0.0.1/blog":                   {refusedAs(noHost), refusedAs(noSite)},
		"localhost:3000":                   {refusedAs(noHost), refusedAs(noSite)},
		"https://127.0.0.1/":               {refusedAs(noHost), refusedAs(noSite)},
		"https://[::1]/":                   {refusedAs(noHost), refusedAs(noSite)},
		"0x7f.1":                           {refusedAs(noHost), refusedAs(noSite)},
		"example.com:0":                    {refusedAs(noHost), refusedAs(noSite)},
		"example.com, example.net":         {refusedAs(noHost), refusedAs(noSite)},
		"http:example.com":                 {refusedAs(noHost), refusedAs(noSite)},
	} {
		if want.site == "" {
			want.site = want.root
		}
		for sitePath, want := range map[bool]string{false: want.root, true: want.site} {
			got, err := cleanFields(shop(sitePath), fields("host", given, "key", "k"))
			said := ""
			var p *Error
			switch {
			case errors.As(err, &p):
				said = p.Message()
				if strings.Contains(p.Error(), "canary") || strings.Contains(p.Error(), "example.net") || p.suggest != "" &&
					strings.Contains(p.Error(), p.suggest) {
					t.Errorf("%q: the log would have what was entered: %s", given, p.Error())
				}
			case err != nil:
				t.Fatal(err)
			default:
				said = got[0].Value
			}
			if said != want {
				t.Errorf("%q, site_path %t: %q, want %q", given, sitePath, said, want)
			}
		}
	}
}

// TestImportedSite: an import is stored as it is given, so that what the form would change is
// refused, with what to write.
func TestImportedSite(t *testing.T) {
	for value, ok := range map[string]bool{
		"example.com/blog": true, "xn--bcher-kva.example/blog": true, "example.com/blog/": false,
		"https://example.com/blog": false, "bücher.example": false,
	} {
		err := CheckImported(shop(true), connect.GrantValues{Fields: fields("host", value, "key", "k")})
		if (err == nil) != ok {
			t.Errorf("%q: %v", value, err)
		}
		if !ok && !strings.Contains(err.Error(), "example.com/git") {
			t.Errorf("%q: it does not say what to write: %v", value, err)
		}
		if !ok && strings.Contains(err.Error(), value) {
			t.Errorf("the error holds the value: %v", err)
		}
	}
}
