package pipedream_test

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// support says by which of Pipedream's accounts calls of an app can be made.
type support int

const (
	// allAccounts means those that expose their credential, and those that Pipedream keeps back.
	allAccounts support = iota
	// ownClientOnly means those that expose their credential, on an OAuth client of the project's own.
	ownClientOnly
	// proxyOnly means those that Pipedream keeps back.
	proxyOnly
	// unsupported means no account.
	unsupported
)

// supportOf says by which accounts app's calls can be made, as far as the app's entry decides: what
// Pipedream says of its proxy for an app (`connect`) may leave less.
func supportOf(app *catalog.App) support {
	if app.AuthType != string(vending.OAuth) {
		return allAccounts // such accounts expose their keys
	}
	// Pipedream exposes nothing of an OAuth client but its id, and an OAuth 1 signature takes its
	// secret.
	direct := app.OAuth1 == nil && !slices.ContainsFunc(app.ClientFields(), func(f catalog.Field) bool {
		return f.Secret && app.Needs(f.Name)
	})
	// A signature is over the request, and a path would hold the value that Pipedream keeps back.
	inPath := app.Placement != nil && strings.Contains(app.Placement.PathPrefix, "{")
	relayed := app.OAuth1 == nil && app.Sign == nil && !inPath
	switch {
	case direct && relayed:
		return allAccounts
	case direct:
		return ownClientOnly
	case relayed:
		return proxyOnly
	}
	return unsupported
}

// clientValues names the fields that calls of app hold and that come with the OAuth client: an
// account that exposes its credential has them by a line of the option app alone, if at all.
func clientValues(app *catalog.App) (names []string) {
	for _, f := range app.ClientFields() {
		if app.Needs(f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

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
		switch by := supportOf(app); {
		case by == unsupported:
			row = "not available"
		case by == ownClientOnly:
			row = "only with an OAuth client of your own there"
		case by == proxyOnly:
			row = "only through Pipedream's proxy"
		case len(clientValues(app)) > 0:
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

// TestSupport holds what supportOf says of the catalog against what placements do: with an account
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
		by := supportOf(app)
		if oauth := app.AuthType == string(vending.OAuth); oauth &&
			(err == nil) != (by == allAccounts || by == proxyOnly) {
			t.Errorf("%s: support %d, %v", app.Slug, by, err)
		}
		if err == nil && strings.Contains(app.Upstream, "{") {
			slots++
		}
	}
	if slots < 36 { // all but those that sign with a key
		t.Errorf("%d apps with a slot in their host can be called through the proxy", slots)
	}
}
