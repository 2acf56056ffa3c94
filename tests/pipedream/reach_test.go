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

// TestReachPage: docs/sources.md lists the apps that Pipedream does not give, or not from each
// account.
func TestReachPage(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(harness.Root(t), "docs", "sources.md"))
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string][]string)
	for _, app := range verified(t) {
		var row string
		switch reach := source.ReachOf(app); {
		case reach == source.Never:
			row = "not available"
		case reach == source.OwnClient:
			row = "only with an OAuth client of your own there"
		case reach == source.ProxyOnly:
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

// TestReach holds what ReachOf says of the catalog against what placements do: with an account that
// Pipedream keeps back a request can be made, or not.
func TestReach(t *testing.T) {
	slots := 0
	for _, app := range verified(t) {
		p, err := inject.NewPlacement(app)
		if err != nil {
			t.Fatal(err)
		}
		relay := func(*http.Request) (*http.Response, error) { return nil, http.ErrHandlerTimeout }
		cred := vending.NewRelayed(app.Slug, vending.AuthType(app.AuthType), "pass", relay).ToAccountHost()
		_, err = inject.NewInjection(p, cred, "/x", "", false, nil)
		reach := source.ReachOf(app)
		if oauth := app.AuthType == string(vending.OAuth); oauth &&
			(err == nil) != (reach == source.Anyhow || reach == source.ProxyOnly) {
			t.Errorf("%s: reach %d, %v", app.Slug, reach, err)
		}
		if err == nil && strings.Contains(app.Upstream, "{") {
			slots++
		}
	}
	if slots < 36 { // all but those that sign with a key
		t.Errorf("%d apps with a slot in their host can be called through the proxy", slots)
	}
}
