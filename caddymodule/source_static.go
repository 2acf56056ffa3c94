package caddymodule

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/static"
)

func init() { caddy.RegisterModule(new(StaticSource)) }

// StaticSource is the source `static`: the configuration itself.
type StaticSource struct {
	// Connections are the connections it vends for.
	Connections []StaticConnection `json:"connections,omitempty"`
}

// StaticConnection is one connection whose credential the operator provides.
type StaticConnection struct {
	// ID is the connection id in callers' paths.
	ID string `json:"id"`
	// Tenant is the tenant it belongs to.
	Tenant string `json:"tenant"`
	// User is the end user's email address, or `*` for every end user of the tenant.
	User string `json:"user"`
	// App is the slug of its app.
	App string `json:"app"`
	// Fields are the credential's values by name. Secret ones are references, `{env.NAME}` or
	// `{file./path}`.
	Fields map[string]string `json:"fields"`
	// DefinedAt is file and line of the Caddyfile, for error messages.
	DefinedAt string `json:"defined_at,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*StaticSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.static", New: func() caddy.Module { return new(StaticSource) }}
}

// OpenSource implements SourceModule.
func (s *StaticSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	connections := make([]static.Connection, 0, len(s.Connections))
	places := make(map[string]string, len(s.Connections))
	for i := range s.Connections {
		c := &s.Connections[i]
		resolved, err := c.resolve(env)
		if first, twice := places[c.ID]; err == nil && twice {
			err = fmt.Errorf("the id is a duplicate: give it another one; the first is at %s", first)
		}
		if err != nil {
			return nil, at(c.DefinedAt, fmt.Errorf("connection %s: %w", c.ID, err))
		}
		connections, places[c.ID] = append(connections, resolved), cmp.Or(c.DefinedAt, fmt.Sprintf("number %d", i+1))
	}
	return static.New(connections...)
}

// resolve reads the secrets. Only a field that the catalog does not call secret may be in the
// configuration itself.
func (c *StaticConnection) resolve(env *SourceEnv) (static.Connection, error) {
	app, ok := env.Catalog.App(c.App)
	if !ok {
		return static.Connection{}, noApp(env.Catalog, c.App)
	}
	if err := c.check(app); err != nil {
		return static.Connection{}, err
	}
	resolved := static.Connection{ID: c.ID, Tenant: c.Tenant, User: c.User, App: c.App,
		AuthType: vending.AuthType(app.AuthType)}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		value := c.Fields[name]
		if app.PublicField(name) && secretref.Check(value) != nil {
			resolved.Fields = append(resolved.Fields, vending.Field{Name: vendedName(app, name), Value: value})
			continue
		}
		secret, err := env.Secret(value)
		if err != nil {
			return static.Connection{}, fmt.Errorf("tenant %s: field %s: %w", c.Tenant, name, err)
		}
		resolved.Fields = append(resolved.Fields, vending.Field{Name: vendedName(app, name), Value: secret.Reveal()})
	}
	return resolved, nil
}

// check reports the first mistake that shows without the secrets. No request could ever meet a
// connection of such a tenant or end user, and a field that the app does not know would go nowhere.
func (c *StaticConnection) check(app *catalog.App) error {
	if err := policy.CheckTenantID(c.Tenant); err != nil {
		return err
	}
	if err := c.checkUser(); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if known := knownFields(app); !slices.Contains(known, name) {
			return fmt.Errorf("field %s: app %s has no such field: take it out, or write one of %s", name, app.Slug,
				strings.Join(known, ", "))
		}
	}
	return c.checkComplete(app)
}

func (c *StaticConnection) checkUser() error {
	if c.User == static.AnyUser {
		return nil
	}
	if _, err := policy.ParseUser([]string{c.User}); err != nil {
		return fmt.Errorf("user %q: write one email address, like alice@example.com, or * for every end user of the tenant",
			c.User)
	}
	return nil
}

// knownFields lists what a connection of app may hold.
func knownFields(app *catalog.App) []string {
	var known []string
	for _, f := range app.Fields {
		known = append(known, f.Name)
	}
	switch {
	case app.OAuth1 != nil:
		known = append(known, oauth1Fields...)
	case app.AuthType == string(vending.OAuth):
		known = append(known, vending.AccessToken, vending.TokenType)
	}
	if app.Sign != nil {
		known = append(known, catalog.SessionToken)
	}
	return known
}

// oauth1Fields are what a connection of an OAuth 1 app consists of, in the words of RFC 5849.
var oauth1Fields = []string{catalog.ConsumerKey, catalog.ConsumerSecret, catalog.OAuthToken, catalog.OAuthTokenSecret}

// vendedName is what a credential calls a field: it has the token of every OAuth app under one
// name.
func vendedName(app *catalog.App, field string) string {
	if app.OAuth1 != nil && field == catalog.OAuthToken {
		return vending.AccessToken
	}
	return field
}

// checkComplete reports the first field that the app needs and the connection has not.
func (c *StaticConnection) checkComplete(app *catalog.App) error {
	var needed []string
	for _, f := range app.Fields {
		if f.Default == "" && !app.OnlyChooses(f.Name) && !app.Informs(f) { // what was found by it is another
			needed = append(needed, f.Name)
		}
	}
	switch {
	case app.OAuth1 != nil:
		needed = append(needed, oauth1Fields...)
	case app.AuthType == string(vending.OAuth):
		needed = append(needed, vending.AccessToken)
	}
	for _, name := range needed {
		if _, ok := c.Fields[name]; !ok {
			return fmt.Errorf("field %s is missing, which app %s needs: write field %s VALUE", name, app.Slug, name)
		}
	}
	return nil
}
