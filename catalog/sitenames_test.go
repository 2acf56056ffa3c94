package catalog

import "testing"

func names(n SiteNames) change {
	return with(func(a *App) {
		a.Upstream, a.SiteNames = "https://{a}/api", &n
	}, Field{Name: "a", Kind: "host"}, Field{Name: "b"})
}

func cut(paths ...string) change {
	return with(nil, Field{Name: "a", Kind: "host", Cut: paths})
}

func TestCheckSites(t *testing.T) {
	badCut := func(p string) string {
		return `app acme: field a: cut "` + p + `" is not a path: write it like /wp-admin`
	}
	const where = `app acme: site_names.url must have the upstream's scheme and host: write it like ` +
		`https://{host}/wp-json/`
	const held = `app acme: site_names.url holds a placeholder, a fragment or a control character after its host: take ` +
		`it out`
	const badPath = `app acme: site_names.paths must be names joined by dots, like home or links.0.href`
	refuse(t, keyed, map[string]refusal{
		"path of no host": {with(nil, Field{Name: "a", SitePath: true}),
			`app acme: field a: site_path and cut are for a whole host: write kind host, or take them out`},
		"path of labels": {with(nil, Field{Name: "a", Kind: "labels", Cut: []string{"/a"}}),
			`app acme: field a: site_path and cut are for a whole host: write kind host, or take them out`},
		"cut relative":      {cut("a"), badCut("a")},
		"cut everything":    {cut("/"), badCut("/")},
		"cut with a slash":  {cut("/a", "/b/"), badCut("/b/")},
		"cut empty segment": {cut("/a//b"), badCut("/a//b")},
		"cut dot segment":   {cut("/a/.."), badCut("/a/..")},
		"cut encoded":       {cut("/a%2fb"), badCut("/a%2fb")},
		"names, fixed host": {func(a *App) {
			a.SiteNames = &SiteNames{URL: a.Upstream, Paths: []string{"home"}}
		}, `app acme: site_names: the upstream has one fixed host, and no other name: take site_names out`},
		"names elsewhere":  {names(SiteNames{URL: "https://evil.example/", Paths: []string{"home"}}), where},
		"names by a label": {names(SiteNames{URL: "https://{a}.example/", Paths: []string{"home"}}), where},
		"names by a login": {names(SiteNames{URL: "https://u@{a}/", Paths: []string{"home"}}), where},
		"names in clear":   {names(SiteNames{URL: "http://{a}/", Paths: []string{"home"}}), where},
		"names of a value": {names(SiteNames{URL: "https://{a}/{b}", Paths: []string{"home"}}), held},
		"names' fragment":  {names(SiteNames{URL: "https://{a}/#b", Paths: []string{"home"}}), held},
		"names nowhere": {names(SiteNames{URL: "https://{a}/"}),
			`app acme: site_names.paths is empty: write the members that hold an address, like home`},
		"names' odd path":   {names(SiteNames{URL: "https://{a}/", Paths: []string{"a..b"}}), badPath},
		"names by a filter": {names(SiteNames{URL: "https://{a}/", Paths: []string{"a[b=c].d"}}), badPath},
		"names' pattern": {names(SiteNames{URL: "https://{a}/", Paths: []string{"home"}, Pattern: "("}),
			`app acme: site_names.pattern must be a regular expression with one group: write it like ^(https://.*)/api$`},
		"names' groups": {names(SiteNames{URL: "https://{a}/", Paths: []string{"home"}, Pattern: "(a)(b)"}),
			`app acme: site_names.pattern must be a regular expression with one group: write it like ^(https://.*)/api$`},
	})
	for _, edit := range []change{
		cut("/wp-admin", "/remote.php/dav", "/a~b"),
		names(SiteNames{URL: "https://{a}/wp-json/?_fields=home,url", Paths: []string{"home", "url", "links.0.href"},
			Pattern: "^(https?://.*)/x$"}),
	} {
		app := keyed("acme")
		edit(&app)
		if err := app.Check(); err != nil {
			t.Error(err)
		}
	}
}
