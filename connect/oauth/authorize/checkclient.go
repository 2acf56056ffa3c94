package authorize

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// CheckClient reports why c is invalid for app: it does not fit, or one of its values is invalid
// where the app uses it. The error contains no value.
func CheckClient(app *catalog.App, c connect.OAuthClient) error {
	if err := c.FitsExactly(app); err != nil {
		return err
	}
	if vending.AuthType(app.AuthType) != vending.OAuth || app.ClientCredentials() {
		return nil
	}
	if o := app.OAuth2; o != nil && o.ClientAuth == catalog.ClientInHeaderRaw && strings.Contains(c.ID, ":") {
		return fmt.Errorf("the client id for %s contains a colon, where its secret would begin (RFC 7617): "+
			"write client_auth header, which encodes it", app.Slug)
	}
	others := []vending.Field{{Name: catalog.OAuthTokenSecret, Value: "x"}}
	for _, f := range app.Fields {
		if f.From != catalog.FromClient {
			others = append(others, vending.Field{Name: f.Name, Value: placeholder(f)})
		}
	}
	var p *Error
	if !errors.As(checkEverywhere(app, connect.GrantValues{Fields: c.FieldsOf(app)}, others), &p) {
		return nil
	}
	for _, f := range app.ClientFields() {
		if f.Name == p.Field { // and it is no placeholder
			return fmt.Errorf("field %s of the oauth client for %s is invalid where the app uses it: %s", f.Name, app.Slug,
				rightForm(app, f))
		}
	}
	return nil
}

// rightForm says what to write for f.
func rightForm(app *catalog.App, f catalog.Field) string {
	if f.Kind != catalog.KindHost {
		return "write only the value, not a whole address"
	}
	form := "a public host name like git.example.com"
	if len(app.AllowPrivate) > 0 && f.From == catalog.FromClient {
		form = "a host like git.example.com, gitea, 10.0.0.7 or [fd00::7]"
	}
	if f.SitePath {
		return "write " + form +
			", with its port and the path of the site if it has them (git.example.com/git), without a scheme"
	}
	return "write " + form + ", with its port if it has one, without a scheme or path"
}
