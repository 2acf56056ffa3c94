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
		Type        string `json:"type"`
		Passthrough bool   `json:"passthrough"`
		EndUser     string `json:"end_user"`
	}
	if !ok || json.Unmarshal(raw, &config) != nil {
		return sourceConfig{}, fmt.Errorf("tenant %s: source %s is not configured", tenant, name)
	}
	return sourceConfig{name, config.Type, config.Passthrough, config.EndUser == "external_id"}, nil
}

// opensStore reports whether the server of this configuration opens the store: only a source of type local makes it.
func (a *App) opensStore() bool {
	a.setDefaultSource()
	_, other := a.SourcesRaw[localSource]
	return len(a.localSources()) > 0 || !other && slices.Contains(a.sourceNames(), localSource)
}
