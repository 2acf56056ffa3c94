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
	// isLocal says that it is the embedded connection manager.
	isLocal bool
	// noter is the source again, if it wants to know of accepted credentials.
	noter vending.Noter
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
	if err := a.checkProjects(modules); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		module, place := modules[name], a.DefinedAt["source "+name]
		if _, ok := module.(*LocalSource); ok && g.store == nil {
			store, err := g.openStore(ctx, a)
			if err != nil {
				return at(cmp.Or(a.DefinedAt["data_dir"], place), err)
			}
			g.store = store
		}
		env := &SourceEnv{
			Name: name, Logger: g.log.With("source", name), Catalog: g.catalog, Store: g.store, Clients: g.oauthClient,
			Guarded:   g.guarded,
			Transport: func(allow []string) (http.RoundTripper, error) { return g.roundTripper(a, allow) },
		}
		opened, err := module.OpenSource(env)
		if err != nil {
			return at(place, fmt.Errorf("source %s: %w", name, err))
		}
		if c, ok := opened.(interface{ Close() }); ok {
			g.onClose(func() error { c.Close(); return nil })
		}
		s := &source{Source: vending.WithRetry(opened), name: name}
		_, s.isLocal = module.(*LocalSource)
		s.noter, _ = opened.(vending.Noter)
		if k, ok := module.(keyTaker); ok {
			s.takesKey = k.TakesCallerKey()
		}
		if p, ok := module.(*PipedreamSource); ok {
			s.externalIDs, s.tenants = p.externalIDs(), p.Tenants
		}
		g.sources[name] = s
	}
	return nil
}

// stores are shared by all configurations that use the same directory, across reloads.
var stores = caddy.NewUsagePool()

type pooledStore struct{ *connect.Store }

func (s pooledStore) Destruct() error { return s.Close() }

func (g *gateway) openStore(ctx caddy.Context, a *App) (*connect.Store, error) {
	dir, err := filepath.Abs(a.StoreDir())
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	store, _, err := stores.LoadOrNew(dir, func() (caddy.Destructor, error) {
		// The store outlives this configuration, so it may not log through its logger.
		s, err := connect.Open(ctx, connect.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler)})
		return pooledStore{s}, err
	})
	if err != nil {
		return nil, err
	}
	g.onClose(func() error { _, err := stores.Delete(dir); return err })
	return store.(pooledStore).Store, nil
}

// StoreDir returns the directory of the store and its keyset: DataDir, or its default.
func (a *App) StoreDir() string {
	return cmp.Or(a.DataDir, filepath.Join(caddy.AppDataDir(), "vendgate"))
}
