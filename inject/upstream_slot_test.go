package inject

import (
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

func TestEndpoint(t *testing.T) {
	app := &catalog.App{Slug: "acme", Fields: []catalog.Field{{Name: "org"}, {Name: "host", Kind: catalog.KindHost}}}
	values := map[string]string{"org": "Blue-1", "host": "id.example.com:8443", "wild": "a/b?c&d=e f"}
	field := func(name string) (value string, ok bool) { value, ok = values[name]; return value, ok }
	for raw, want := range map[string]string{
		"https://auth.example.com?a={b":            "",
		"https://auth.example.com?a=b":             "https://auth.example.com?a=b",
		"https://{org}.example.com?a=b&c=d":        "https://blue-1.example.com?a=b&c=d",
		"https://{host}?a={{b}}":                   "https://id.example.com:8443?a={b}",
		"https://{org}.example.com/?a=b":           "https://blue-1.example.com/?a=b",
		"https://{org}.example.com/{wild}/t?a=b/c": "https://blue-1.example.com/a%2Fb%3Fc&d=e%20f/t?a=b/c",
		"https://{host}/{org}":                     "https://id.example.com:8443/Blue-1",
	} {
		got, err := Endpoint(app, raw, field)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %s, %v", raw, got, err)
		}
	}
	var blamed *FieldError
	values["org"] = "evil.example.net/"
	if got, err := Endpoint(app, "https://{org}.example.com?a=b", field); !errors.As(err, &blamed) ||
		blamed.Field != "org" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestLabels: several labels stay below the domain that the catalog states.
func TestLabels(t *testing.T) {
	app := &catalog.App{Slug: "acme", Fields: []catalog.Field{{Name: "org", Kind: catalog.KindLabels}, {Name: "one"}}}
	long := strings.Repeat("a.", 60) + "a"
	for value, want := range map[string]string{
		"acme": "acme.my.example.com", "Acme--Dev.Sandbox": "acme--dev.sandbox.my.example.com",
		"a.b.c": "a.b.c.my.example.com",
		long:    long + ".my.example.com", long + ".aaaa.a": "",
		"": "", ".": "", "a.": "", ".a": "", "a..b": "", "a/b": "", "a:1": "", "a@b": "", "a.b/": "", "evil.com/": "",
		"evil.com#": "", "a b": "",
		"-a.b": "", "xn--a.b": "", "a_b": "", "a%2eb": "", "\u00e4.b": "", strings.Repeat("a", 64): "",
	} {
		got, err := Endpoint(app, "https://{org}.my.example.com", func(string) (string, bool) { return value, true })
		if want != "" {
			want = "https://" + want
		}
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", value, got, err)
		}
	}
	if got, err := Endpoint(app, "https://{one}.my.example.com", func(string) (string, bool) {
		return "a.b", true
	}); err == nil {
		t.Errorf("a slot of one label took two: %s", got)
	}
	half := strings.Repeat("a.", 62) + "a"
	if got, err := Endpoint(app, "https://{org}.{org}.example.com", func(string) (string, bool) {
		return half, true
	}); err == nil {
		t.Errorf("a host of %d characters", len(got))
	}
}
