package authorize

import (
	"slices"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// CheckImported reports what is wrong with a grant that was made elsewhere, as far as that can be known without the provider. Its values are
// taken as they are: what a form would mend is refused here, because nobody sees what would be stored.
func CheckImported(app *catalog.App, v connect.GrantValues) error {
	token := vending.AccessToken
	if app.OAuth1 != nil {
		token = catalog.OAuthToken
	}
	for _, f := range []vending.Field{{Name: token, Value: v.AccessToken}, {Name: "refresh_token", Value: v.RefreshToken}} {
		if f.Value == "" {
			continue
		}
		if err := checkValue(app, catalog.Field{Name: f.Name}, f.Value); err != nil {
			return err
		}
	}
	others := standIns(app)
	for _, f := range v.Fields {
		known := catalog.Field{Name: f.Name}
		if i := slices.IndexFunc(app.Fields, func(c catalog.Field) bool { return c.Name == f.Name }); i >= 0 {
			known = app.Fields[i]
		}
		if err := checkValue(app, known, f.Value); err != nil {
			return err
		}
		others = slices.DeleteFunc(others, func(o vending.Field) bool { return o.Name == f.Name })
	}
	return blaming(v.Fields, checkEverywhere(app, v, others))
}
