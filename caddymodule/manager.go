package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/mcpserver"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/web/dashboard"
	"github.com/vendgate/vendgate/connect/web/hosted"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/connect/web/page/asset"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/vending"
)

// connectionManager is the embedded connection manager by its faces.
type connectionManager struct {
	platform  *api.Front
	hosted    *hosted.Hosted
	dashboard *dashboard.Dashboard
	assets    asset.Server
}

// newManager returns the part that all faces share, and what it asks providers by.
func (g *assembly) newManager() (*manager.Manager, *authorize.Authorizer) {
	authorizer := authorize.New(authorize.Options{Clients: g.oauthClient, Transport: g.guarded, Logger: g.log})
	return manager.New(manager.Options{
		Store: g.store, Catalog: g.catalog, Clients: g.oauthClient, Registered: g.oauthClientApps, Revoker: authorizer,
		Logger: g.log,
		Vends:  func(source string) bool { return g.local != nil && source == g.local.Name },
	}), authorizer
}

// OpenManager returns the connection manager over a store for a command: it reaches providers as
// the gateway does, and reads only the secrets of those OAuth clients that it uses. release gives
// its connections back.
func (a *App) OpenManager(store *store.Store, logger *slog.Logger) (m *manager.Manager, release func() error,
	err error) {
	a.Upstream.setDefaults()
	g := &assembly{log: logger, store: store}
	if err := g.openCatalog(a); err != nil {
		return nil, nil, errors.Join(err, g.close())
	}
	g.clientsOf = a.clientsOf
	m, _ = g.newManager()
	return m, g.close, nil
}

// clientsOf resolves the OAuth clients of one app.
func (a *App) clientsOf(apps *catalog.Catalog, app string) (map[clientKey]connect.OAuthClient, error) {
	var own App
	for _, c := range a.OAuthClients {
		if c.App == app {
			own.OAuthClients = append(own.OAuthClients, c)
		}
	}
	return own.resolveClients(apps)
}

// openManager puts the connection manager together over the gateway's store.
func (g *assembly) openManager() *connectionManager {
	m, authorizer := g.newManager()
	pages, icons := page.New(connect.Root), g.icons()
	pages.Icon = func(slug string) *asset.Asset { return icons[slug] }
	platform := api.New(api.Options{
		Manager: m, Source: meteredSource{g.local, g.metrics},
		Agents: mcpserver.New(mcpserver.Options{Manager: m, Logger: g.log}),
	})
	return &connectionManager{
		platform: api.NewFront(api.FrontOptions{
			API: platform, Store: g.store, Keyring: g.keyring, Limiter: g.limiter, Caller: g.gateway.Caller, Tenant: g.tenant,
		}),
		hosted: hosted.New(hosted.Options{Store: g.store, Authorizer: authorizer, Pages: pages, Catalog: g.catalog.App,
			Tenant: g.tenant, Logger: g.log}),
		dashboard: dashboard.New(dashboard.Options{
			Store: g.store, Manager: m, Authorizer: authorizer, Pages: pages, Lookup: g.keyring.Lookup,
			Tenant: g.tenant, Limiter: g.limiter, Revokes: g.revokes, Logger: g.log,
		}),
		assets: asset.Server{AppName: g.appName, Icon: pages.Icon},
	}
}

// appName returns the name of an app in the catalog.
func (g *assembly) appName(slug string) (name string, ok bool) {
	if app, found := g.catalog.App(slug); found {
		return app.Name, true
	}
	return "", false
}

// icons are the pictures of the apps that have one, by slug.
func (g *assembly) icons() map[string]*asset.Asset {
	icons := make(map[string]*asset.Asset)
	for _, app := range g.catalog.Apps() {
		if app.Picture != nil {
			icons[app.Slug] = asset.NewPicture(app.Slug, app.Picture.ContentType, app.Picture.Body)
		}
	}
	return icons
}

// guarded returns the transport that dials under an app's guard, or nil for an app that is not in
// the catalog.
func (g *assembly) guarded(app *catalog.App) http.RoundTripper {
	if !g.catalog.Has(app.Slug) {
		return nil
	}
	return g.transport(app)
}

// revokes reports whether the provider of an app has a revocation endpoint.
func (g *assembly) revokes(slug string) bool {
	app, ok := g.catalog.App(slug)
	return ok && app.OAuth2 != nil && app.OAuth2.RevokeURL != ""
}

// tenant returns what is known of a tenant. What the configuration says about how it appears goes
// over what the store says.
func (g *assembly) tenant(ctx context.Context, id string) (connect.Tenant, error) {
	t, err := g.store.Tenant(ctx, id)
	configured := g.configured[id]
	switch {
	case configured == nil:
		return t, err
	case errors.Is(err, connect.ErrTenantUnknown):
		t = connect.Tenant{ID: id}
	case err != nil:
		return connect.Tenant{}, err
	}
	brand := configured.brand()
	if configured.Email != "" {
		t.Email = configured.Email
	}
	if brand.Name != "" {
		t.Brand.Name = brand.Name
	}
	if brand.LogoURL != "" {
		t.Brand.LogoURL = brand.LogoURL
	}
	if brand.Accent != "" {
		t.Brand.Accent = brand.Accent
	}
	if brand.FrameAncestors != nil {
		t.Brand.FrameAncestors = brand.FrameAncestors
	}
	if brand.UserHint != "" {
		t.Brand.UserHint = brand.UserHint
	}
	if brand.Unconfirmed != "" {
		t.Brand.Unconfirmed = brand.Unconfirmed
	}
	return t, nil
}

// oauthClient returns the tenant's own OAuth client for an app, or the one for all tenants; of
// each, the one in the configuration before the one in the store.
func (g *assembly) oauthClient(ctx context.Context, tenant, app string) (connect.OAuthClient, error) {
	clients := g.clients
	if g.clientsOf != nil {
		var err error
		if clients, err = g.clientsOf(g.catalog, app); err != nil {
			return connect.OAuthClient{}, err
		}
	}
	for _, owner := range []string{tenant, ""} {
		if c, ok := clients[clientKey{owner, app}]; ok {
			c.Shared = owner == ""
			return c, nil
		}
		if g.store == nil {
			continue
		}
		c, err := g.store.OAuthClient(ctx, owner, app)
		c.Shared = owner == ""
		if err == nil || !errors.Is(err, connect.ErrNoOAuthClient) {
			return c, err
		}
	}
	return connect.OAuthClient{}, fmt.Errorf("app %s: %w", app, connect.ErrNoOAuthClient)
}

// oauthClientApps are the apps for which oauthClient finds a client for a tenant.
func (g *assembly) oauthClientApps(ctx context.Context, tenant string) (map[string]bool, error) {
	apps, err := g.store.OAuthClientApps(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for key := range g.clients {
		if key.tenant == tenant || key.tenant == "" {
			apps[key.app] = true
		}
	}
	return apps, nil
}

// meteredSource counts vends as the gateway's own are counted.
type meteredSource struct {
	*gateway.Source
	metrics *telemetry.Metrics
}

// Vend implements vending.Source.
func (s meteredSource) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	start := time.Now()
	defer func() { s.metrics.Vended(s.Name, time.Since(start)) }()
	return s.Source.Vend(ctx, r)
}

// sweepEvery is how often links that have run out are looked for. Until then they already count as
// expired for all who ask.
const sweepEvery = time.Minute

// sweep ends links that have run out until ctx ends.
func (g *assembly) sweep(ctx context.Context) {
	if g.store == nil {
		return
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if _, err := g.store.Sweep(ctx); err != nil && ctx.Err() == nil {
			g.log.Error("sweeping the store", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
