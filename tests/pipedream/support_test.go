package pipedream_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
	source "github.com/vendgate/vendgate/vending/pipedream"
)

// verified are the apps of the catalog that docs/sources.md speaks of.
func verified(t *testing.T) []*catalog.App {
	t.Helper()
	apps, err := catalog.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return apps.Apps()
}

// TestSupportPage: docs/sources.md lists the apps that Pipedream does not give, or not from each
// account.
func TestSupportPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]string)
	for _, app := range verified(t) {
		var row string
		switch support := source.SupportOf(app); {
		case support == source.Unsupported:
			row = "not available"
		case support == source.OwnClientOnly:
			row = "only with an OAuth client of your own there"
		case support == source.ProxyOnly:
			row = "only through Pipedream's proxy"
		case len(source.ClientValues(app)) > 0:
			row = "directly only with a line in the source"
		default:
			continue
		}
		want[row] = append(want[row], "`"+app.Slug+"`")
	}
	if len(want) != 4 {
		t.Errorf("%d rows", len(want))
	}
	for row, slugs := range want {
		_, list, _ := strings.Cut(string(text), "\n| "+row+" | ")
		list, _, _ = strings.Cut(list, "\n")
		cells := strings.Split(list, " | ")
		if got := strings.TrimSuffix(cells[len(cells)-1], " |"); got != strings.Join(slugs, " ") {
			t.Errorf("the row %q of docs/sources.md has\n%s\nwant\n%s", row, got, strings.Join(slugs, " "))
		}
	}
}

// TestSupport holds what SupportOf says of the catalog against what placements do: with an account
// that Pipedream keeps back a request can be made, or not.
func TestSupport(t *testing.T) {
	slots := 0
	for _, app := range verified(t) {
		p, err := inject.NewPlacement(app)
		if err != nil {
			t.Fatal(err)
		}
		relay := func(*http.Request) (*http.Response, error) { return nil, http.ErrHandlerTimeout }
		cred := vending.NewRelayed(app.Slug, vending.AuthType(app.AuthType), "pass", relay).ToAccountHost()
		_, err = inject.NewInjection(p, cred, "/x", "", false, nil)
		support := source.SupportOf(app)
		if oauth := app.AuthType == string(vending.OAuth); oauth &&
			(err == nil) != (support == source.AllAccounts || support == source.ProxyOnly) {
			t.Errorf("%s: support %d, %v", app.Slug, support, err)
		}
		if err == nil && strings.Contains(app.Upstream, "{") {
			slots++
		}
	}
	if slots < 36 { // all but those that sign with a key
		t.Errorf("%d apps with a slot in their host can be called through the proxy", slots)
	}
}
