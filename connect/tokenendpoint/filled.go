package tokenendpoint

import (
	"fmt"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// Filled returns app's OAuth2 with the placeholders of its endpoints filled by what comes with the client and what the end user
// entered. The error names the field to blame; see [inject.Endpoint].
func Filled(app *catalog.App, client connect.OAuthClient, entered []vending.Field) (*catalog.OAuth2, error) {
	o := *app.OAuth2
	values := map[string]string{}
	for _, f := range append(client.FieldsOf(app), entered...) {
		if _, taken := values[f.Name]; !taken {
			values[f.Name] = f.Value
		}
	}
	field := func(name string) (value string, ok bool) { value, ok = values[name]; return value, ok }
	for _, u := range []*string{&o.AuthorizeURL, &o.TokenURL, &o.RefreshURL, &o.RevokeURL} {
		if !strings.ContainsRune(*u, '{') {
			continue
		}
		filled, err := inject.Endpoint(app, *u, field)
		if err != nil {
			return nil, fmt.Errorf("filling an endpoint of %s: %w", app.Slug, err)
		}
		*u = filled
	}
	return &o, nil
}
