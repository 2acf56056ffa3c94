package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
)

// Tenant configures one tenant: its keys, if they do not live in the store, and what it may do.
type Tenant struct {
	// ID names the tenant: 1 to 63 of a-z, 0-9, - and _. A tenant of that name in the store gets this
	// policy.
	ID string `json:"id"`
	// Keys are references to tenant keys, `{env.NAME}` or `{file./path}`: at most two, both work. A
	// key itself is refused.
	Keys []string `json:"keys,omitempty"`
	// KeyDigests are SHA-256 digests of tenant keys, in hexadecimal; they count towards the two.
	KeyDigests []string `json:"key_digests,omitempty"`
	// DisplayName is what end users know the tenant by on the hosted pages: at most 100 bytes.
	// Default: the name in the store, or the id.
	DisplayName string `json:"display_name,omitempty"`
	// Email is the requester's address on the hosted pages, and the account that the tenant's MCP URL
	// acts for. Default: the one in the store.
	Email string `json:"email,omitempty"`
	// LogoURL is an https URL of an image for the hosted pages. End users' browsers fetch it, Vendgate
	// never does. Default: the one in the store, or none.
	LogoURL string `json:"logo_url,omitempty"`
	// Accent is a colour for the hosted pages, like `#0a66c2`; a Caddyfile needs quotes around it.
	// Default: the one in the store, or the pages' own.
	Accent string `json:"accent,omitempty"`
	// FrameAncestors are the origins whose pages may frame the hosted ones, like
	// `https://app.acme.example`: at most 10. Who may frame them can trick end users into a click.
	// Default: those in the store, or none.
	FrameAncestors []string `json:"frame_ancestors,omitempty"`
	// UserHint is how the hosted pages tell the end user whose connection it is, so that the wrong
	// person notices: `masked` shows the end user's address like `m…y@example.com`, `off` nothing, and
	// anything else is shown as it is, with the masked address in the place of `{user}`: at most 200
	// bytes. Default: the one in the store, or `masked`.
	UserHint string `json:"user_hint,omitempty"`
	// Unconfirmed is what becomes of credentials that their provider neither accepts nor refuses:
	// `ask` lets the end user save them, after a page has said so, and the connection then carries
	// `verified: false`; `refuse` never stores them. Default: the one in the store, or `ask`.
	Unconfirmed string `json:"unconfirmed,omitempty"`
	// DefinedAt is file and line of the Caddyfile, for error messages.
	DefinedAt string `json:"defined_at,omitempty"`

	TenantPolicy
}

// TenantPolicy says what a tenant may do and how often. What is left out comes from
// `tenant_defaults`, and from the defaults below if that leaves it out too; rules and the budgets
// of apps of both are joined.
type TenantPolicy struct {
	// Source names the source that vends for the tenant. Default: the app's default source.
	Source string `json:"source,omitempty"`
	// Capabilities are any of `apps`, `connections`, `token` and `delete`. Default: all.
	Capabilities []string `json:"capabilities,omitempty"`
	// Apps are the slugs the tenant may call. Default: every app.
	Apps []string `json:"apps,omitempty"`
	// Rules narrow that by method and path. Default: none, everything is permitted. Those of
	// `tenant_defaults` join a tenant's own: a deny of either holds and, where there is an allow of
	// either, one of them must match.
	Rules []policy.Rule `json:"rules,omitempty"`
	// MaxBody bounds a request body in bytes; a larger one is `request_too_large`. Default: no bound;
	// bodies are streamed.
	MaxBody int64 `json:"max_body,omitempty"`
	// MaxInFlight bounds the requests in flight; more are `rate_limited`. Default: no bound.
	MaxInFlight int64 `json:"max_in_flight,omitempty"`
	// Budgets bound the calls a minute. `unlimited` in a Caddyfile, and 0 in JSON, mean no bound.
	Budgets Budgets `json:"budgets,omitzero"`
}

// Budgets are in units a minute; 0 means no bound.
type Budgets struct {
	// Token is spent by each vend. Default: 600.
	Token *int `json:"token,omitempty"`
	// API is spent by every other call to the connection manager. Default: 120.
	API *int `json:"api,omitempty"`
	// Connection bounds each connection by itself. Default: no bound.
	Connection *int `json:"connection,omitempty"`
	// Apps bounds the calls to one app, by slug. Default: no bound. Those of `tenant_defaults` hold
	// for apps that a tenant's own do not name.
	Apps map[string]int `json:"apps,omitempty"`
}

// over returns p with what it leaves out taken from defaults. Rules and budgets of apps are joined:
// a tenant that states one of its own must not thereby lose what the defaults deny or bound
// elsewhere.
func (p TenantPolicy) over(defaults TenantPolicy) TenantPolicy {
	if p.Source == "" {
		p.Source = defaults.Source
	}
	if p.Capabilities == nil {
		p.Capabilities = defaults.Capabilities
	}
	if p.Apps == nil {
		p.Apps = defaults.Apps
	}
	p.Rules = slices.Concat(p.Rules, defaults.Rules)
	if p.MaxBody == 0 {
		p.MaxBody = defaults.MaxBody
	}
	if p.MaxInFlight == 0 {
		p.MaxInFlight = defaults.MaxInFlight
	}
	p.Budgets = p.Budgets.over(defaults.Budgets)
	return p
}

func (b Budgets) over(defaults Budgets) Budgets {
	b.Token = cmp.Or(b.Token, defaults.Token)
	b.API = cmp.Or(b.API, defaults.API)
	b.Connection = cmp.Or(b.Connection, defaults.Connection)
	if b.Apps == nil {
		b.Apps = defaults.Apps
		return b
	}
	own := b.Apps
	b.Apps = maps.Clone(own)
	maps.Copy(b.Apps, defaults.Apps)
	maps.Copy(b.Apps, own)
	return b
}

