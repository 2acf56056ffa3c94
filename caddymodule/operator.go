package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// This file is what commands ask of a configuration that they have read and do not run: nothing of
// it is provisioned, and no secret is resolved unless it says so.

// Origin returns scheme and host under which callers reach the gateway, without a slash at the end;
// "" where the configuration does not say. Its error says how to write PublicURL.
func (a *App) Origin() (string, error) {
	err := a.checkPublicURL()
	return a.PublicURL, err
}

// LoadCatalog returns the apps that the configuration turns on or defines; it reads the catalog's
// file. Its error names the place of the first mistake.
func (a *App) LoadCatalog() (*catalog.Catalog, error) {
	apps, _, err := a.apps()
	return apps, err
}

// CatalogApp returns the app of a slug. Its error says how to have one that is off or unknown.
func (a *App) CatalogApp(slug string) (*catalog.App, error) {
	apps, err := a.LoadCatalog()
	if err != nil {
		return nil, err
	}
	app, ok := apps.App(slug)
	switch {
	case apps.Off(slug):
		return nil, errors.New(turnOn(slug))
	case !ok:
		return nil, fmt.Errorf("app %q is not in the catalog: correct the slug, which `app list` searches, or name "+
			"the --config that defines the app", slug)
	}
	return app, nil
}

// TenantSource is what is known of the source that vends for a tenant without opening it.
type TenantSource struct {
	// Name is the source's in the configuration.
	Name string
	// Local says that it is the embedded connection manager: its connections are those of the store.
	Local bool
	// TakesTenantKey says that it wants each caller's own tenant key, which no caller key replaces.
	TakesTenantKey bool
	// ExternalIDs says that it knows end users by opaque ids, and not by email address.
	ExternalIDs bool
}

// TenantSource returns the source that vends for a tenant, also for one that only the store has.
// Its error names a source that is not configured.
func (a *App) TenantSource(tenant string) (TenantSource, error) {
	s, err := a.sourceOf(tenant)
	return TenantSource{Name: s.name, Local: s.kind == localSource, TakesTenantKey: s.passthrough,
		ExternalIDs: s.externalIDs}, err
}

// CheckServed reports that the source which vends for a tenant would refuse each of its calls,
// since it vends for other tenants only.
func (a *App) CheckServed(tenant string) error {
	s, err := a.sourceOf(tenant)
	if err != nil {
		return err
	}
	if err := s.checkServes(tenant); err != nil {
		return fmt.Errorf("tenant %s: %w", tenant, err)
	}
	return nil
}

// OpensStore reports whether the server of this configuration opens the store: only for a source of
// type local.
func (a *App) OpensStore() bool { return a.opensStore() }

// KnowsTenant is nil for a tenant of the configuration or the store, connect.ErrTenantDisabled for
// one that is disabled, and connect.ErrTenantUnknown for any other.
func (a *App) KnowsTenant(ctx context.Context, store *connect.Store, id string) error {
	t, err := store.Tenant(ctx, id)
	switch {
	case errors.Is(err, connect.ErrTenantUnknown) && slices.ContainsFunc(a.Tenants, func(t Tenant) bool {
		return t.ID == id
	}):
		return nil
	case err == nil && t.Disabled:
		return connect.ErrTenantDisabled
	}
	return err
}

// OpenTransport returns a transport that dials the provider of app as the gateway does, under the
// same guard and bounds, and in a pool of its own: the caller ends its connections with release.
// Its errors are of the options `upstream` and `allow_private`; those of its calls are safe to log.
func (a *App) OpenTransport(app *catalog.App) (rt http.RoundTripper, release func(), err error) {
	upstream := a.Upstream
	upstream.setDefaults()
	files, err := upstream.readCA()
	if err != nil {
		return nil, nil, err
	}
	base, err := upstream.build(app.AllowPrivate, files)
	if err != nil {
		return nil, nil, err
	}
	return transport{base}, base.CloseIdleConnections, nil
}
