package catalog_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

// TestPageListsApps holds the table of docs/apps.md against the catalog: each app has one row, with
// how it is authorized and whether it is verified, and there are no other rows.
func TestPageListsApps(t *testing.T) {
	raw, err := os.ReadFile("../../docs/apps.md")
	if err != nil {
		t.Fatal(err)
	}
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]string)
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*$").FindAllStringSubmatch(string(raw), -1) {
		if rows[row[1]] != "" {
			t.Errorf("docs/apps.md lists %s twice", row[1])
		}
		rows[row[1]] = row[0]
	}
	for _, app := range all.Apps() {
		state := "verified"
		if app.Community {
			state = "community"
		}
		if want := " | " + kindOf(t, app) + " | " + state + " |"; !strings.Contains(rows[app.Slug], want) {
			t.Errorf("docs/apps.md has the row %q, want one with %q: write it by make docs", rows[app.Slug], want)
		}
		delete(rows, app.Slug)
	}
	for slug := range rows {
		t.Errorf("docs/apps.md lists %s, which the catalog does not have", slug)
	}
}

// kinds are how apps are authorized, as the table says it.
var kinds = []struct {
	name string
	is   func(app *catalog.App) bool
}{
	{"OAuth 2.0", func(app *catalog.App) bool {
		return app.OAuth2 != nil && !app.ClientCredentials()
	}},
	{"OAuth 2.0, client credentials", (*catalog.App).ClientCredentials},
	{"OAuth 1.0a", func(app *catalog.App) bool { return app.OAuth1 != nil }},
	{"API key", func(app *catalog.App) bool { return app.AuthType == "api_key" && app.Sign == nil }},
	{"user name and password", func(app *catalog.App) bool { return app.AuthType == "basic" }},
	{"signed requests", func(app *catalog.App) bool { return app.Sign != nil }},
}

// kindOf is the one kind of an app.
func kindOf(t *testing.T, app *catalog.App) (name string) {
	t.Helper()
	for _, kind := range kinds {
		if kind.is(app) {
			if name != "" {
				t.Errorf("%s is %s and %s", app.Slug, name, kind.name)
			}
			name = kind.name
		}
	}
	if name == "" {
		t.Errorf("%s is of no kind", app.Slug)
	}
	return name
}
