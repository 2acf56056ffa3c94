package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// SourceInfo is what is known of a configured source that is not open.
type SourceInfo struct {
	// Name is the source's name in the configuration.
	Name string
	// UsesStore says that it vends from the embedded connection manager's store.
	UsesStore bool
	// TakesCallerKey says that it wants the caller's own tenant key.
	TakesCallerKey bool
	// ExternalIDs says that end users are named by opaque ids.
	ExternalIDs bool
	// Tenants are those that it vends for; nil for every tenant.
	Tenants []string
}

// SourceOf returns the source that vends for a tenant. Its error names one that is not configured.
func (a *App) SourceOf(tenant string) (SourceInfo, error) {
	a.setDefaultSource()
	name := cmp.Or(a.TenantDefaults.Source, a.DefaultSource)
	if i := slices.IndexFunc(a.Tenants, func(t Tenant) bool { return t.ID == tenant }); i >= 0 {
		name = cmp.Or(a.Tenants[i].Source, name)
	}
	raw, ok := a.SourcesRaw[name]
	if !ok && name == localSource { // it need not be configured
		return SourceInfo{Name: name, UsesStore: true}, nil
	}
	var config struct {
		Type        string   `json:"type"`
		Passthrough bool     `json:"passthrough"`
		EndUser     string   `json:"end_user"`
		Tenants     []string `json:"tenants"`
	}
	if !ok || json.Unmarshal(raw, &config) != nil {
		return SourceInfo{}, fmt.Errorf("tenant %s: source %s is not configured", tenant, name)
	}
	return SourceInfo{name, config.Type == localSource, config.Passthrough, config.EndUser == "external_id",
		config.Tenants}, nil
}

// CheckServes reports that the source would refuse each call of a tenant.
func (s SourceInfo) CheckServes(tenant string) error { return checkServed(s.Name, s.Tenants, tenant) }

func (s *source) checkServes(tenant string) error { return checkServed(s.name, s.tenants, tenant) }

// checkServed reports that a source that vends for tenants alone, or for every one if that is nil,
// would refuse each call of this one.
func checkServed(source string, tenants []string, tenant string) error {
	if tenants == nil || slices.Contains(tenants, tenant) {
		return nil
	}
	return fmt.Errorf("source %s does not name it, so that each of its calls would be connection_deleted: write tenant "+
		"%s in that source, or give the tenant another source", source, tenant)
}

// OpensStore reports whether the server of this configuration opens the store: only a source of
// type local makes it.
func (a *App) OpensStore() bool {
	a.setDefaultSource()
	_, other := a.SourcesRaw[localSource]
	return len(a.localSources()) > 0 || !other && slices.Contains(a.sourceNames(), localSource)
}
