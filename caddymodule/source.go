package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/local"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// SourceModule is a Caddy module in the namespace `vendgate.sources`: the configuration of one
// source. In a Caddyfile, `source TYPE [NAME] { … }` calls its UnmarshalCaddyfile with the type as
// the first token and without the name.
//
// The gateway asks the source for the optional interfaces of package vending: vending.KeyTaker,
// vending.ExternalUsers, vending.TenantBound and vending.Noter. Commands open no source: they ask
// the module for the first three, before it is provisioned. A module should implement those that
// its source does.
type SourceModule interface {
	// OpenSource resolves secrets and returns the source. One with a `Close()` method is closed with
	// the configuration.
	OpenSource(env *SourceEnv) (vending.Source, error)
}

// SourceEnv is what a source may use.
type SourceEnv struct {
	// Name is the source's name in the configuration.
	Name string
	// Logger is the source's own.
	Logger *slog.Logger
	// Catalog knows the apps.
	Catalog *catalog.Catalog
	// Clients returns the OAuth client of a tenant for an app, or connect.ErrNoOAuthClient.
	Clients func(ctx context.Context, tenant, app string) (connect.OAuthClient, error)
	// Guarded returns the transport that dials under an app's guard, or nil for an app that is not in
	// the catalog.
	Guarded func(app *catalog.App) http.RoundTripper
	// Transport returns a transport that dials global unicast addresses and those within the given
	// CIDRs only.
	Transport func(allow []string) (http.RoundTripper, error)

	// store is the embedded connection manager's, for a storeUser only; refreshed counts what becomes
	// of its refreshes.
	store     *store.Store
	refreshed func(app string, result local.RefreshResult)
}

// Secret reads the secret that ref points at, `{env.NAME}` or `{file./path}`. A secret itself is an
// error: it must not be in the configuration. Errors never repeat the secret.
func (*SourceEnv) Secret(ref string) (vending.Secret, error) { return secretref.Resolve(ref) }

// storeUser is a module whose source vends from the embedded connection manager's store.
type storeUser interface{ usesStore() }

func usesStore(m SourceModule) bool {
	_, ok := m.(storeUser)
	return ok
}

// fitChecker is a module that does not fit every configuration.
type fitChecker interface {
	// checkFits reports what of the rest of the configuration contradicts the source called name.
	// others are the modules whose names sort before it.
	checkFits(a *App, name string, others map[string]SourceModule) error
}

// checkSources reports the first source that the rest of the configuration contradicts.
func (a *App) checkSources(modules map[string]SourceModule) error {
	others := make(map[string]SourceModule, len(modules))
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if m, ok := modules[name].(fitChecker); ok {
			if err := m.checkFits(a, name, others); err != nil {
				return at(a.DefinedAt["source "+name], err)
			}
		}
		others[name] = modules[name]
	}
	return nil
}

// sourceModule returns the module of a configured source, neither provisioned nor open.
func (a *App) sourceModule(name string) (SourceModule, error) {
	raw, ok := a.SourcesRaw[name]
	if !ok {
		return nil, fmt.Errorf("source %s is not configured", name)
	}
	var inline struct {
		Type string `json:"type"`
	}
	if err := json.Unmarshal(raw, &inline); err != nil {
		return nil, fmt.Errorf("source %s: %w", name, err)
	}
	info, err := caddy.GetModule(sourceNamespace + "." + inline.Type)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", name, err)
	}
	module, ok := info.New().(SourceModule)
	if !ok {
		return nil, fmt.Errorf("source %s: module %s is not a source", name, info.ID)
	}
	if err := json.Unmarshal(raw, module); err != nil {
		return nil, fmt.Errorf("source %s: %w", name, err)
	}
	return module, nil
}

// sourceNamespace is the one of Caddy's modules that sources are in.
const sourceNamespace = "vendgate.sources"

// storeSources lists the names of the configured sources that vend from the store, sorted. What
// cannot be read is reported when it is loaded.
func (a *App) storeSources() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.SourcesRaw)) {
		if m, err := a.sourceModule(name); err == nil && usesStore(m) {
			names = append(names, name)
		}
	}
	return names
}

// OpensStore reports whether the server of this configuration opens the store: only a source of
// type local makes it.
func (a *App) OpensStore() bool {
	a.setDefaultSource()
	_, other := a.SourcesRaw[localSource]
	return len(a.storeSources()) > 0 || !other && slices.Contains(a.sourceNames(), localSource)
}

