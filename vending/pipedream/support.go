package pipedream

import (
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// Support says by which of Pipedream's accounts calls of an app can be made.
type Support int

const (
	// AllAccounts means those that expose their credential, and those that Pipedream keeps back.
	AllAccounts Support = iota
	// OwnClientOnly means those that expose their credential, on an OAuth client of the project's own.
	OwnClientOnly
	// ProxyOnly means those that Pipedream keeps back.
	ProxyOnly
	// Unsupported means no account.
	Unsupported
)

// SupportOf says by which accounts app's calls can be made, as far as the app's entry decides: what
// Pipedream says of its proxy for an app (`connect`) may leave less.
func SupportOf(app *catalog.App) Support {
	if app.AuthType != string(vending.OAuth) {
		return AllAccounts // such accounts expose their keys
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
		return AllAccounts
	case direct:
		return OwnClientOnly
	case relayed:
		return ProxyOnly
	}
	return Unsupported
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
