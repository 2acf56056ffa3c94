package pipedream

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// Reach says by which of Pipedream's accounts calls of an app can be made.
type Reach int

const (
	// Anyhow is by all: those that expose their credential, and those that Pipedream keeps back.
	Anyhow Reach = iota
	// OwnClient is by those that expose their credential alone, on an OAuth client of the project's
	// own.
	OwnClient
	// ProxyOnly is by those that Pipedream keeps back alone.
	ProxyOnly
	// Never is by none.
	Never
)

// ReachOf says by which accounts app's calls can be made, as far as the app's entry decides: what
// Pipedream says of its proxy for an app (`connect`) may leave less.
func ReachOf(app *catalog.App) Reach {
	if app.AuthType != string(vending.OAuth) {
		return Anyhow // such accounts expose their keys
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
		return Anyhow
	case direct:
		return OwnClient
	case relayed:
		return ProxyOnly
	}
	return Never
}

// ClientValues names the fields that calls of app hold and that come with the OAuth client: an
// account that exposes its credential has them by a line of [Options.Apps] alone, if at all.
func ClientValues(app *catalog.App) (names []string) {
	for _, f := range app.ClientFields() {
		if app.Needs(f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}
