package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/internal/version"
	"github.com/vendgate/vendgate/policy"
)

// assembly is what the app's configuration became: the gateway, and all that handlers, the admin
// API and the connection manager share with it. It is immutable once it is open. Its fields are
// unexported on purpose: some lead to secrets.
type assembly struct {
	gateway     *gateway.Gateway
	log         *slog.Logger
	publicURL   string
	vendTimeout time.Duration
	catalog     *catalog.Catalog
	// public dials global unicast addresses only; allowing dials more, for the operator's apps that
	// say so, by slug.
	public   http.RoundTripper
	allowing map[string]http.RoundTripper
	// own are the slugs of the operator's apps.
	own     map[string]bool
	sources map[string]*gateway.Source
	// local is the source of the embedded connection manager, or nil.
	local   *gateway.Source
	keyring *policy.Keyring
	limiter policy.Limiter
	metrics *telemetry.Metrics
	store   *store.Store
	// unverified is the pattern of tenants that only their source can verify; nil if no source wants
	// them.
	unverified *policy.Tenant
	clients    map[clientKey]connect.OAuthClient
	// clientsOf takes the place of clients in a command, which reads no secret that it does not use.
	clientsOf func(apps *catalog.Catalog, app string) (map[clientKey]connect.OAuthClient, error)
	// configured are the tenants of the configuration, by id.
	configured map[string]*Tenant
	// users shows end users to logs; nil shows their address.
	users *telemetry.Users
	// storeHealth is what `vendgate_health` last found of the store.
	storeHealth storeHealth
	// warnOfHost is for a warning that is logged once, however many handlers there are.
	warnOfHost sync.Once

	closers []func() error
}

// collectors holds what the one process has counted, so that counters outlive reloads.
var collectors = caddy.NewUsagePool()

type pooledCollectors struct{ *telemetry.Collectors }

func (pooledCollectors) Destruct() error { return nil }

// assemble opens all that the configuration asks for. On error it has already closed what it had
// opened.
func assemble(ctx caddy.Context, a *App, modules map[string]SourceModule) (g *assembly, err error) {
	g = &assembly{log: ctx.Slogger(), publicURL: a.PublicURL, vendTimeout: time.Duration(a.VendTimeout),
		sources: make(map[string]*gateway.Source)}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
			g = nil
		}
	}()
	if err = g.openMetrics(ctx, a.Metrics.Tenants); err != nil {
		return g, err
	}
	if g.users, err = a.logUsers(); err != nil {
		return g, at(a.DefinedAt["log_user"], err)
	}
	if err = g.openLimiter(&a.Limiter); err != nil {
		return g, at(a.DefinedAt["limiter"], err)
	}
	if err = g.openCatalog(a); err != nil {
		return g, err
	}
	if g.clients, err = a.resolveClients(g.catalog); err != nil {
		return g, err
	}
	if err = g.openSources(ctx, a, modules); err != nil {
		return g, err
	}
	if err = g.openKeyring(ctx, a); err != nil {
		return g, err
	}
	g.gateway = gateway.New(gateway.Options{
		Catalog: g.catalog, Own: g.own, Sources: g.sources, Keyring: g.keyring, Limiter: g.limiter,
		Unverified: g.unverified, Transport: g.transport, Public: g.public, PublicURL: g.publicURL,
		VendTimeout: g.vendTimeout,
	})
	return g, nil
}

func (g *assembly) openMetrics(ctx caddy.Context, tenants int) error {
	shared, _, err := collectors.LoadOrNew("collectors", func() (caddy.Destructor, error) {
		return pooledCollectors{telemetry.NewCollectors()}, nil
	})
	if err != nil {
		return err
	}
	g.onClose(func() error { _, err := collectors.Delete("collectors"); return err })
	g.metrics, err = telemetry.NewMetrics(ctx.GetMetricsRegistry(), shared.(pooledCollectors).Collectors, tenants)
	return err
}

func (g *assembly) onClose(f func() error) { g.closers = append(g.closers, f) }

// close undoes assemble, in reverse.
func (g *assembly) close() error {
	var errs []error
	for i := len(g.closers) - 1; i >= 0; i-- {
		errs = append(errs, g.closers[i]())
	}
	g.closers = nil
	return errors.Join(errs...)
}

// openCatalog also opens the transports that calls may need, so that no request ever does.
func (g *assembly) openCatalog(a *App) error {
	apps, own, err := a.apps()
	if err != nil {
		return err
	}
	g.catalog, g.allowing, g.own = apps, make(map[string]http.RoundTripper), make(map[string]bool)
	if g.public, err = g.roundTripper(a, nil); err != nil {
		return err
	}
	for _, e := range own {
		g.own[e.Slug] = true
		if len(e.AllowPrivate) == 0 {
			continue
		}
		if g.allowing[e.Slug], err = g.roundTripper(a, e.AllowPrivate); err != nil {
			return at(e.DefinedAt, err)
		}
	}
	return nil
}

