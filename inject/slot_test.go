package inject

import (
	"errors"
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
	if got, err := Endpoint(app, "https://{org}.example.com?a=b", field); !errors.As(err, &blamed) || blamed.Field != "org" {
		t.Errorf("%s, %v", got, err)
	}
}
