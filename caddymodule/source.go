package caddymodule

import (
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/local"
	"github.com/vendgate/vendgate/vending/platform"
	"github.com/vendgate/vendgate/vending/static"
)

func init() {
	caddy.RegisterModule(new(LocalSource))
	caddy.RegisterModule(new(PlatformSource))
	caddy.RegisterModule(new(StaticSource))
}

// SourceModule is a Caddy module in the namespace `vendgate.sources`: the configuration of one source.
type SourceModule interface {
	// OpenSource resolves secrets and returns the source. One with a `Close()` method is closed with the configuration.
	OpenSource(env *SourceEnv) (vending.Source, error)
}

// SourceEnv is what the app lends to a source.
type SourceEnv struct {
	// Name is the source's name in the configuration.
	Name string
	// Logger is the source's own.
	Logger *slog.Logger
	// Catalog knows the apps.
	Catalog *catalog.Catalog
	// Store is the embedded connection manager's; nil unless a local source is configured.
	Store *connect.Store
	// Client returns the OAuth client of a tenant for an app.
	Client func(tenant, app string) (local.OAuthClient, bool)
	// Transport returns a transport that dials global unicast addresses and those within the given CIDRs only.
	Transport func(allow []string) (http.RoundTripper, error)
}

// keyTaker is a source's module that may want the caller's own tenant key.
type keyTaker interface{ TakesCallerKey() bool }

// LocalSource is the source `local`: the embedded connection manager, in this process.
type LocalSource struct {
	// Margin is how long before its end an access token is refreshed. Default: 60s.
	Margin caddy.Duration `json:"margin,omitempty"`
	// RefreshTimeout bounds one call to a token endpoint. Default: 10s.
	RefreshTimeout caddy.Duration `json:"refresh_timeout,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*LocalSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.local", New: func() caddy.Module { return new(LocalSource) }}
}

// OpenSource implements SourceModule. Token endpoints are dialled under the guard of their app.
func (s *LocalSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	transports := make(appTransports)
	for _, app := range env.Catalog.Apps() {
		if app.OAuth2 == nil {
			continue
		}
		rt, err := env.Transport(app.AllowPrivate)
		if err != nil {
			return nil, err
		}
		transports[app.Slug] = rt
	}
	return local.New(local.Options{
		Store: env.Store, Catalog: env.Catalog.App, Clients: env.Client, Transport: transports[""],
		Margin: time.Duration(s.Margin), RefreshTimeout: time.Duration(s.RefreshTimeout), Logger: env.Logger,
	}), nil
}

type appTransports map[string]http.RoundTripper

// PlatformSource is the source `platform`: Pabbly Connect's Platform API, or another Vendgate's, over HTTP.
type PlatformSource struct {
	// URL is the base of the Platform API, up to and with `/platform/v1`.
	URL string `json:"url"`
	// Key is a reference to the tenant key for all tenants without one in Keys, `{env.NAME}` or `{file./path}`.
	Key string `json:"key,omitempty"`
	// Keys are such references by tenant id.
	Keys map[string]string `json:"keys,omitempty"`
	// Passthrough sends the caller's own tenant key instead. Callers need no tenant here then: the Platform API judges their keys.
	Passthrough bool `json:"passthrough,omitempty"`
	// Aliases map the Platform API's app ids or slugs to slugs of the catalog, where they differ.
	Aliases map[string]string `json:"aliases,omitempty"`
	// Timeout bounds each call. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// AllowHTTP permits a plain http URL: keys and tokens cross the network in clear. Default: no.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// AllowPrivate lists CIDRs outside global unicast that the URL's host may resolve to. Default: none.
	AllowPrivate []string `json:"allow_private,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*PlatformSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.platform", New: func() caddy.Module { return new(PlatformSource) }}
}

// TakesCallerKey implements keyTaker.
func (s *PlatformSource) TakesCallerKey() bool { return s.Passthrough }

// OpenSource implements SourceModule.
func (s *PlatformSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	if s.Passthrough && (s.Key != "" || len(s.Keys) > 0) {
		return nil, fmt.Errorf("key passthrough excludes other keys")
	}
	rt, err := env.Transport(s.AllowPrivate)
	if err != nil {
		return nil, err
	}
	keys := make(map[string]vending.Secret)
	refs := map[string]string{"": s.Key}
	for tenant, ref := range s.Keys {
		refs[tenant] = ref
	}
	for tenant, ref := range refs {
		if ref == "" {
			continue
		}
		if keys[tenant], err = resolveSecret(ref); err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
	}
	if len(keys) == 0 && !s.Passthrough {
		return nil, fmt.Errorf("no key: write key {env.NAME}, key TENANT {env.NAME} or key passthrough")
	}
	o := platform.Options{
		BaseURL: s.URL, AllowHTTP: s.AllowHTTP, Transport: rt, Passthrough: s.Passthrough, Aliases: s.Aliases,
		Timeout: time.Duration(s.Timeout), Logger: env.Logger,
	}
	if !s.Passthrough {
		o.Key = func(tenant string) (vending.Secret, bool) {
			if key, ok := keys[tenant]; ok {
				return key, true
			}
			key, ok := keys[""]
			return key, ok
		}
	}
	return platform.New(o)
}

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
	// Fields are the credential's values by name. Secret ones are references, `{env.NAME}` or `{file./path}`.
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
	var connections []static.Connection
	for i := range s.Connections {
		c, err := s.Connections[i].resolve(env.Catalog)
		if err != nil {
			return nil, at(s.Connections[i].DefinedAt, fmt.Errorf("connection %s: %w", s.Connections[i].ID, err))
		}
		connections = append(connections, c)
	}
	return static.New(connections...)
}

// resolve reads the secrets. Only a field that the catalog calls no secret may stand in the configuration itself.
func (c *StaticConnection) resolve(apps *catalog.Catalog) (static.Connection, error) {
	app, ok := apps.App(c.App)
	if !ok {
		return static.Connection{}, fmt.Errorf("app %q is not in the catalog", c.App)
	}
	resolved := static.Connection{ID: c.ID, Tenant: c.Tenant, User: c.User, App: c.App, AuthType: vending.AuthType(app.AuthType)}
	names := keys(c.Fields)
	slices.Sort(names)
	for _, name := range names {
		value := c.Fields[name]
		if open(app, name) && checkSecretRef(value) != nil {
			resolved.Fields = append(resolved.Fields, vending.Field{Name: name, Value: value})
			continue
		}
		secret, err := resolveSecret(value)
		if err != nil {
			return static.Connection{}, fmt.Errorf("field %s: %w", name, err)
		}
		resolved.Fields = append(resolved.Fields, vending.Field{Name: name, Value: secret.Reveal()})
	}
	for _, f := range app.Fields {
		if _, ok := c.Fields[f.Name]; !ok {
			return static.Connection{}, fmt.Errorf("field %s is missing: app %s needs it", f.Name, app.Slug)
		}
	}
	return resolved, nil
}

// open reports whether the catalog declares the field as no secret.
func open(app *catalog.App, field string) bool {
	return slices.ContainsFunc(app.Fields, func(f catalog.Field) bool { return f.Name == field && !f.Secret })
}
