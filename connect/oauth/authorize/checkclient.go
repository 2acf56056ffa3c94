package authorize

import (
	"errors"
	"fmt"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// CheckClient reports why c is not to be set for app: it does not fit, or one of its values cannot
// stand where the app takes it. The error holds no value.
func CheckClient(app *catalog.App, c connect.OAuthClient) error {
	if err := c.FitsExactly(app); err != nil {
		return err
	}
	if vending.AuthType(app.AuthType) != vending.OAuth || app.ClientCredentials() {
		return nil
	}
	if o := app.OAuth2; o != nil && o.ClientAuth == catalog.ClientInHeaderRaw && strings.Contains(c.ID, ":") {
		return fmt.Errorf("the client id for %s holds a colon, where its secret would begin (RFC 7617): "+
			"write client_auth header, which encodes it", app.Slug)
	}
	others := []vending.Field{{Name: catalog.OAuthTokenSecret, Value: "x"}}
	for _, f := range app.Fields {
		if f.From != catalog.FromClient {
			others = append(others, vending.Field{Name: f.Name, Value: standIn(f)})
		}
	}
	var p *Error
	if !errors.As(checkEverywhere(app, connect.GrantValues{Fields: c.FieldsOf(app)}, others), &p) {
		return nil
	}
	for _, f := range app.ClientFields() {
		if f.Name == p.Field { // and no stand-in is
			return fmt.Errorf("field %s of the oauth client for %s cannot stand where the app takes it: %s", f.Name, app.Slug,
				rightForm(app, f))
		}
	}
	return nil
}

// rightForm says what to write for f.
func rightForm(app *catalog.App, f catalog.Field) string {
	if f.Kind != catalog.KindHost {
		return "write the value alone, and no whole address"
	}
	form := "a public host name like git.example.com"
	if len(app.AllowPrivate) > 0 && f.From == catalog.FromClient {
		form = "a host like git.example.com, gitea, 10.0.0.7 or [fd00::7]"
	}
	if f.SitePath {
		return "write " + form + ", perhaps with a port and the path of a site (git.example.com/git), and no scheme"
	}
	return "write " + form + ", perhaps with a port, and no scheme or path"
}
