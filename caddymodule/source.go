package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

func init() {
	caddy.RegisterModule(new(LocalSource))
	caddy.RegisterModule(new(PlatformSource))
	caddy.RegisterModule(new(StaticSource))
}

// SourceModule is a Caddy module in the namespace `vendgate.sources`: the configuration of one
// source.
type SourceModule interface {
	// OpenSource resolves secrets and returns the source. One with a `Close()` method is closed with
	// the configuration.
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
	// Clients returns the OAuth client of a tenant for an app, or connect.ErrNoOAuthClient.
	Clients func(ctx context.Context, tenant, app string) (connect.OAuthClient, error)
	// Guarded returns the transport that dials under an app's guard.
	Guarded func(app *catalog.App) http.RoundTripper
	// Transport returns a transport that dials global unicast addresses and those within the given
	// CIDRs only.
	Transport func(allow []string) (http.RoundTripper, error)
}

// keyTaker is a source's module that may want the caller's own tenant key.
type keyTaker interface{ TakesCallerKey() bool }

// LocalSource is the source `local`: the embedded connection manager, in this process.
type LocalSource struct {
	// Margin is how long before its end an access token is refreshed. Default: 60s. Negative is an
	// error.
	Margin caddy.Duration `json:"margin,omitempty"`
	// RefreshTimeout bounds one call to a token endpoint. Default: 10s. Negative, or longer than
	// vend_timeout, is an error. A call whose refresh lease cannot be renewed ends sooner, within 4 s
	// of the last renewal.
	RefreshTimeout caddy.Duration `json:"refresh_timeout,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*LocalSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.local", New: func() caddy.Module { return new(LocalSource) }}
}

// Provision implements caddy.Provisioner: it holds the source against the app it belongs to.
func (s *LocalSource) Provision(ctx caddy.Context) error {
	for _, module := range ctx.Modules() {
		if a, ok := module.(*App); ok {
			return s.checkWithin(a)
		}
	}
	return nil
}

// checkWithin reports what does not fit the rest of the configuration. No vend could wait for a
// refresh that may take longer than vend_timeout, and two local sources would refresh the grants of
// one store against each other.
func (s *LocalSource) checkWithin(a *App) error {
	names := a.localSources()
	switch {
	case len(names) > 1:
		return errLocalTwice(names)
	case s.RefreshTimeout > a.VendTimeout:
		return at(a.DefinedAt["source "+names[0]],
			fmt.Errorf("source %s: refresh_timeout %s is longer than vend_timeout %s: write a shorter one, or a longer "+
				"vend_timeout",
				names[0], time.Duration(s.RefreshTimeout), time.Duration(a.VendTimeout)))
	}
	return nil
}

func errLocalTwice(names []string) error {
	return fmt.Errorf("sources %s are of type local, and there is one store: keep one of them",
		strings.Join(names, " and "))
}

// localSources lists the names of the configured sources of type local, sorted. What cannot be read
// is reported when it is loaded.
func (a *App) localSources() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.SourcesRaw)) {
		var source struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(a.SourcesRaw[name], &source); err == nil && source.Type == localSource {
			names = append(names, name)
		}
	}
	return names
}

// OpenSource implements SourceModule. Token endpoints are dialled under the guard of their app.
func (s *LocalSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	if s.Margin < 0 || s.RefreshTimeout < 0 {
		return nil, errors.New("margin and refresh_timeout: write positive durations, like 60s and 10s")
	}
	return local.New(local.Options{
		Store: env.Store, Catalog: env.Catalog.App, Clients: env.Clients, Transport: env.Guarded,
		Margin: time.Duration(s.Margin), RefreshTimeout: time.Duration(s.RefreshTimeout), Logger: env.Logger,
	}), nil
}

// PlatformSource is the source `platform`: Pabbly Connect's Platform API, or another Vendgate's,
// over HTTP.
type PlatformSource struct {
	// URL is the base of the Platform API, up to and with `/platform/v1`.
	URL string `json:"url"`
	// Key is a reference to the tenant key for all tenants without one in Keys, `{env.NAME}` or
	// `{file./path}`.
	Key string `json:"key,omitempty"`
	// Keys are such references by tenant id.
	Keys map[string]string `json:"keys,omitempty"`
	// Passthrough sends the caller's own tenant key instead. Callers need no tenant here then: the
	// Platform API judges their keys.
	Passthrough bool `json:"passthrough,omitempty"`
	// Aliases map the Platform API's app ids or slugs to slugs of the catalog, where they differ.
	Aliases map[string]string `json:"aliases,omitempty"`
	// Timeout bounds each call. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// AllowHTTP permits a plain http URL: keys and tokens cross the network in clear. Default: no.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// AllowPrivate lists CIDRs outside global unicast that the URL's host may resolve to. Default:
	// none.
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
		return nil, errPassthrough
	}
	rt, err := env.Transport(s.AllowPrivate)
	if err != nil {
		return nil, err
	}
	if err := s.checkNames(env.Catalog); err != nil {
		return nil, err
	}
	keys := make(map[string]vending.Secret)
	refs := map[string]string{"": s.Key}
	maps.Copy(refs, s.Keys)
	for _, tenant := range slices.Sorted(maps.Keys(refs)) {
		ref := refs[tenant]
		if ref == "" {
			continue
		}
		if keys[tenant], err = resolveSecret(ref); err != nil {
			return nil, fmt.Errorf("%skey: %w", ofTenant(tenant), err)
		}
	}
	if len(keys) == 0 && !s.Passthrough {
		return nil, errNoKey
	}
	o := platform.Options{
		BaseURL: s.URL, AllowHTTP: s.AllowHTTP, Transport: rt, Passthrough: s.Passthrough, Aliases: s.Aliases,
		Timeout: time.Duration(s.Timeout), Catalog: env.Catalog.App, Logger: env.Logger,
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

// checkNames reports the first key of a tenant that cannot exist and the first alias of an app that
// does not: neither would ever be used, and calls would be refused for want of it.
func (s *PlatformSource) checkNames(apps *catalog.Catalog) error {
	for _, tenant := range slices.Sorted(maps.Keys(s.Keys)) {
		if err := policy.CheckTenantID(tenant); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Aliases)) {
		if _, ok := apps.App(s.Aliases[id]); !ok {
			return fmt.Errorf("alias %s: %w", id, noApp(apps, s.Aliases[id]))
		}
	}
	return nil
}

// Mistakes in the keys of a platform source.
var (
	errPassthrough = errors.New("key passthrough excludes other keys: keep it, or keep them")
	errNoKey       = errors.New("no key: write key {env.NAME}, key TENANT {env.NAME} or key passthrough")
)

// ofTenant begins a message about one tenant's key; the empty tenant stands for all.
func ofTenant(id string) string {
	if id == "" {
		return ""
	}
	return "tenant " + id + ": "
}

var _ caddy.Provisioner = (*LocalSource)(nil)
