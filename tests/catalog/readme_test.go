package catalog_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
)

var update = flag.Bool("update", false, "write the list of apps into the README")

const (
	readme = "../../README.md"
	begins = "<!-- The list of apps: go test ./tests/catalog -run Readme -update -->\n"
	ends   = "<!-- The end of the list of apps -->\n"
)

// TestReadmeListsApps holds the README's list of apps against the catalog, or writes it.
func TestReadmeListsApps(t *testing.T) {
	raw, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begins)
	got, after, ended := strings.Cut(rest, ends)
	if !ok || !ended {
		t.Fatal("the README has no place for the list of apps")
	}
	want := listOfApps(t)
	if *update {
		if err := os.WriteFile(readme, []byte(before+begins+want+ends+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want {
		t.Error("the README lists other apps than the catalog has: go test ./tests/catalog -run Readme -update")
	}
}

// kinds are how apps are authorized, in the list's order.
var kinds = []struct {
	name string
	is   func(app *catalog.App) bool
}{
	{"OAuth 2.0, authorization code", func(app *catalog.App) bool {
		return app.OAuth2 != nil && !app.ClientCredentials()
	}},
	{"OAuth 2.0, client credentials", (*catalog.App).ClientCredentials},
	{"OAuth 1.0a", func(app *catalog.App) bool { return app.OAuth1 != nil }},
	{"API key", func(app *catalog.App) bool { return app.AuthType == "api_key" && app.Sign == nil }},
	{"User name and password", func(app *catalog.App) bool { return app.AuthType == "basic" }},
	{"Signed requests", func(app *catalog.App) bool { return app.Sign != nil }},
}

func listOfApps(t *testing.T) string {
	t.Helper()
	all, err := catalog.Embedded("*")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	listed := 0
	for _, tier := range []struct {
		title     string
		community bool
	}{{"verified apps", false}, {"community apps", true}} {
		var lines strings.Builder
		total := 0
		for _, kind := range kinds {
			var slugs []string
			for _, app := range all.Apps() {
				if app.Community == tier.community && kind.is(app) {
					slugs = append(slugs, "`"+app.Slug+"`")
				}
			}
			if len(slugs) > 0 {
				fmt.Fprintf(&lines, "**%s** (%d): %s\n\n", kind.name, len(slugs), strings.Join(slugs, " "))
			}
			total += len(slugs)
		}
		fmt.Fprintf(&b, "\n<details><summary>%d %s</summary>\n\n%s</details>\n\n", total, tier.title, lines.String())
		listed += total
	}
	if listed != len(all.Slugs()) {
		t.Errorf("%d apps are listed of %d", listed, len(all.Slugs()))
	}
	return b.String()
}
