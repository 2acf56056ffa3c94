package gateway

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Options are what a gateway is made of.
type Options struct {
	// Catalog has the apps, of which Own reports by slug those that the operator added: the upstream
	// of such an app may be a gateway, too.
	Catalog *catalog.Catalog
	Own     map[string]bool
	// Sources vend, by name. Every tenant that Keyring knows names one of them.
	Sources map[string]*Source
	Keyring *policy.Keyring
	// Limiter keeps what the tenants spent.
	Limiter policy.Limiter
	// Unverified is the pattern of the tenants that only their source can verify, by its own Platform
	// API. Default: no source does.
	Unverified *policy.Tenant
	// Transport returns what dials the upstream of an app. Public dials for a redirect that the
	// gateway follows: it must refuse private addresses.
	Transport func(*catalog.App) http.RoundTripper
	Public    http.RoundTripper
	// PublicURL is scheme and host under which callers reach the gateway. Default: what each request
	// says.
	PublicURL string
	// VendTimeout bounds a vend with its retries.
	VendTimeout time.Duration
}

// Gateway is what all its handlers share. It is immutable but for what is counted and for routes,
// and safe for parallel use.
type Gateway struct {
	// options are unexported because they lead to secrets.
	options Options
	routes  routes
	// refusals remembers forced vends that did not help.
	refusals vending.Refusals
}

// New returns a gateway. It reads the options' maps and must be their only user from then on.
func New(o Options) *Gateway {
	return &Gateway{options: o}
}

// Caller finds a caller key and its tenant. A source that wants the tenant's own key can be given
// none, and must never be given the caller key in its place.
func (g *Gateway) Caller(ctx context.Context, key string) (*policy.CallerKey, *policy.Tenant, error) {
	k, t, err := g.options.Keyring.Caller(ctx, policy.DigestOf(key))
	if err != nil {
		return nil, nil, err
	}
	if g.source(t).takesKey {
		return nil, nil, vending.Refuse(vending.InvalidTenantKey, "")
	}
	return k, t, nil
}

// tenantOf finds the tenant of a key, and returns the key if the tenant's source takes it. An
// unknown key may still belong to an unverified tenant, if a source wants to judge for itself.
func (g *Gateway) tenantOf(ctx context.Context, key string) (*policy.Tenant, vending.Secret, error) {
	digest := policy.DigestOf(key)
	t, err := g.options.Keyring.Lookup(ctx, digest)
	switch {
	case t == nil:
	case g.source(t).takesKey:
		return t, vending.NewSecret(key), nil
	default:
		return t, vending.Secret{}, nil
	}
	// The store has no unverified tenant, so that they can call while it cannot be read.
	if err != nil && (g.options.Unverified == nil || !errors.Is(err, policy.ErrKeyUnread)) {
		return nil, vending.Secret{}, err
	}
	if g.options.Unverified != nil && policy.CheckKey(key) == nil {
		t := *g.options.Unverified
		t.ID = "key-" + hex.EncodeToString(digest[:12])
		return &t, vending.NewSecret(key), nil
	}
	return nil, vending.Secret{}, vending.Refuse(vending.InvalidTenantKey, "")
}

func (g *Gateway) source(t *policy.Tenant) *Source { return g.options.Sources[t.Source] }

// Origin is scheme and host under which a request reached the gateway, as far as it tells, unless
// the options know better.
func (g *Gateway) Origin(r *http.Request) string {
	if g.options.PublicURL != "" {
		return g.options.PublicURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host
}
