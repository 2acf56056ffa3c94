package authorize

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// CheckImported reports what is wrong with a grant that was made elsewhere, as far as that can be
// known without the provider: an *[Error] about a field of it. Its values are taken as they are:
// what a form would normalize is refused here, where no person sees what would be stored.
func CheckImported(app *catalog.App, v connect.GrantValues) error {
	token := vending.AccessToken
	if app.OAuth1 != nil {
		token = catalog.OAuthToken
	}
	tokens := []vending.Field{{Name: token, Value: v.AccessToken}, {Name: "refresh_token", Value: v.RefreshToken},
		{Name: vending.TokenType, Value: v.TokenType}}
	tokens = slices.DeleteFunc(tokens, func(f vending.Field) bool { return f.Value == "" })
	others := placeholders(app)
	for _, f := range slices.Concat(tokens, v.Fields) {
		known, declared := fieldNamed(app, f.Name)
		if f.Value == "" && !declared {
			continue
		}
		if err := checkValue(app, known, f.Value); err != nil {
			return err
		}
		if !declared && !signable(f.Value) {
			return newError(app, Error{Kind: InvalidField, Field: f.Name, reason: "begins or ends with a space"})
		}
		others = slices.DeleteFunc(others, func(o vending.Field) bool { return o.Name == f.Name })
	}
	return importError(app, v, checkEverywhere(app, v, others))
}

// Imported makes a grant of one that was made elsewhere and passed CheckImported. What a key-based
// app takes is tried as FromFields tries it, and so is the client of a client-credentials app. A
// token of another OAuth app is not: it may have ended, and to refresh it would spend what only the
// caller holds. Such a grant is not verified until it is refreshed. unconfirmed takes what is
// neither accepted nor refused.
func (a *Authorizer) Imported(ctx context.Context, app *catalog.App, g connect.Grant, unconfirmed bool) (connect.Grant,
	error) {
	if isOAuth(app) && !app.ClientCredentials() {
		return g, nil
	}
	return a.confirm(ctx, app, g.Reveal(), unconfirmed)
}

func fieldNamed(app *catalog.App, name string) (f catalog.Field, declared bool) {
	if i := slices.IndexFunc(app.Fields, func(c catalog.Field) bool { return c.Name == name }); i >= 0 {
		return app.Fields[i], true
	}
	return catalog.Field{Name: name}, false
}

// importError says what to write instead of an invalid value. Here that always comes from the
// import, even where an end user or a provider gives it otherwise.
func importError(app *catalog.App, v connect.GrantValues, err error) error {
	var p *Error
	if !errors.As(err, &p) || p.Field == "" {
		return err
	}
	value, given := valueIn(v.Fields)(p.Field)
	if !given { // it has a placeholder
		return nil
	}
	f, _ := fieldNamed(app, p.Field)
	p.Kind, p.reason = InvalidField, "is invalid where the app uses it: "+rightForm(app, f)
	if strings.TrimSpace(value) != value {
		p.reason = "begins or ends with a space"
	}
	return p
}
