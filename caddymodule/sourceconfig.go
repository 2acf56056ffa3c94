package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// sourceConfig is what commands need to know of a configured source, which they never open.
type sourceConfig struct {
	name, kind string
	// passthrough says that it wants the caller's own tenant key.
	passthrough bool
	// externalIDs says that end users are named by opaque ids.
	externalIDs bool
	// tenants are those that it vends for; nil for every tenant.
	tenants []string
}

// sourceOf returns the source that vends for a tenant.
func (a *App) sourceOf(tenant string) (sourceConfig, error) {
	a.setDefaultSource()
	name := cmp.Or(a.TenantDefaults.Source, a.DefaultSource)
	if i := slices.IndexFunc(a.Tenants, func(t Tenant) bool { return t.ID == tenant }); i >= 0 {
		name = cmp.Or(a.Tenants[i].Source, name)
	}
	raw, ok := a.SourcesRaw[name]
	if !ok && name == localSource { // it need not be configured
		return sourceConfig{name: name, kind: localSource}, nil
	}
	var config struct {
		Type        string   `json:"type"`
		Passthrough bool     `json:"passthrough"`
		EndUser     string   `json:"end_user"`
		Tenants     []string `json:"tenants"`
	}
	if !ok || json.Unmarshal(raw, &config) != nil {
		return sourceConfig{}, fmt.Errorf("tenant %s: source %s is not configured", tenant, name)
	}
	return sourceConfig{name, config.Type, config.Passthrough, config.EndUser == "external_id", config.Tenants}, nil
}

func (s sourceConfig) checkServes(tenant string) error { return checkServed(s.name, s.tenants, tenant) }

// checkServed reports that a source that vends for tenants alone, or for every one if that is nil,
// would refuse each call of this one.
func checkServed(source string, tenants []string, tenant string) error {
	if tenants == nil || slices.Contains(tenants, tenant) {
		return nil
	}
	return fmt.Errorf("source %s does not name it, so that each of its calls would be connection_deleted: write tenant "+
		"%s in that source, or give the tenant another source", source, tenant)
}

// opensStore reports whether the server of this configuration opens the store: only a source of
// type local makes it.
func (a *App) opensStore() bool {
	a.setDefaultSource()
	_, other := a.SourcesRaw[localSource]
	return len(a.localSources()) > 0 || !other && slices.Contains(a.sourceNames(), localSource)
}
