package caddymodule

import (
	"fmt"
	"maps"
	"slices"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// OAuthClient is the client that providers know the operator by.
type OAuthClient struct {
	// App is the slug of the app it is for.
	App string `json:"app"`
	// Tenant restricts it to one tenant. Default: every tenant without a client of its own.
	Tenant string `json:"tenant,omitempty"`
	// ClientID is the id that the provider gave out. Required. It is not a secret.
	ClientID string `json:"client_id"`
	// ClientSecret is a reference, `{env.NAME}` or `{file./path}`. Default: none, a public client.
	ClientSecret string `json:"client_secret,omitempty"`
	// Scopes replace the app's in the authorization request: at most 100, of at most 200 bytes each.
	// Default: the app's.
	Scopes []string `json:"scopes,omitempty"`
	// Fields are what else the provider gave out with the client, where the app takes such from it.
	// Secret ones are references, `{env.NAME}` or `{file./path}`. Default: none.
	Fields map[string]string `json:"fields,omitempty"`
	// DefinedAt is file and line of the Caddyfile, for error messages.
	DefinedAt string `json:"defined_at,omitempty"`
}

// ResolveFields returns what comes with the client, with its secrets read: only of a field that the
// catalog calls no secret is the value itself in the configuration. Its error names the field,
// never a value.
func (c *OAuthClient) ResolveFields(app *catalog.App) (fields []connect.ClientField, err error) {
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		value := vending.NewSecret(c.Fields[name])
		if !app.PublicField(name) || secretref.Check(c.Fields[name]) == nil {
			if value, err = secretref.Resolve(c.Fields[name]); err != nil {
				return nil, fmt.Errorf("field %s: %w", name, err)
			}
		}
		fields = append(fields, connect.ClientField{Name: name, Value: value})
	}
	return fields, nil
}

// checkScopes does not repeat a scope that is wrong: it may be a secret on the wrong line.
func (c *OAuthClient) checkScopes() error {
	if err := connect.CheckScopes(c.Scopes); err != nil {
		return fmt.Errorf("oauth_client %s: %s", c.App, vending.AsError(err).Text())
	}
	return nil
}

// checkScopes is checkScopes of every OAuth client.
func (a *App) checkScopes() error {
	for i := range a.OAuthClients {
		if err := a.OAuthClients[i].checkScopes(); err != nil {
			return at(a.OAuthClients[i].DefinedAt, err)
		}
	}
	return nil
}
