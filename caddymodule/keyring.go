package caddymodule

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// openKeyring resolves the configured tenants and joins them with those of the store.
func (g *assembly) openKeyring(ctx caddy.Context, a *App) error {
	if g.sources[a.DefaultSource] == nil {
		return at(a.DefinedAt["default_source"], fmt.Errorf("default_source: %w", g.noSource(a.DefaultSource)))
	}
	defaults, err := g.admit(a, "", TenantPolicy{})
	if err != nil {
		return at(a.DefinedAt["tenant_defaults"], fmt.Errorf("tenant_defaults: %w", err))
	}
	configured := make(map[policy.Digest]*policy.Tenant)
	policies := make(map[string]*Tenant)
	g.configured = policies
	for i := range a.Tenants {
		t := &a.Tenants[i]
		if policies[t.ID] != nil {
			return at(t.DefinedAt, fmt.Errorf("tenant %s is defined twice; the first is at %s", t.ID, policies[t.ID].DefinedAt))
		}
		policies[t.ID] = t
		if err := g.addTenant(a, t, configured); err != nil {
			return at(t.DefinedAt, fmt.Errorf("tenant %s: %w", t.ID, err))
		}
	}
	if g.sources[defaults.Source].TakesCallerKey() {
		defaults.Capabilities, defaults.Unverified = []policy.Capability{policy.CapToken}, true
		defaults.Usage = g.limiter.Usage(policy.UnverifiedTenants, defaults.Budgets)
		g.unverified = defaults
	}
	warned := make(map[string]bool) // a keyring admits one tenant at a time
	admit := func(s policy.StoredTenant) *policy.Tenant {
		t := g.admitStored(a, s, policies[s.ID])
		if err := g.checkServes(t); err != nil && !warned[t.ID] {
			warned[t.ID] = true
			g.log.Warn("admitting a tenant of the store", "tenant", t.ID, "error", err)
		}
		return t
	}
	var store policy.KeyStore
	if g.store != nil {
		store = g.store // a nil *connect.Store would not be a nil KeyStore
	}
	g.keyring = policy.NewKeyring(configured, store, admit, g.log)
	if g.store != nil && g.store.IsReady() { // of the configuration before this one
		return g.keyring.Load(ctx)
	}
	return nil
}

func (g *assembly) addTenant(a *App, t *Tenant, configured map[policy.Digest]*policy.Tenant) error {
	if err := policy.CheckTenantID(t.ID); err != nil {
		return err
	}
	if err := t.checkApps(); err != nil {
		return err
	}
	tenant, err := g.admit(a, t.ID, t.TenantPolicy)
	if err != nil {
		return err
	}
	if err := g.checkServes(tenant); err != nil {
		return err
	}
	digests, err := t.digests()
	if err != nil {
		return err
	}
	if len(digests) == 0 && g.store == nil {
		return fmt.Errorf("no key: write key {env.NAME}, key {file./path} or key_sha256")
	}
	for _, d := range digests {
		if other := configured[d]; other != nil {
			return fmt.Errorf("it has the same key as tenant %s: mint one for each with `vendgate tenant create`", other.ID)
		}
		configured[d] = tenant
	}
	return nil
}

// checkServes reports that the tenant's source would refuse each of its calls.
func (g *assembly) checkServes(t *policy.Tenant) error {
	return checkServed(t.Source, g.sources[t.Source].Tenants(), t.ID)
}

// admit compiles a policy and, for a tenant with an id, opens its usage.
func (g *assembly) admit(a *App, id string, p TenantPolicy) (*policy.Tenant, error) {
	p = p.over(a.TenantDefaults)
	if p.Source == "" {
		p.Source = a.DefaultSource
	}
	t, err := p.compile(id)
	if err != nil {
		return nil, err
	}
	if g.sources[t.Source] == nil {
		return nil, g.noSource(t.Source)
	}
	for _, slugs := range [][]string{t.Apps, slices.Sorted(maps.Keys(t.Budgets.Apps))} {
		for _, slug := range slugs {
			if _, ok := g.catalog.App(slug); !ok {
				return nil, noApp(g.catalog, slug)
			}
		}
	}
	for i := range t.Rules {
		if err := g.checkRule(&t.Rules[i]); err != nil {
			return nil, fmt.Errorf("rule: %w", err)
		}
	}
	if id != "" {
		t.Usage = g.limiter.Usage(id, t.Budgets)
	}
	return t, nil
}

