package platform_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// discard is where a test server's complaints go that the test provokes.
func discard() *log.Logger { return log.New(io.Discard, "", 0) }

func TestNewErrors(t *testing.T) {
	base := func(url string) func(*platform.Options) {
		return func(o *platform.Options) { o.BaseURL = url }
	}
	const (
		reading     = "url: "
		configuring = "configuring a platform source: "
	)
	tests := map[string]struct {
		change func(*platform.Options)
		want   string // empty: fine
	}{
		"fine":         {change: func(*platform.Options) {}},
		"with a port":  {change: base("https://connect.example:8443/platform/v1/")},
		"IPv6":         {change: base("https://[2001:db8::1]/platform/v1")},
		"http allowed": {change: func(o *platform.Options) { o.BaseURL, o.AllowHTTP = "http://127.0.0.1:8080", true }},
		"http":         {base("http://connect.example"), reading + "write an https URL, or allow plain http by allow_http"},
		"no scheme": {base("connect.example/platform/v1"),
			reading + "write an https URL, or allow plain http by allow_http"},
		"other scheme": {func(o *platform.Options) {
			o.BaseURL, o.AllowHTTP = "ftp://connect.example", true
		}, reading + "write an https URL, or allow plain http by allow_http"},
		"empty":   {base(""), reading + "write an https URL, or allow plain http by allow_http"},
		"no host": {base("https:///platform/v1"), reading + "the URL has no host: write one like https://api.example.com"},
		"port only": {base("https://:443/platform/v1"),
			reading + "the URL has no host: write one like https://api.example.com"},
		"opaque": {base("https:connect.example"), reading + "the URL has no host: write one like https://api.example.com"},
		"user info": {base("https://user:" + tenantKey + "@connect.example"),
			reading + "remove user info, query and fragment from the URL"},
		"query": {base("https://connect.example?key=" + tenantKey),
			reading + "remove user info, query and fragment from the URL"},
		"empty query": {base("https://connect.example/?"),
			reading + "remove user info, query and fragment from the URL"},
		"fragment": {base("https://connect.example#f"),
			reading + "remove user info, query and fragment from the URL"},
		"no URL":       {base("https://" + tenantKey + ":x/%zz"), reading + "write a URL, like https://api.example.com"},
		"no transport": {func(o *platform.Options) { o.Transport = nil }, configuring + "a transport is required"},
		"no key": {func(o *platform.Options) {
			o.Key = nil
		}, configuring + "a tenant key is required unless the caller's is passed through"},
		"two keys": {func(o *platform.Options) {
			o.Passthrough = true
		}, configuring + "either the caller's key is passed through or a key is configured, not both"},
		"negative timeout": {func(o *platform.Options) { o.Timeout = -time.Second }, configuring + "the timeout is negative"},
		"negative cache":   {func(o *platform.Options) { o.CacheSize = -1 }, configuring + "the cache size is negative"},
		"alias to nothing": {func(o *platform.Options) {
			o.Aliases = map[string]string{"a": ""}
		}, configuring + `alias "a" → "": write an app id or slug of the server, then a slug of the catalog`},
		"alias to no slug": {func(o *platform.Options) {
			o.Aliases = map[string]string{"a": "Gmail"}
		}, configuring + `alias "a" → "Gmail": write an app id or slug of the server, then a slug of the catalog`},
		"alias of nothing": {func(o *platform.Options) {
			o.Aliases = map[string]string{"": "gmail"}
		}, configuring + `alias "" → "gmail": write an app id or slug of the server, then a slug of the catalog`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := platform.Options{BaseURL: "https://connect.example/platform/v1", Transport: http.DefaultTransport, Key: ownKey}
			tt.change(&o)
			s, err := platform.New(o)
			switch {
			case tt.want == "" && (err != nil || s == nil):
				t.Errorf("New: %v", err)
			case tt.want != "" && (s != nil || err == nil || err.Error() != tt.want):
				t.Errorf("New = %v, %v; want %s", s, err, tt.want)
			}
		})
	}
}

// TestAliasesAreCopied: a change to the caller's map is no change to the source.
func TestAliasesAreCopied(t *testing.T) {
	aliases := map[string]string{"mail": "gmail"}
	s := serve(t, says(200, strings.Replace(activeGmail, `"slug":"gmail"`, `"slug":"mail"`, 1)), says(200, gmailToken))
	source := newSource(t, s, func(o *platform.Options) { o.Aliases = aliases })
	delete(aliases, "mail")
	cred, err := vend(source, request())
	vended(t, cred, err, "access_token", secret, "token_type", "Bearer")
}

// TestSourceNeverPrinted: a source that has vended holds neither key nor token.
func TestSourceNeverPrinted(t *testing.T) {
	s := serve(t, says(200, activeGmail), says(200, gmailToken))
	source := newSource(t, s, passthrough)
	if _, err := vend(source, request()); err != nil {
		t.Fatalf("Vend: %v", err)
	}
	for _, v := range []any{source, *source, struct{ s *platform.Source }{source}, struct{ v vending.Source }{source}} {
		clean(t, fmt.Sprintf("%v %+v %#v", v, v, v))
	}
}
