package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule/internal/neighbour"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/presence"
	"github.com/vendgate/vendgate/internal/stdlog"
)

func init() {
	// Commands call providers, too, and load no configuration. Caddy itself has set the output by now.
	stdlog.Install()
	caddy.RegisterModule(new(App))
}

// App is the Caddy app `vendgate`: what the handlers `vendgate_proxy` and `vendgate_connect` share.
// The zero App works: tenants and connections live in the embedded store.
type App struct {
	// DataDir holds the store and its keyset. Default: `vendgate` in Caddy's data directory. A
	// relative path begins at the folder in which the program runs, for the server and for each
	// command. Losing the keyset loses every connection; anyone who can read both has every
	// credential.
	DataDir string `json:"data_dir,omitempty"`
	// Store says where the store is, if not in DataDir, and what seals its keyset.
	Store Store `json:"store,omitzero"`
	// Limiter says where budgets are counted.
	Limiter Limiter `json:"limiter,omitzero"`
	// PublicURL is scheme and host under which callers reach the gateway. Default: what the request
	// says. Links in answers are rewritten to it.
	PublicURL string `json:"public_url,omitempty"`
	// VendTimeout bounds a vend with its retries. Default: 15s. After it the call is
	// `upstream_unavailable`.
	VendTimeout caddy.Duration `json:"vend_timeout,omitempty"`
	// LogUser is how the access log and `{vendgate.user}` show end users, whose email address is
	// personal data: `plain` as they are, `hash` as a pseudonym by which lines about one user can be
	// joined, and `off` not at all. With the last two, no field that other handlers append is in an
	// entry, and whatever looks like an email address in its addresses and headers is replaced, too.
	// Default: `plain`.
	LogUser string `json:"log_user,omitempty"`
	// LogUserKey is a reference to the secret that `hash` is made with, of at least 16 bytes: without
	// it an address can be neither read nor guessed. Those with the same key have the same pseudonyms.
	LogUserKey string `json:"log_user_key,omitempty"`
	// Metrics says what labels the metrics have besides app, code and source.
	Metrics Metrics `json:"metrics,omitzero"`
	// ReloadGrace is how long a reload, or the end of the process, waits for callers to leave the
	// servers that are about to be stopped: answers say `Connection: close` from then on, and calls in
	// the meantime lose nothing. It ends early when no connection is left that was kept open. Default:
	// 300ms; at most 1m; 0 turns it off. A connection on which no call comes within it is closed, as
	// servers do, and a call that is sent in just that moment may be lost; so write more where callers
	// pause for longer.
	ReloadGrace *caddy.Duration `json:"reload_grace,omitempty"`
	// Upstream configures the connections to the providers.
	Upstream Upstream `json:"upstream,omitzero"`
	// Catalog says which apps there are besides the verified ones.
	Catalog Catalog `json:"catalog,omitzero"`
	// Apps add to the catalog, or replace entries of it by slug. They win over those of the catalog's
	// file.
	Apps []AppEntry `json:"apps,omitempty"`
	// OAuthClients are the OAuth clients by which the local source refreshes tokens.
	OAuthClients []OAuthClient `json:"oauth_clients,omitempty"`
	// SourcesRaw are the sources by name. Default: one named `local`.
	SourcesRaw map[string]json.RawMessage `json:"sources,omitempty" caddy:"namespace=vendgate.sources inline_key=type"`
	// DefaultSource vends for tenants that name none. Default: `local`, or the only source there is.
	DefaultSource string `json:"default_source,omitempty"`
	// Tenants configures tenants. Those in the store need no entry here.
	Tenants []Tenant `json:"tenants,omitempty"`
	// TenantDefaults apply to all tenants, as far as they say nothing themselves; rules and app
	// budgets are joined.
	TenantDefaults TenantPolicy `json:"tenant_defaults,omitzero"`
	// DefinedAt are file and line of the Caddyfile, for error messages, by option: `upstream`, `source
	// NAME`.
	DefinedAt map[string]string `json:"defined_at,omitempty"`

	ctx      caddy.Context
	assembly *assembly
	note     *presence.Note // for the other gateways on the store
	leaving  *leaving
	stop     context.CancelFunc
	running  sync.WaitGroup
}

// Metrics are options of the metrics.
type Metrics struct {
	// Tenants is how many tenants have a label of their own, the first that call after the start; at
	// most 10000. Calls of further ones count as `other`. In a Caddyfile, 100 if no number is given.
	// Default: 0, no label. Each tenant has one more series for each app and code that its calls get.
	Tenants int `json:"tenants,omitempty"`
}

// The bounds of Metrics.Tenants.
const (
	defaultMetricTenants = 100
	maxMetricTenants     = 10_000
)

func (m Metrics) check() error {
	if m.Tenants < 0 || m.Tenants > maxMetricTenants {
		return fmt.Errorf("metrics: tenants %d is out of bounds: write a number up to %d", m.Tenants, maxMetricTenants)
	}
	return nil
}

// AppEntry is an app that the operator adds, and where.
type AppEntry struct {
	catalog.App
	// DefinedAt is file and line of the Caddyfile, for error messages.
	DefinedAt string `json:"defined_at,omitempty"`
}

// defaultVendTimeout leaves room for a token call of 10 s and a retry that fails fast.
const defaultVendTimeout = 15 * time.Second

// localSource is the name and type of the embedded connection manager's source.
const localSource = "local"

// CaddyModule implements caddy.Module.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate", New: func() caddy.Module { return new(App) }}
}

