package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// gateway is what the app's configuration became: all that a request needs, resolved and immutable
// but for what is counted. Its fields are unexported on purpose: some lead to secrets.
type gateway struct {
	log         *slog.Logger
	publicURL   string
	vendTimeout time.Duration
	catalog     *catalog.Catalog
	routes      routes
	// public dials global unicast addresses only; allowing dials more, for the operator's apps that
	// say so, by slug.
	public   http.RoundTripper
	allowing map[string]http.RoundTripper
	// own are the slugs of the operator's apps.
	own     map[string]bool
	sources map[string]*source
	keyring *policy.Keyring
	ledger  *policy.Limiter
	metrics *metrics
	// refusals remembers forced vends that did not help.
	refusals vending.Refusals
	store    *connect.Store
	// stranger is the pattern of tenants that only their source can judge; nil if no source wants
	// them.
	stranger *policy.Tenant
	clients  map[clientKey]connect.OAuthClient
	// configured are the tenants of the configuration, by id.
	configured map[string]*Tenant
	// warnOfHost is for what is said once, however many handlers there are.
	warnOfHost sync.Once

	closers []func() error
}

// source is a source under its name.
type source struct {
	vending.Source
	name string
	// takesKey says that it wants the caller's own key.
	takesKey bool
	// externalIDs says that end users are named by opaque ids, in a header of their own.
	externalIDs bool
	// tenants are those that it vends for; nil for every tenant.
	tenants []string
	// usesStore says that it is the embedded connection manager.
	usesStore bool
	// noter is the source again, if it wants to know of accepted credentials.
	noter vending.Noter
}

// newSource asks a source for its optional interfaces.
func newSource(name string, opened vending.Source, usesStore bool) *source {
	s := &source{Source: vending.WithRetry(opened), name: name, usesStore: usesStore}
	s.noter, _ = opened.(vending.Noter)
	if k, ok := opened.(vending.KeyTaker); ok {
		s.takesKey = k.TakesCallerKey()
	}
	if e, ok := opened.(vending.ExternalUsers); ok {
		s.externalIDs = e.NamesUsersByExternalID()
	}
	if b, ok := opened.(vending.TenantBound); ok {
		s.tenants = b.Tenants()
	}
	return s
}

// ledgers holds the one ledger, so that budgets outlive reloads.
var ledgers = caddy.NewUsagePool()

type pooledLedger struct{ *policy.Limiter }

func (pooledLedger) Destruct() error { return nil }

// openGateway puts the gateway together. On error it has already closed what it had opened.
func openGateway(ctx caddy.Context, a *App, modules map[string]SourceModule) (g *gateway, err error) {
	g = &gateway{log: ctx.Slogger(), publicURL: a.PublicURL, vendTimeout: time.Duration(a.VendTimeout),
		sources: make(map[string]*source)}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.close())
			g = nil
		}
	}()
	if g.metrics, err = newMetrics(ctx); err != nil {
		return g, err
	}
	ledger, _, err := ledgers.LoadOrNew("ledger", func() (caddy.Destructor, error) {
		return pooledLedger{policy.NewLimiter()}, nil
	})
	if err != nil {
		return g, err
	}
	g.ledger = ledger.(pooledLedger).Limiter
	g.onClose(func() error { _, err := ledgers.Delete("ledger"); return err })
	if err = g.openCatalog(a); err != nil {
		return g, err
	}
	if g.clients, err = a.resolveClients(g.catalog); err != nil {
		return g, err
	}
	if err = g.openSources(ctx, a, modules); err != nil {
		return g, err
	}
	return g, g.openKeyring(ctx, a)
}

func (g *gateway) onClose(f func() error) { g.closers = append(g.closers, f) }

// close undoes openGateway, in reverse.
func (g *gateway) close() error {
	var errs []error
	for i := len(g.closers) - 1; i >= 0; i-- {
		errs = append(errs, g.closers[i]())
	}
	g.closers = nil
	return errors.Join(errs...)
}

// openCatalog also opens the transports that calls may need, so that no request ever does.
func (g *gateway) openCatalog(a *App) error {
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
func (g *gateway) roundTripper(a *App, allow []string) (http.RoundTripper, error) {
	rt, key, err := a.Upstream.open(allow)
	if err != nil {
		return nil, err
	}
	g.onClose(func() error { _, err := transports.Delete(key); return err })
	return rt, nil
}

func (g *gateway) openSources(ctx caddy.Context, a *App, modules map[string]SourceModule) error {
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
			env.store = g.store
		}
		opened, err := module.OpenSource(env)
		if err != nil {
			return at(place, fmt.Errorf("source %s: %w", name, err))
		}
		if c, ok := opened.(interface{ Close() }); ok {
			g.onClose(func() error { c.Close(); return nil })
		}
		g.sources[name] = newSource(name, opened, usesStore(module))
	}
	return nil
}

// stores are shared by all configurations that use the same directory, across reloads.
var stores = caddy.NewUsagePool()

type pooledStore struct{ *connect.Store }

func (s pooledStore) Destruct() error { return s.Close() }

// openStore opens the store, unless it is open.
func (g *gateway) openStore(ctx caddy.Context, a *App) error {
	if g.store != nil {
		return nil
	}
	dir, err := filepath.Abs(a.dataDir())
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	store, _, err := stores.LoadOrNew(dir, func() (caddy.Destructor, error) {
		// The store outlives this configuration, so it may not log through its logger.
		s, err := connect.Open(ctx, connect.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		return pooledStore{s}, err
	})
	if err != nil {
		return err
	}
	g.onClose(func() error { _, err := stores.Delete(dir); return err })
	g.store = store.(pooledStore).Store
	return nil
}

// dataDir is also where the commands look by default.
func (a *App) dataDir() string {
	if a.DataDir != "" {
		return a.DataDir
	}
	return defaultDataDir()
}

func defaultDataDir() string { return filepath.Join(caddy.AppDataDir(), "vendgate") }
