package catalog

import (
	"slices"
	"strings"
	"testing"
)

func besideOf(b Beside) change {
	return func(a *App) { a.Upstream, a.Beside = "https://api.example.com/v1", &b }
}

// TestCheckBeside: what an entry opens beside its API has a name, and gets a credential.
func TestCheckBeside(t *testing.T) {
	invalid := func(path string) string { return `app acme: beside.paths: "` + path + `" is invalid: ` }
	cases := map[string]refusal{
		"no paths": {besideOf(Beside{}), `app acme: beside has no paths: `},
		"a duplicate": {besideOf(Beside{Paths: []string{"/a", "/a"}}),
			`app acme: beside.paths: /a is a duplicate: keep one`},
		"below the base": {besideOf(Beside{Paths: []string{"/v1/*"}}),
			`app acme: beside.paths: /v1/* is below the upstream's path: `},
		"the upstream's host": {besideOf(Beside{Host: "api.example.com", Paths: []string{"/a"}}),
			`app acme: beside.host: api.example.com is the upstream's host: take it out`},
		"a slot": {besideOf(Beside{Host: "{api_key}.example.com", Paths: []string{"/a"}}),
			`app acme: beside.host: "{api_key}.example.com" holds a placeholder: write a fixed host`},
		"an extra host": {
			func(a *App) {
				besideOf(Beside{Host: "b.example.com", Paths: []string{"/a"}})(a)
				a.ExtraHosts = []string{"b.example.com"}
			},
			`app acme: beside.host: b.example.com is one of extra_hosts: take it out of one of them`,
		},
		"nothing beside": {
			func(a *App) { a.Upstream, a.Beside = "https://api.example.com/", &Beside{Paths: []string{"/a"}} },
			`app acme: beside: the upstream has no base path, so that every path is reachable: `,
		},
		"an API below the base": {besideOf(Beside{Paths: []string{"/a"}, API: "/api"}),
			`app acme: beside.api says where the API is below an upstream without a base path: write the upstream without ` +
				`its path, or take beside.api out`},
		"an API at another host": {besideOf(Beside{Host: "b.example.com", Paths: []string{"/a"}, API: "/api"}),
			`app acme: beside.api says where the API is below an upstream without a base path: write the upstream without ` +
				`its path, or take beside.api out`},
		"an API anywhere": {func(a *App) {
			a.Upstream = "https://api.example.com"
			a.Beside = &Beside{Paths: []string{"/a"}, API: "/*",
				Placement: &Placement{Basic: &Basic{Username: "a", Password: "{api_key}"}}}
		}, `app acme: beside.api: "/*" is invalid: write the decoded path below which the API is, like /api`},
		"a path prefix": {
			func(a *App) {
				prefix("/bot{api_key}")(a)
				a.Beside = &Beside{Host: "b.example.com", Paths: []string{"/a"}}
			},
			`app acme: beside: a path prefix is the upstream's alone: `,
		},
		"a path prefix there": {
			besideOf(Beside{Paths: []string{"/a"}, Placement: &Placement{PathPrefix: "/{api_key}"}}),
			`app acme: beside.placement: a path prefix is the upstream's alone: `,
		},
		"nothing placed": {
			besideOf(Beside{Paths: []string{"/a"}, Placement: &Placement{}}),
			`app acme: beside: auth_type api_key needs a placement: `,
		},
		"no field placed": {
			besideOf(Beside{Paths: []string{"/a"}, Placement: &Placement{Header: map[string]string{"X-Key": "k"}}}),
			`app acme: beside: placement names no field, so that no credential would be sent: `,
		},
		"no such field": {
			besideOf(Beside{Paths: []string{"/a"}, Placement: &Placement{Basic: &Basic{Username: "a", Password: "{b}"}}}),
			`app acme: beside: placement.basic.password: {b} is not a declared field: `,
		},
	}
	for _, path := range []string{
		"", "a", "/", "/*", "/**", "/*/**", "/a/", "/a//b", "//a", "/a/../b", "/a/.", "/a%2fb", "/a?b", "/a#b", "/a;b",
		`/a\b`, "/a b", "/a[b]", "/{api_key}", "/a/**/b", "/a**", "/**b/c", "/~a",
	} {
		cases["path "+path] = refusal{besideOf(Beside{Paths: []string{path}}), invalid(strings.ReplaceAll(path, `\`, `\\`))}
	}
	for name, c := range cases {
		app := keyed("acme")
		c.edit(&app)
		if err := app.Check(); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	app := keyed("acme")
	besideOf(Beside{Paths: []string{"/**/*.git/info/refs", "/v12/*", "/uploads/**", "/**/raw", "/a~b"}})(&app)
	if err := app.Check(); err != nil {
		t.Error(err)
	}
}

// TestBesideOfLinode: @linode/api-v4 0.158.0 calls /v4beta, next to the /v4 of its default base
// URL.
func TestBesideOfLinode(t *testing.T) {
	if b := embedded(t)["linode"].Beside; b == nil || b.Host != "" || !slices.Contains(b.Paths, "/v4beta/**") {
		t.Errorf("beside is %+v, want /v4beta/** at the upstream's host", b)
	}
}