// SourceInfo is what is known of a configured source that is not open.
type SourceInfo struct {
	// Name is the source's name in the configuration.
	Name string
	// UsesStore says that it vends from the embedded connection manager's store.
	UsesStore bool
	// TakesCallerKey, ExternalIDs and Tenants are the answers of vending.KeyTaker,
	// vending.ExternalUsers and vending.TenantBound.
	TakesCallerKey, ExternalIDs bool
	Tenants                     []string
}

// SourceNames lists the sources that there are: those of the configuration, and `local` where
// something in it refers to that.
func (a *App) SourceNames() []string {
	a.setDefaultSource()
	names := slices.Sorted(maps.Keys(a.SourcesRaw))
	if !slices.Contains(names, localSource) && slices.Contains(a.sourceNames(), localSource) {
		names = append(names, localSource)
	}
	return names
}

// SourceOf returns the source that vends for a tenant; stored is what the store says of it, which
// only the tenant's entry in the configuration overrides.
func (a *App) SourceOf(tenant, stored string) (SourceInfo, error) {
	a.setDefaultSource()
	name := cmp.Or(stored, a.TenantDefaults.Source, a.DefaultSource)
	if i := slices.IndexFunc(a.Tenants, func(t Tenant) bool { return t.ID == tenant }); i >= 0 {
		name = cmp.Or(a.Tenants[i].Source, name)
	}
	if _, ok := a.SourcesRaw[name]; !ok && name == localSource { // it need not be configured
		return sourceInfo(name, new(LocalSource)), nil
	}
	module, err := a.sourceModule(name)
	if err != nil {
		return SourceInfo{}, fmt.Errorf("tenant %s: %w", tenant, err)
	}
	return sourceInfo(name, module), nil
}

func sourceInfo(name string, m SourceModule) SourceInfo {
	info := SourceInfo{Name: name, UsesStore: usesStore(m)}
	if k, ok := m.(vending.KeyTaker); ok {
		info.TakesCallerKey = k.TakesCallerKey()
	}
	if e, ok := m.(vending.ExternalUsers); ok {
		info.ExternalIDs = e.NamesUsersByExternalID()
	}
	if b, ok := m.(vending.TenantBound); ok {
		info.Tenants = b.Tenants()
	}
	return info
}

// CheckServes reports that the source would refuse each call of a tenant.
func (s SourceInfo) CheckServes(tenant string) error { return checkServed(s.Name, s.Tenants, tenant) }

// checkServed reports that a source that vends for some tenants only, or for every one if that is
// nil, would refuse each call of this one.
func checkServed(source string, tenants []string, tenant string) error {
	if tenants == nil || slices.Contains(tenants, tenant) {
		return nil
	}
	return fmt.Errorf("source %s does not list it, and would refuse each of its calls with connection_deleted: add "+
		"tenant %s to that source, or give the tenant another source", source, tenant)
}

func init() { caddy.RegisterModule(new(LocalSource)) }

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

// checkFits implements fitChecker. No vend could wait for a refresh that may take longer than
// vend_timeout, and two local sources would refresh the grants of one store against each other.
func (s *LocalSource) checkFits(a *App, name string, others map[string]SourceModule) error {
	for _, other := range slices.Sorted(maps.Keys(others)) {
		if usesStore(others[other]) {
			return errLocalTwice(other, name)
		}
	}
	if s.RefreshTimeout > a.VendTimeout {
		return fmt.Errorf("source %s: refresh_timeout %s is longer than vend_timeout %s: write a shorter one, or a longer "+
			"vend_timeout", name, time.Duration(s.RefreshTimeout), time.Duration(a.VendTimeout))
	}
	return nil
}

func errLocalTwice(first, second string) error {
	return fmt.Errorf("sources %s and %s are of type local, and there is one store: keep one of them", first, second)
}

// usesStore implements storeUser.
func (*LocalSource) usesStore() {}

// OpenSource implements SourceModule. Token endpoints are dialled under the guard of their app.
func (s *LocalSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	if s.Margin < 0 || s.RefreshTimeout < 0 {
		return nil, errors.New("margin and refresh_timeout: write positive durations, like 60s and 10s")
	}
	return local.New(local.Options{
		Store: env.store, Catalog: env.Catalog.App, Clients: env.Clients, Transport: env.Guarded,
		Margin: time.Duration(s.Margin), RefreshTimeout: time.Duration(s.RefreshTimeout), Logger: env.Logger,
		Refreshed: env.refreshed,
	}), nil
}

var (
	_ storeUser  = (*LocalSource)(nil)
	_ fitChecker = (*LocalSource)(nil)
)
