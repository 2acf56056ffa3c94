package caddymodule

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

func init() { caddy.RegisterModule(new(PlatformSource)) }

// PlatformSource is the source `platform`: Pabbly Connect's Platform API, or another Vendgate's,
// over HTTP.
type PlatformSource struct {
	// URL is the base of the Platform API, up to and with `/platform/v1`. Required.
	URL string `json:"url"`
	// Key is a reference to the tenant key for all tenants without one in Keys, `{env.NAME}` or
	// `{file./path}`.
	Key string `json:"key,omitempty"`
	// Keys are such references by tenant id.
	Keys map[string]string `json:"keys,omitempty"`
	// Passthrough sends the caller's own tenant key instead. Callers need no tenant here then: the
	// Platform API judges their keys.
	Passthrough bool `json:"passthrough,omitempty"`
	// Aliases map the Platform API's app ids or slugs to slugs of the catalog, where they differ.
	Aliases map[string]string `json:"aliases,omitempty"`
	// Timeout bounds each call. Default: 10s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// AllowHTTP permits a plain http URL: keys and tokens cross the network in clear. Default: no.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// AllowPrivate lists CIDRs outside global unicast that the URL's host may resolve to. Default:
	// none.
	AllowPrivate []string `json:"allow_private,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*PlatformSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.platform", New: func() caddy.Module { return new(PlatformSource) }}
}

// TakesCallerKey implements vending.KeyTaker.
func (s *PlatformSource) TakesCallerKey() bool { return s.Passthrough }

// OpenSource implements SourceModule.
func (s *PlatformSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	if s.Passthrough && (s.Key != "" || len(s.Keys) > 0) {
		return nil, errPassthrough
	}
	rt, err := env.Transport(s.AllowPrivate)
	if err != nil {
		return nil, err
	}
	if err := s.checkNames(env.Catalog); err != nil {
		return nil, err
	}
	keys := make(map[string]vending.Secret)
	refs := map[string]string{"": s.Key}
	maps.Copy(refs, s.Keys)
	for _, tenant := range slices.Sorted(maps.Keys(refs)) {
		ref := refs[tenant]
		if ref == "" {
			continue
		}
		if keys[tenant], err = env.Secret(ref); err != nil {
			return nil, fmt.Errorf("%skey: %w", ofTenant(tenant), err)
		}
	}
	if len(keys) == 0 && !s.Passthrough {
		return nil, errNoKey
	}
	o := platform.Options{
		BaseURL: s.URL, AllowHTTP: s.AllowHTTP, Transport: rt, Passthrough: s.Passthrough, Aliases: s.Aliases,
		Timeout: time.Duration(s.Timeout), Catalog: env.Catalog.App, Logger: env.Logger,
	}
	if !s.Passthrough {
		o.Key = func(tenant string) (vending.Secret, bool) {
			if key, ok := keys[tenant]; ok {
				return key, true
			}
			key, ok := keys[""]
			return key, ok
		}
	}
	return platform.New(o)
}

// checkNames reports the first key of a tenant that cannot exist and the first alias of an app that
// does not: neither would ever be used, and calls would be refused for want of it.
func (s *PlatformSource) checkNames(apps *catalog.Catalog) error {
	for _, tenant := range slices.Sorted(maps.Keys(s.Keys)) {
		if err := policy.CheckTenantID(tenant); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Aliases)) {
		if _, ok := apps.App(s.Aliases[id]); !ok {
			return fmt.Errorf("alias %s: %w", id, noApp(apps, s.Aliases[id]))
		}
	}
	return nil
}

// Mistakes in the keys of a platform source.
var (
	errPassthrough = errors.New("key passthrough cannot be combined with other keys: keep one or the other")
	errNoKey       = errors.New("no key: write key {env.NAME}, key TENANT {env.NAME} or key passthrough")
)

// ofTenant begins a message about one tenant's key; the empty tenant means all.
func ofTenant(id string) string {
	if id == "" {
		return ""
	}
	return "tenant " + id + ": "
}

var _ vending.KeyTaker = (*PlatformSource)(nil)