// checkRule reports a rule that could never count, because of its app or the app's host that it
// names. Where an app has no other hosts and nothing outside of its API, a path may begin with ~ as
// any other.
func (g *assembly) checkRule(r *policy.Rule) error {
	if r.App == "*" {
		return nil
	}
	app, ok := g.catalog.App(r.App)
	if !ok {
		return noApp(g.catalog, r.App)
	}
	host, named := r.Host()
	hosts := app.ExtraHosts
	if app.Beside != nil {
		hosts = append(slices.Clip(hosts), app.Beside.Host)
	}
	counts := func(h string) bool {
		if catalog.IsHostPattern(h) && (h == host || strings.Contains(host, "*") || app.HasExtraHost(host)) {
			return true // a rule may name one host of a pattern, or some
		}
		matched, _ := path.Match(host, h)
		return matched && (h != "" || host == "" || r.Deny) // a wildcard of an allow rule means hosts
	}
	if !named || len(hosts) == 0 || slices.ContainsFunc(hosts, counts) {
		return nil
	}
	return fmt.Errorf("path %s: app %s has no host %q, so that the rule would never count: begin it with /~%s/", r.Path,
		r.App, host, strings.Join(hosts, "/ or /~"))
}

func (g *assembly) noSource(name string) error {
	return fmt.Errorf("source %q is not configured: add a source block of that name, or write one of %s", name,
		strings.Join(slices.Sorted(maps.Keys(g.sources)), ", "))
}

func noApp(apps *catalog.Catalog, slug string) error {
	if apps.Off(slug) {
		return errors.New(gateway.TurnOn(slug))
	}
	return fmt.Errorf("app %q is not in the catalog: correct the slug, or define it with an app block", slug)
}

// admitStored gives a tenant of the store its configured policy, if there is one. The capabilities
// and the source in the store hold unless the tenant's entry in the configuration names others.
func (g *assembly) admitStored(a *App, s policy.StoredTenant, configured *Tenant) *policy.Tenant {
	var p TenantPolicy
	if configured != nil {
		p = configured.TenantPolicy
	}
	p.Source = cmp.Or(p.Source, s.Source)
	t, err := g.admit(a, s.ID, p)
	if err != nil {
		// The rest of the policy compiled when the configuration was loaded, but the source in the store
		// may be one that this configuration lacks. The tenant may do nothing then.
		g.log.Error("admitting a tenant of the store", "tenant", s.ID, "error", err)
		return &policy.Tenant{ID: s.ID, Source: a.DefaultSource,
			Usage: g.limiter.Usage(s.ID, policy.Budgets{Token: 1, API: 1})}
	}
	if p.Capabilities == nil {
		t.Capabilities = s.Capabilities
	}
	return t
}

// clientKey names an OAuth client; tenant is empty for the one of all tenants.
type clientKey struct{ tenant, app string }

func (a *App) resolveClients(apps *catalog.Catalog) (map[clientKey]connect.OAuthClient, error) {
	clients := make(map[clientKey]connect.OAuthClient, len(a.OAuthClients))
	for _, c := range a.OAuthClients {
		app, ok := apps.App(c.App)
		switch {
		case !ok:
			return nil, at(c.DefinedAt, fmt.Errorf("oauth_client: %w", noApp(apps, c.App)))
		case app.AuthType != string(vending.OAuth):
			return nil,
				at(c.DefinedAt,
					fmt.Errorf("oauth_client %s: the app does not use OAuth: take the client out, or set auth_type o_auth for the app",
						c.App))
		case c.Tenant != "" && policy.CheckTenantID(c.Tenant) != nil:
			return nil, at(c.DefinedAt, fmt.Errorf("oauth_client %s: %w", c.App, policy.CheckTenantID(c.Tenant)))
		case c.ClientID == "":
			return nil,
				at(c.DefinedAt, fmt.Errorf("oauth_client %s: client_id is missing: write the one the provider gave you", c.App))
		}
		resolved := connect.OAuthClient{ID: c.ClientID, Scopes: c.Scopes}
		if c.ClientSecret != "" {
			secret, err := secretref.Resolve(c.ClientSecret)
			if err != nil {
				return nil, at(c.DefinedAt, fmt.Errorf("oauth_client %s: client_secret: %w", c.App, err))
			}
			resolved.Secret = secret
		}
		fields, err := c.ResolveFields(app)
		if err != nil {
			return nil, at(c.DefinedAt, fmt.Errorf("oauth_client %s: %w", c.App, err))
		}
		if resolved.Fields = fields; !app.ClientCredentials() {
			if err := authorize.CheckClient(app, resolved); err != nil {
				return nil, at(c.DefinedAt, err)
			}
		}
		key := clientKey{c.Tenant, c.App}
		if _, twice := clients[key]; twice {
			return nil, at(c.DefinedAt, errClientTwice(c.App))
		}
		clients[key] = resolved
	}
	return clients, nil
}

func errClientTwice(app string) error {
	return fmt.Errorf("oauth_client %s is defined twice: keep one, or give one of them a tenant of its own", app)
}
