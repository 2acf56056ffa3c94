package catalog

import "testing"

// whole is keyed with a slot whose value may name the hosts.
func whole(f Field, hosts ...string) change {
	f.Name, f.Hosts = "org", hosts
	return with(func(a *App) { a.Upstream = "https://{org}.example.com" }, f)
}

func TestCheckWholeHosts(t *testing.T) {
	const (
		noPart = `app acme: field org: hosts are for a part of a host: take them out, or take out secret, ` +
			`kind host and options`
		noSlot  = `app acme: field org: hosts take the place of the upstream's host, which has no {org}: take them out`
		beside  = `app acme: field org: hosts take the place of one host, and {org} is used elsewhere as well: take them out`
		suggest = `: write it like *.example.com or api.example.com`
	)
	good := map[string]change{
		"one label": whole(Field{}, "*.example.org", "api.example.org"),
		"labels":    whole(Field{Kind: KindLabels}, "*.my.example.mil"),
	}
	for name, f := range good {
		a := keyed("acme")
		f(&a)
		if err := a.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	refuse(t, keyed, map[string]refusal{
		"any host":   {whole(Field{}, "*"), `app acme: field org: hosts: "*" is not a host` + suggest},
		"any domain": {whole(Field{}, "*.com"), `app acme: field org: hosts: "*.com" is not a host` + suggest},
		"star inside": {whole(Field{}, "a.*.example.org"),
			`app acme: field org: hosts: "a.*.example.org" is not a host` + suggest},
		"slot": {whole(Field{}, "{org}.example.org"), beside},
		"URL": {whole(Field{}, "https://example.org"),
			`app acme: field org: hosts: "https://example.org" is not a host` + suggest},
		"port": {whole(Field{}, "*.example.org:8443"),
			`app acme: field org: hosts: "*.example.org:8443" is not a host` + suggest},
		"upper case": {whole(Field{}, "*.Example.org"),
			`app acme: field org: hosts: "*.Example.org" is not a host` + suggest},
		"address": {whole(Field{}, "10.0.0.7"), `app acme: field org: hosts: "10.0.0.7" is not a host` + suggest},
		"private": {whole(Field{}, "*.corp.internal"),
			`app acme: field org: hosts: "*.corp.internal" is not a host` + suggest},
		"with options":  {whole(Field{Options: []string{"a"}}, "*.example.org"), noPart},
		"no slot":       {with(nil, Field{Name: "org", Hosts: []string{"*.example.org"}}), noSlot},
		"in the header": {func(a *App) { whole(Field{}, "*.example.org")(a); a.Placement.Header["X-Org"] = "{org}" }, beside},
		"another host":  {func(a *App) { whole(Field{}, "*.example.org")(a); a.Verify = &Verify{Path: "/{org}"} }, beside},
	})
}

func TestNamesHost(t *testing.T) {
	one := Field{Hosts: []string{"*.example.org", "api.example.com"}}
	many := Field{Kind: KindLabels, Hosts: one.Hosts}
	for value, want := range map[string][2]bool{
		"a.example.org": {true, true}, "A-1.Example.ORG": {true, true}, "api.example.com": {true, true},
		"API.example.com": {true, true},
		"a.b.example.org": {false, true},
		"example.org":     {}, ".example.org": {}, "a..example.org": {}, "-a.example.org": {}, "a_b.example.org": {},
		"xn--a.example.org": {},
		"aexample.org":      {}, "a.example.org.": {}, "a.example.org:443": {}, "a.example.org/": {}, "u@a.example.org": {},
		"a.api.example.com":         {},
		"evil.example/.example.org": {}, "evil.example#.example.org": {}, "": {}, "*.example.org": {},
	} {
		if got := [2]bool{one.NamesHost(value), many.NamesHost(value)}; got != want {
			t.Errorf("%q: %v, want %v", value, got, want)
		}
	}
}

func TestFilledHost(t *testing.T) {
	app := &App{Upstream: "https://{site}.{region}.example.com/api", Fields: []Field{
		{Name: "key", Secret: true}, {Name: "site", Hosts: []string{"*.example.gov"}}, {Name: "region"},
	}}
	for _, c := range []struct{ site, region, want string }{
		{"Acme", "eu", "acme.eu.example.com"}, {"Acme.Example.gov", "eu", "acme.example.gov"},
		{"acme.example.gov.evil.example", "eu", "acme.example.gov.evil.example.eu.example.com"},
		{"", "eu", "{site}.eu.example.com"},
	} {
		values := map[string]string{"site": c.site, "region": c.region, "key": "canary"}
		got := app.FilledHost(func(name string) (string, bool) { return values[name], values[name] != "" })
		if got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.site, c.region, got, c.want)
		}
	}
}