// roundTripper returns a guarded transport that is given back when the gateway closes.
func (g *assembly) roundTripper(a *App, allow []string) (http.RoundTripper, error) {
	rt, key, err := a.Upstream.open(allow)
	if err != nil {
		return nil, err
	}
	g.onClose(func() error { _, err := transports.Delete(key); return err })
	return rt, nil
}

// transport returns what dials under an app's guard, and adds nothing.
func (g *assembly) transport(app *catalog.App) http.RoundTripper {
	if own, ok := g.allowing[app.Slug]; ok {
		return own
	}
	return g.public
}

// accessLog is for a handler, whose module is provisioned by ctx.
func (g *assembly) accessLog(ctx caddy.Context) *telemetry.AccessLog {
	return &telemetry.AccessLog{
		Logger: ctx.Logger(new(caddyhttp.App)).Named("log.access"), Errors: g.log, Manages: g.store != nil,
		Users: g.users, Placement: g.gateway.Placement,
	}
}

func (g *assembly) openSources(ctx caddy.Context, a *App, modules map[string]SourceModule) error {
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		module, place := modules[name], a.DefinedAt["source "+name]
		env := &SourceEnv{
			Name: name, Logger: g.log.With("source", name), Catalog: g.catalog, Clients: g.oauthClient, Guarded: g.guarded,
			Transport: func(allow []string) (http.RoundTripper, error) { return g.roundTripper(a, allow) },
		}
		if usesStore(module) {
			if err := g.openStore(ctx, a); err != nil {
				return at(cmp.Or(a.DefinedAt["data_dir"], place), err)
			}
			env.store, env.refreshed = g.store, g.metrics.Refreshed
		}
		opened, err := module.OpenSource(env)
		if err != nil {
			return at(place, fmt.Errorf("source %s: %w", name, err))
		}
		if c, ok := opened.(interface{ Close() }); ok {
			g.onClose(func() error { c.Close(); return nil })
		}
		s := gateway.NewSource(name, opened)
		if usesStore(module) {
			g.local = s
		}
		g.sources[name] = s
	}
	return nil
}

// start opens what was only checked so far. Requests may have opened it already: Caddy starts apps
// in random order.
func (g *assembly) start(ctx context.Context) error {
	if g.store == nil {
		return nil
	}
	if err := g.store.Ready(ctx); err != nil {
		return err
	}
	u := g.store.Upgraded()
	if u.Copy != "" {
		g.log.Info("upgraded the schema of the store", "from", u.From, "to", u.To, "copy", u.Copy)
	}
	if u.KeysetFile != "" {
		g.log.Warn("sealed the keyset into the database; keep its file apart from the database, and not here",
			"file", u.KeysetFile)
	}
	return g.keyring.Load(ctx)
}

// started says that this process has started a configuration before, and that this one replaces it.
var started atomic.Bool

// logStart says once a configuration what it is that runs, and on what.
func (g *assembly) logStart(ctx context.Context) {
	message := "vendgate started"
	if started.Swap(true) {
		message = "vendgate reloaded"
	}
	tenants, place := len(g.configured), ""
	if g.store != nil {
		place = g.store.Place()
		stored, err := g.store.CountTenants(ctx, slices.Collect(maps.Keys(g.configured)))
		if err != nil {
			g.log.Error("counting the tenants of the store", "error", err)
		}
		tenants += stored
	}
	v := version.Get()
	g.log.Info(message, "version", v.Version, "commit", v.Commit, "caddy", v.Caddy, "store", place,
		"apps", len(g.catalog.Slugs()), "tenants", tenants)
}

// minLogUserKey is how many bytes the key of pseudonyms has at least.
const minLogUserKey = 16

// logUsers is how logs show end users.
func (a *App) logUsers() (*telemetry.Users, error) {
	switch a.LogUser {
	case "", "plain", "off":
		if a.LogUserKey != "" {
			return nil, errors.New("log_user takes a key with hash only: leave it out")
		}
		if a.LogUser == "off" {
			return telemetry.NewUsers(""), nil
		}
		return nil, nil
	case "hash":
		key, err := secretref.Resolve(a.LogUserKey)
		if err != nil {
			return nil, fmt.Errorf("log_user hash: %w", err)
		}
		if len(strings.TrimSpace(key.Reveal())) < minLogUserKey {
			return nil, fmt.Errorf("log_user hash: the key %s has fewer than %d bytes: `openssl rand -hex 32` makes one",
				a.LogUserKey, minLogUserKey)
		}
		return telemetry.NewUsers(strings.TrimSpace(key.Reveal())), nil
	}
	return nil, fmt.Errorf("log_user %q: write plain, hash KEY or off", a.LogUser)
}