// checkApps reports a rule or budget for an app that p itself does not list: it would never count.
func (p TenantPolicy) checkApps() error {
	if p.Apps == nil {
		return nil
	}
	for _, r := range p.Rules {
		if r.App != "*" && !slices.Contains(p.Apps, r.App) {
			return fmt.Errorf("rule %s: apps does not list %[1]s, so the rule would never apply: add it to apps, or "+
				"take the rule out", r.App)
		}
	}
	for _, app := range slices.Sorted(maps.Keys(p.Budgets.Apps)) {
		if !slices.Contains(p.Apps, app) {
			return fmt.Errorf("budget app %s: apps does not list %[1]s, so the budget would never apply: add it to "+
				"apps, or take the budget out", app)
		}
	}
	return nil
}

// compile makes the tenant that requests meet. It has no account yet.
func (p TenantPolicy) compile(id string) (*policy.Tenant, error) {
	t := &policy.Tenant{
		ID: id, Source: p.Source, Capabilities: policy.AllCapabilities, Apps: p.Apps, Rules: p.Rules,
		MaxBody: p.MaxBody, MaxInFlight: p.MaxInFlight,
		Budgets: policy.Budgets{Token: policy.DefaultTokenBudget, API: policy.DefaultAPIBudget},
	}
	if p.Capabilities != nil {
		caps, err := policy.ParseCapabilities(p.Capabilities)
		if err != nil {
			return nil, err
		}
		t.Capabilities = caps
	}
	for _, r := range p.Rules {
		if err := r.Check(); err != nil {
			return nil, fmt.Errorf("rule for app %q: %w", r.App, err)
		}
	}
	if p.Budgets.Token != nil {
		t.Budgets.Token = policy.Budget(*p.Budgets.Token)
	}
	if p.Budgets.API != nil {
		t.Budgets.API = policy.Budget(*p.Budgets.API)
	}
	if p.Budgets.Connection != nil {
		t.Budgets.Connection = policy.Budget(*p.Budgets.Connection)
	}
	for app, units := range p.Budgets.Apps {
		if t.Budgets.Apps == nil {
			t.Budgets.Apps = make(map[string]policy.Budget)
		}
		t.Budgets.Apps[app] = policy.Budget(units)
	}
	return t, p.checkBounds(t)
}

func (p TenantPolicy) checkBounds(t *policy.Tenant) error {
	budgets := []policy.Budget{t.Budgets.Token, t.Budgets.API, t.Budgets.Connection}
	for _, b := range t.Budgets.Apps {
		budgets = append(budgets, b)
	}
	if slices.Min(budgets) < 0 || p.MaxBody < 0 || p.MaxInFlight < 0 {
		return fmt.Errorf("budget, max_body and max_in_flight: write a positive number, or 0 for no bound")
	}
	return nil
}

func (t *Tenant) countKeys() error {
	if n := len(t.Keys) + len(t.KeyDigests); n > 2 {
		return fmt.Errorf("there are %d keys: write one, or two during rotation", n)
	}
	return nil
}

// digests resolves the tenant's keys. Only their digests survive.
func (t *Tenant) digests() ([]policy.Digest, error) {
	if err := t.countKeys(); err != nil {
		return nil, err
	}
	var list []policy.Digest
	for _, ref := range t.Keys {
		key, err := secretref.Resolve(ref)
		if err != nil {
			return nil, fmt.Errorf("key: %w", err)
		}
		if err := policy.CheckKey(key.Reveal()); err != nil {
			return nil, fmt.Errorf("key %s: %w", ref, err)
		}
		list = append(list, policy.DigestOf(key.Reveal()))
	}
	for _, text := range t.KeyDigests {
		d, err := policy.ParseDigest(text)
		if err != nil {
			return nil, fmt.Errorf("key_sha256: %w", err)
		}
		list = append(list, d)
	}
	return list, nil
}

// brand is how the tenant appears on the hosted pages.
func (t *Tenant) brand() connect.Brand {
	return connect.Brand{Name: t.DisplayName, LogoURL: t.LogoURL, Accent: t.Accent, FrameAncestors: t.FrameAncestors,
		UserHint: t.UserHint, Unconfirmed: t.Unconfirmed}
}

// checkBrand reports the first mistake in how the tenant appears, under the option's name, and
// brings the rest into the form in which the store keeps it.
func (t *Tenant) checkBrand() error {
	if t.Email != "" {
		email, err := policy.ParseUser([]string{t.Email})
		if err != nil {
			return errors.New("email: write one bare address, like dev@acme.example")
		}
		t.Email = email
	}
	b := t.brand()
	var invalid *connect.BrandError
	switch err := b.Normalize(); {
	case errors.As(err, &invalid) && invalid.Field == "name":
		return fmt.Errorf("display_name: %s", invalid.Advice)
	case invalid != nil:
		return invalid
	case err != nil:
		return err
	}
	t.DisplayName, t.Accent, t.UserHint = b.Name, b.Accent, b.UserHint
	return nil
}

// checkBrands is checkBrand for every tenant.
func (a *App) checkBrands() error {
	for i := range a.Tenants {
		t := &a.Tenants[i]
		if err := t.checkBrand(); err != nil {
			return at(t.DefinedAt, fmt.Errorf("tenant %s: %w", t.ID, err))
		}
	}
	return nil
}

// KnowsTenant is nil for a tenant of the configuration or the store, connect.ErrTenantDisabled for
// one that is disabled, and connect.ErrTenantUnknown for any other.
func (a *App) KnowsTenant(ctx context.Context, store *store.Store, id string) error {
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
