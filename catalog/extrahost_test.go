package catalog

import (
	"strings"
	"testing"
)

func TestHasExtraHost(t *testing.T) {
	app := sdkApp()
	app.ExtraHosts = []string{"files.example.com", "*.svc.*.example.com", "*-region.example.net", "a*z.example.org:8443"}
	if err := app.Check(); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"files.example.com": true, "index-1.svc.us-east1.example.com": true, "us-region.example.net": true,
		"abz.example.org:8443": true, "a--z.example.org:8443": true,
		"Files.example.com": false, "svc.example.com": false, "a.svc.example.com": false, "a.b.svc.c.example.com": false,
		"a.svc.b.c.example.com": false, ".svc.b.example.com": false, "a.svc..example.com": false,
		"a.svc.b.example.com.":    false,
		"a.svc.b.example.com:443": false, "a.svc.b.example.com:": false, "a.svc.b.example.com.evil.example": false,
		"evil.example/a.svc.b.example.com": false, "u@a.svc.b.example.com": false, "A.svc.b.example.com": false,
		"a_b.svc.c.example.com": false, "xn--a.svc.b.example.com": false, "-a.svc.b.example.com": false,
		"a-.svc.b.example.com":   false,
		"a%2e.svc.b.example.com": false, "ä.svc.b.example.com": false, "-region.example.net": false,
		"az.example.org:8443": false,
		"abz.example.org":     false, "abz.example.org:8444": false, "": false, "*.svc.*.example.com": false,
		"*-region.example.net":                         false,
		strings.Repeat("a", 64) + ".svc.b.example.com": false, "*": false, "a.svc.b.example.com:443:8443": false,
	} {
		if got := app.HasExtraHost(host); got != want {
			t.Errorf("HasExtraHost(%q) = %t", host, got)
		}
	}
}

// TestHostPatternRefused: whatever fits a pattern gets the credential.
func TestHostPatternRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*App)
		want   string
	}{
		"one label":             {func(a *App) { a.ExtraHosts = []string{"*.com"} }, "two fixed labels"},
		"all":                   {func(a *App) { a.ExtraHosts = []string{"*"} }, "two fixed labels"},
		"two stars in a label":  {func(a *App) { a.ExtraHosts = []string{"*a*.example.com"} }, "one * in a label"},
		"a star at the end":     {func(a *App) { a.ExtraHosts = []string{"svc.example.*"} }, "two fixed labels"},
		"a star in the suffix":  {func(a *App) { a.ExtraHosts = []string{"a.ex*ample.com"} }, "two fixed labels"},
		"a public suffix":       {func(a *App) { a.ExtraHosts = []string{"*.co.uk"} }, "anyone"},
		"a suffix of customers": {func(a *App) { a.ExtraHosts = []string{"*.github.io"} }, "anyone"},
		"the upstream":          {func(a *App) { a.ExtraHosts = []string{"*.example.com"} }, "upstream's host"},
		"upper case":            {func(a *App) { a.ExtraHosts = []string{"*.Files.example.com"} }, "extra_hosts"},
		"a path":                {func(a *App) { a.ExtraHosts = []string{"*.files.example.com/a"} }, "extra_hosts"},
		"a slot":                {func(a *App) { a.ExtraHosts = []string{"*.{api_key}.example.com"} }, "placeholder"},
		"a templated upstream": {func(a *App) {
			a.Upstream, a.ExtraHosts = "https://{site}.example.com", []string{"*.example.com"}
			a.Fields = append(a.Fields, Field{Name: "site"})
		}, "upstream's host"},
		"verify": {func(a *App) {
			a.ExtraHosts = []string{"*.svc.example.com"}
			a.Verify = &Verify{Host: "*.svc.example.com", Path: "/"}
		}, "one host"},
		"a label": {func(a *App) {
			a.ExtraHosts = []string{"*.svc.example.com"}
			a.HostLabels = map[string]string{"svc": "*.svc.example.com"}
		}, "one host"},
	} {
		t.Run(name, func(t *testing.T) {
			app := sdkApp()
			c.change(&app)
			if err := app.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Check() = %v, want it to say %q", err, c.want)
			}
		})
	}
}
