package platform

import (
	"slices"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// takes reports whether a credential of app has the field; any may, of an app that is not known.
func takes(app *catalog.App, name string) bool {
	if app == nil {
		return true
	}
	return !app.OwnsClient(name) && slices.ContainsFunc(app.CredentialFields(), func(f catalog.Field) bool {
		return f.Name == name
	})
}

// holds reports whether cred has every field that requests of app are made with.
func holds(cred vending.Credential, app *catalog.App) bool {
	for _, f := range app.CredentialFields() {
		if _, ok := cred.Field(f.Name); !ok && app.Needs(f.Name) {
			return false
		}
	}
	return true
}