// Provision implements caddy.Provisioner: defaults first, then everything that requests will need,
// so that a mistake stops the start and not a request.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx = ctx
	stdlog.Install() // the load of this configuration has set the standard logger's output
	if a.VendTimeout == 0 {
		a.VendTimeout = caddy.Duration(defaultVendTimeout)
	}
	a.Upstream.setDefaults()
	if err := a.Upstream.check(); err != nil {
		return at(a.DefinedAt["upstream"], err)
	}
	if err := a.Store.check(); err != nil {
		return at(a.DefinedAt["store"], fmt.Errorf("store: %w", err))
	}
	if err := a.Limiter.check(); err != nil {
		return at(a.DefinedAt["limiter"], err)
	}
	if err := a.checkPublicURL(); err != nil {
		return at(a.DefinedAt["public_url"], err)
	}
	if err := a.checkBrands(); err != nil {
		return err
	}
	if err := a.checkScopes(); err != nil {
		return err
	}
	var err error
	if a.leaving, err = newLeaving(ctx, a.ReloadGrace); err != nil {
		return err
	}
	sources, err := a.loadSources(ctx)
	if err != nil {
		return err
	}
	a.assembly, err = assemble(ctx, a, sources)
	return err
}

// Validate implements caddy.Validator.
func (a *App) Validate() error {
	if a.VendTimeout < 0 {
		return fmt.Errorf("vend_timeout %s: write a positive duration", time.Duration(a.VendTimeout))
	}
	if g := a.ReloadGrace; g != nil && (*g < 0 || *g > caddy.Duration(maxReloadGrace)) {
		return fmt.Errorf("reload_grace %s: write a duration from 0 to 1m", time.Duration(*g))
	}
	return a.Metrics.check()
}

// Start implements caddy.App.
func (a *App) Start() error {
	ctx, cancel := context.WithCancel(context.Background())
	if err := a.assembly.start(ctx); err != nil {
		cancel()
		return at(cmp.Or(a.DefinedAt["store"], a.DefinedAt["data_dir"]), err)
	}
	if err := a.assembly.startLimiter(ctx, &a.Limiter); err != nil {
		cancel()
		return at(a.DefinedAt["limiter"], err)
	}
	if store := a.assembly.store; store != nil && a.Store.Postgres == "" {
		a.note = neighbour.Warn(a.ctx, store.Dir(), a.assembly.log)
	}
	a.stop = cancel
	stdlog.Install()
	a.assembly.logStart(ctx)
	a.running.Go(func() { stdlog.Watch(ctx) })
	a.running.Go(func() { a.assembly.keyring.Watch(ctx) })
	a.running.Go(func() { a.assembly.beat(ctx) })
	a.running.Go(func() { a.assembly.sweep(ctx) })
	return nil
}

// Stop implements caddy.App.
func (a *App) Stop() error {
	if a.stop != nil {
		a.stop()
	}
	a.running.Wait()
	return a.note.Close()
}

// Cleanup implements caddy.CleanerUpper; it is safe after half a Provision.
func (a *App) Cleanup() error {
	stdlog.Install() // connections of this configuration may last a little longer
	if a.assembly == nil {
		return nil
	}
	return a.assembly.close()
}

// loadSources provisions the sources' modules. Where none is configured, or something names `local`
// without configuring it, it is there all the same.
func (a *App) loadSources(ctx caddy.Context) (map[string]SourceModule, error) {
	a.setDefaultSource()
	sources := make(map[string]SourceModule)
	if a.SourcesRaw != nil {
		loaded, err := ctx.LoadModule(a, "SourcesRaw")
		if err != nil {
			return nil, fmt.Errorf("loading sources: %w", err)
		}
		for name, module := range loaded.(map[string]any) {
			source, ok := module.(SourceModule)
			if !ok {
				return nil, fmt.Errorf("source %s: module %T is not a source", name, module)
			}
			sources[name] = source
		}
	}
	if err := a.checkSources(sources); err != nil {
		return nil, err
	}
	for _, name := range a.sourceNames() {
		if sources[name] == nil && name == localSource {
			sources[name] = new(LocalSource)
		}
	}
	return sources, nil
}

func (a *App) setDefaultSource() {
	if a.DefaultSource != "" {
		return
	}
	a.DefaultSource = localSource
	if len(a.SourcesRaw) == 1 {
		for name := range a.SourcesRaw {
			a.DefaultSource = name
		}
	}
}

// sourceNames lists the sources that anything refers to.
func (a *App) sourceNames() []string {
	names := []string{a.DefaultSource}
	if a.TenantDefaults.Source != "" {
		names = append(names, a.TenantDefaults.Source)
	}
	for _, t := range a.Tenants {
		if t.Source != "" {
			names = append(names, t.Source)
		}
	}
	return names
}

// Origin returns scheme and host under which callers reach the gateway, without a slash at the end;
// "" where the configuration does not say. Its error says how to write PublicURL.
func (a *App) Origin() (string, error) {
	err := a.checkPublicURL()
	return a.PublicURL, err
}

func (a *App) checkPublicURL() error {
	if a.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(a.PublicURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.TrimRight(u.Path, "/") != "" ||
		u.RawQuery != "" || u.User != nil {
		return fmt.Errorf("public_url %q: write scheme and host only, like https://gateway.example", a.PublicURL)
	}
	a.PublicURL = strings.TrimRight(a.PublicURL, "/")
	return nil
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
