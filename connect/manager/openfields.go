package manager

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// OpenFields returns the values of c that may be shown, by name: those of fields that the app's
// entry, as it is now, does not mark secret. It is never nil. Of an app that the catalog does not
// have, nothing is known to be open; and of a grant that cannot be read there is nothing to show.
func (m *Manager) OpenFields(ctx context.Context, c connect.Connection) map[string]string {
	open := make(map[string]string)
	app, ok := m.o.Catalog.App(c.App)
	if !ok || !slices.ContainsFunc(app.Fields, func(f catalog.Field) bool { return isOpen(app, f) }) {
		return open
	}
	_, grant, err := m.o.Store.Grant(ctx, c.Tenant, c.User, c.ID)
	if err != nil {
		return open // the store has logged what is wrong with a grant
	}
	v := grant.Reveal()
	secrets := secretsOf(app, v)
	for _, f := range v.Fields {
		i := slices.IndexFunc(app.Fields, func(d catalog.Field) bool { return d.Name == f.Name })
		if i >= 0 && isOpen(app, app.Fields[i]) && !holdsAny(f.Value, secrets) {
			open[f.Name] = f.Value
		}
	}
	return open
}

// isOpen reports whether a field of app may be shown. Of what comes with an OAuth client, only what
// says where the account is.
func isOpen(app *catalog.App, f catalog.Field) bool {
	switch {
	case f.Secret, app.OwnsClient(f.Name), f.Name == catalog.ClientID, f.Name == catalog.ClientSecret:
		return false
	case f.From == catalog.FromClient:
		return slices.Contains(app.AddressFields(), f.Name)
	}
	return true
}

// secretsOf are the values that must not be shown, in any field.
func secretsOf(app *catalog.App, v connect.GrantValues) []string {
	secrets := []string{v.AccessToken, v.RefreshToken}
	for _, f := range v.Fields {
		i := slices.IndexFunc(app.Fields, func(d catalog.Field) bool { return d.Name == f.Name })
		if i < 0 || !isOpen(app, app.Fields[i]) {
			secrets = append(secrets, f.Value)
		}
	}
	return secrets
}

// minSecret is the length, in bytes, from which a secret is looked for within other text: shorter
// ones occur by chance.
const minSecret = 6

// holdsAny reports whether an open value is one of secrets or holds one, as where the key was
// entered twice, or an address with the key in it.
func holdsAny(value string, secrets []string) bool {
	return slices.ContainsFunc(spellings(value), func(text string) bool {
		return slices.ContainsFunc(secrets, func(s string) bool {
			return s != "" && (text == s || len(s) >= minSecret && strings.Contains(text, s))
		})
	})
}

// spellings are value and what it may be an encoding of: an address, or credentials for Basic.
func spellings(value string) []string {
	list := []string{value}
	if text, err := url.PathUnescape(value); err == nil {
		list = append(list, text)
	}
	word := strings.TrimRight(value[strings.LastIndexByte(value, ' ')+1:], "=")
	for _, coding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if text, err := coding.DecodeString(word); err == nil {
			list = append(list, string(text))
		}
	}
	return list
}
