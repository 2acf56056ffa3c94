package catalog

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// keyed returns an app that passes Check.
func keyed(slug string) App {
	return App{
		Slug: slug, AuthType: "api_key", Upstream: "https://api.example.com",
		Fields:    []Field{{Name: "api_key", Secret: true}},
		Placement: &Placement{Header: map[string]string{"X-Api-Key": "{api_key}"}},
	}
}

// granted returns an `o_auth` app that passes Check.
func granted(slug string) App {
	return App{
		Slug: slug, AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &OAuth2{TokenURL: "https://auth.example.com/token"},
	}
}

func slugs(c *Catalog) []string {
	var s []string
	for _, app := range c.Apps() {
		s = append(s, app.Slug)
	}
	return s
}

func mustNew(t *testing.T, apps ...App) *Catalog {
	t.Helper()
	c, err := New(apps...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

func TestEmbeddedAppsAreReadOnce(t *testing.T) {
	first, err := Embedded()
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	second, _ := Embedded("*")
	a, _ := first.App("gmail")
	if b, ok := second.App("gmail"); !ok || a != b {
		t.Error("two catalogs have an app each")
	}
}

func TestIndexRefuses(t *testing.T) {
	for name, c := range map[string]struct{ lines, want string }{
		"another order": {`{"name":"A","slug":"a"}`, `embedded app 1 does not begin with its slug`},
		"twice":         {`{"slug":"a"}` + "\n" + `{"slug":"a"}`, `the embedded app a is a duplicate`},
	} {
		if _, err := index(c.lines, false); err == nil || err.Error() != c.want {
			t.Errorf("%s: error\n got %v\nwant %s", name, err, c.want)
		}
	}
}

// An entry that cannot be read must not be half there.
func TestBrokenEntryIsNoApp(t *testing.T) {
	entries, err := index(`{"slug":"a","auth_type":"none"}`+"\n"+`{"slug":"b","colour":"red"}`, false)
	if err != nil {
		t.Fatalf("index: %v", err)
	}
	c := newCatalog(entries, nil)
	for _, slug := range []string{"a", "b"} {
		if app, ok := c.App(slug); ok || app != nil {
			t.Errorf("%s: %+v", slug, app)
		}
	}
	if apps := c.Apps(); len(apps) != 0 {
		t.Errorf("%d apps", len(apps))
	}
}

func TestCommunityIsOff(t *testing.T) {
	slug := slices.Sorted(maps.Keys(mustIndex(t, communityLines)))[0]
	off, err := Embedded()
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	if off.Has(slug) || !off.Off(slug) || off.Off("gmail") || off.Off("nothing") {
		t.Errorf("%s: has %v, off %v", slug, off.Has(slug), off.Off(slug))
	}
	one, err := Embedded(slug)
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	app, ok := one.App(slug)
	if !ok || !app.Community || one.Off(slug) || len(one.Slugs()) != len(off.Slugs())+1 {
		t.Errorf("%s asked for: %+v", slug, app)
	}
	if _, err := Embedded("gmail"); err == nil || err.Error() != "gmail is not a community app" {
		t.Errorf("a verified one asked for: %v", err)
	}
}

func mustIndex(t *testing.T, lines string) map[string]*entry {
	t.Helper()
	entries, err := index(lines, true)
	if err != nil {
		t.Fatalf("index: %v", err)
	}
	return entries
}

func TestWith(t *testing.T) {
	base := mustNew(t, keyed("b"), keyed("d"))
	replaced := keyed("b")
	replaced.Upstream = "https://other.example.com"

	c, err := base.With(keyed("e"), replaced, keyed("a"))
	if err != nil {
		t.Fatalf("With: %v", err)
	}
	if got, want := slugs(c), []string{"a", "b", "d", "e"}; !slices.Equal(got, want) {
		t.Errorf("slugs: got %q, want %q", got, want)
	}
	if app, ok := c.App("b"); !ok || app.Upstream != "https://other.example.com" {
		t.Errorf("b was not replaced: %+v", app)
	}
	if got, want := slugs(base), []string{"b", "d"}; !slices.Equal(got, want) {
		t.Errorf("the base changed: got %q, want %q", got, want)
	}
	if app, _ := base.App("b"); app.Upstream != "https://api.example.com" {
		t.Errorf("the base's app changed: %s", app.Upstream)
	}
	if app, ok := c.App("c"); ok || app != nil {
		t.Errorf("an app that nobody gave: %+v", app)
	}
}

func TestWithReplacesAsAWhole(t *testing.T) {
	full := keyed("a")
	full.Errors = "passthrough"
	c, err := mustNew(t, full).With(keyed("a"))
	if err != nil {
		t.Fatalf("With: %v", err)
	}
	app, _ := c.App("a")
	if want := keyed("a"); !reflect.DeepEqual(*app, want) {
		t.Errorf("got %+v, want %+v", *app, want)
	}
}

func TestWithRefuses(t *testing.T) {
	bad := keyed("bad")
	bad.Upstream = "http://api.example.com"
	for name, c := range map[string]struct {
		apps []App
		want string
	}{
		"a slug given twice": {[]App{keyed("a"), keyed("b"), keyed("a")},
			"app a: duplicate slug: keep one, or give the other a slug of its own"},
		"an unchecked app": {[]App{keyed("a"), bad}, "app bad: upstream is plain http: write https, or set allow_http"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := mustNew(t, keyed("z")).With(c.apps...)
			if err == nil || err.Error() != c.want {
				t.Errorf("error\n got %v\nwant %s", err, c.want)
			}
			if got != nil {
				t.Errorf("a catalog beside the error: %q", slugs(got))
			}
		})
	}
}

func TestAppsIsTheCallersSlice(t *testing.T) {
	c := mustNew(t, keyed("a"), keyed("b"))
	c.Apps()[0] = nil
	if got := slugs(c); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("the catalog changed: %q", got)
	}
}

// The catalog spells the auth types itself, to depend on nothing; they must stay those of the API.
func TestAuthTypesAreThoseOfVending(t *testing.T) {
	for _, c := range []struct {
		here  string
		there vending.AuthType
	}{{oAuth, vending.OAuth}, {apiKey, vending.APIKey}, {basicAuth, vending.Basic}, {headerAuth, vending.Header}} {
		if c.here != string(c.there) {
			t.Errorf("%q is %q in vending", c.here, c.there)
		}
	}
	if accessToken != vending.AccessToken || tokenType != vending.TokenType {
		t.Error("the token's placeholders differ from vending's field names")
	}
}

// BenchmarkEmbedded is what a start costs, and what it costs to read every app at once.
func BenchmarkEmbedded(b *testing.B) {
	load := func(b *testing.B) *Catalog {
		entries, err := index(verifiedLines, false)
		if err != nil {
			b.Fatal(err)
		}
		others, err := index(communityLines, true)
		if err != nil {
			b.Fatal(err)
		}
		maps.Copy(entries, others)
		return newCatalog(entries, nil)
	}
	b.Run("start", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			load(b)
		}
	})
	b.Run("every app", func(b *testing.B) {
		b.ReportAllocs()
		apps := 0
		for b.Loop() {
			apps = len(load(b).Apps())
		}
		b.ReportMetric(float64(apps), "apps")
	})
}
