package tokenendpoint

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/vending"
)

// URL is one of the addresses that an app's OAuth2 has.
type URL int

// The addresses, as the catalog calls them.
const (
	AuthorizeURL URL = iota
	TokenURL
	RefreshURL
	RevokeURL
)

// RefreshEndpoint is the address at which app's tokens are refreshed.
func RefreshEndpoint(app *catalog.App) URL {
	if app.OAuth2.RefreshURL == "" || app.ClientCredentials() {
		return TokenURL
	}
	return RefreshURL
}

// ExpandURLs returns app's OAuth2 with the placeholders of its endpoints replaced by what comes
// with the client and what the end user entered. Only those that are used are expanded, and others
// with placeholders are empty: a value that only they need may be missing. [ErrorField] reads the
// error.
func ExpandURLs(app *catalog.App, client connect.OAuthClient, entered []vending.Field, used ...URL) (*catalog.OAuth2,
	error) {
	o := *app.OAuth2
	values := map[string]string{}
	for _, f := range append(client.FieldsOf(app), entered...) {
		if _, taken := values[f.Name]; !taken {
			values[f.Name] = f.Value
		}
	}
	field := func(name string) (value string, ok bool) { value, ok = values[name]; return value, ok }
	for which, u := range []*string{&o.AuthorizeURL, &o.TokenURL, &o.RefreshURL, &o.RevokeURL} {
		switch {
		case !strings.ContainsRune(*u, '{'):
			continue
		case !slices.Contains(used, URL(which)):
			*u = ""
			continue
		}
		filled, err := inject.Endpoint(app, *u, field)
		if err != nil {
			return nil, fmt.Errorf("filling in an endpoint of %s: %w", app.Slug, err)
		}
		*u = filled
	}
	return &o, nil
}

// ErrorField returns the field of app whose value is missing or invalid in an address; false if
// there is none.
func ErrorField(app *catalog.App, err error) (catalog.Field, bool) {
	var blamed *inject.FieldError
	if !errors.As(err, &blamed) {
		return catalog.Field{}, false
	}
	i := slices.IndexFunc(app.Fields, func(f catalog.Field) bool { return f.Name == blamed.Field })
	if i < 0 {
		return catalog.Field{}, false
	}
	return app.Fields[i], true
}
