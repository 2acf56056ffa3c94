package platform

import (
	"maps"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// oauth1Fields are what an app that signs by OAuth 1 has beside the fields it declares.
var oauth1Fields = []catalog.Field{
	{Name: catalog.ConsumerKey}, {Name: catalog.ConsumerSecret, Secret: true}, {Name: catalog.OAuthTokenSecret, Secret: true},
}

// declared returns the fields of app that a credential may have.
func declared(app *catalog.App) []catalog.Field {
	if app.OAuth1 != nil {
		return slices.Concat(app.Fields, oauth1Fields)
	}
	return app.Fields
}

// takes reports whether a credential of app has the field; any may, of an app that is not known.
func takes(app *catalog.App, name string) bool {
	if app == nil {
		return true
	}
	return !app.OwnsClient(name) && slices.ContainsFunc(declared(app), func(f catalog.Field) bool { return f.Name == name })
}

// needed reports whether no request of app can be made without the field: of an OAuth app's, some
// serve only to obtain the token. Long-lived AWS keys have no session token.
func needed(app *catalog.App, field string) bool {
	switch {
	case app.OwnsClient(field):
		return false
	case app.Sign != nil:
		return app.Sign.Scheme != "aws_sigv4" || field != "session_token"
	case app.OAuth1 != nil || vending.AuthType(app.AuthType) != vending.OAuth:
		return true
	}
	texts := []string{app.Upstream}
	if p := app.Placement; p != nil {
		texts = slices.AppendSeq(append(texts, p.PathPrefix), maps.Values(p.Header))
		texts = slices.AppendSeq(texts, maps.Values(p.Query))
		if p.Basic != nil {
			texts = append(texts, p.Basic.Username, p.Basic.Password)
		}
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "{"+field+"}") })
}

// holds reports whether cred has every field that requests of app are made with.
func holds(cred vending.Credential, app *catalog.App) bool {
	for _, f := range declared(app) {
		if _, ok := cred.Field(f.Name); !ok && needed(app, f.Name) {
			return false
		}
	}
	return true
}
