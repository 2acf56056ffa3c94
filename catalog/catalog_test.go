package catalog

import (
	"reflect"
	"slices"
	"strings"
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

func TestEmbeddedIsParsedOnce(t *testing.T) {
	first, err := Embedded()
	if err != nil {
		t.Fatalf("Embedded: %v", err)
	}
	if second, _ := Embedded(); second != first {
		t.Error("the second call returned another catalog")
	}
}

func TestFromLinesSaysWhatWasBeingDone(t *testing.T) {
	for name, c := range map[string]struct{ lines, want string }{
		"unreadable": {"nonsense", `reading the embedded apps: reading line 1: no JSON object: write one app a line, {"slug":…}`},
		"unchecked":  {`{"slug":"a","auth_type":"none"}`, `checking the embedded apps: app a: auth_type "none" is unknown: write o_auth, api_key, basic or header`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := fromLines(c.lines); err == nil || err.Error() != c.want {
				t.Errorf("error\n got %v\nwant %s", err, c.want)
			}
		})
	}
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
		"a slug given twice": {[]App{keyed("a"), keyed("b"), keyed("a")}, "app a: defined twice: keep one, or give the other a slug of its own"},
		"an unchecked app":   {[]App{keyed("a"), bad}, "app bad: upstream is plain http: write https, or set allow_http"},
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

func BenchmarkEmbedded(b *testing.B) {
	b.SetBytes(int64(len(embeddedLines)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := fromLines(embeddedLines); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(strings.Count(embeddedLines, "\n")), "apps")
}
