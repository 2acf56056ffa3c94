package caddymodule

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

func init() { caddy.RegisterModule(new(PipedreamSource)) }

// PipedreamSource is the source `pipedream`: Pipedream Connect. A connection is an account there,
// `apn_…`.
type PipedreamSource struct {
	// Project is the project's id, `proj_…`.
	Project string `json:"project"`
	// Environment is `production` or `development`. Default: `production`. Accounts of the other one
	// do not exist.
	Environment string `json:"environment,omitempty"`
	// ClientID is the id of the OAuth client in the workspace's API settings.
	ClientID string `json:"client_id"`
	// ClientSecret is a reference to its secret, `{env.NAME}` or `{file./path}`.
	ClientSecret string `json:"client_secret"`
	// TenantIDs are the tenants whose accounts the project holds; any other tenant has none here, and
	// may not have this source. Pipedream cannot tell tenants apart, so that two of them share a
	// project only if their end users of one name are one person. All sources of one project and
	// environment name the same tenants.
	TenantIDs []string `json:"tenants"`
	// EndUser says by what Pipedream knows end users: `email`, sent as `x-user-email`, or
	// `external_id`, an opaque id sent as `x-external-user-id`. Default: `email`. An account's
	// external id must equal it.
	EndUser string `json:"end_user,omitempty"`
	// Apps say by slug what Pipedream calls an app and its custom fields, where that differs: it
	// goes by the slug with `_` for `-` otherwise, and its fields by their own names. A field of
	// theirs that names a server other than the app's ends each vend, unless it is mapped to a
	// field or to `-`, which says that calls do not go there.
	Apps map[string]pipedream.App `json:"apps,omitempty"`
	// Endpoint is the root of Pipedream's API. Default: `https://api.pipedream.com`.
	Endpoint string `json:"endpoint,omitempty"`
	// Timeout bounds each vend. Default: 10s. Calls through Pipedream's proxy are bounded as other
	// calls of the app are.
	Timeout caddy.Duration `json:"timeout,omitempty"`
	// AllowHTTP permits a plain http endpoint: the client secret and credentials cross the network in
	// clear. Default: no.
	AllowHTTP bool `json:"allow_http,omitempty"`
	// AllowPrivate lists CIDRs outside global unicast that the endpoint's host may resolve to.
	// Default: none.
	AllowPrivate []string `json:"allow_private,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*PipedreamSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.pipedream", New: func() caddy.Module { return new(PipedreamSource) }}
}

// OpenSource implements SourceModule.
func (s *PipedreamSource) OpenSource(env *SourceEnv) (vending.Source, error) {
	if err := cmp.Or(s.checkEndUser(), s.checkTenants()); err != nil {
		return nil, err
	}
	rt, err := env.Transport(s.AllowPrivate)
	if err != nil {
		return nil, err
	}
	secret, err := env.Secret(s.ClientSecret)
	if err != nil {
		return nil, fmt.Errorf("client_secret: %w", err)
	}
	return pipedream.New(pipedream.Options{
		Endpoint: s.Endpoint, AllowHTTP: s.AllowHTTP, Transport: rt, Project: s.Project,
		Environment: cmp.Or(s.Environment, "production"),
		ClientID:    s.ClientID, ClientSecret: secret, Tenants: s.TenantIDs, ExternalIDs: s.NamesUsersByExternalID(),
		Catalog: env.Catalog, Apps: s.Apps, Timeout: time.Duration(s.Timeout), Logger: env.Logger,
	})
}

// NamesUsersByExternalID implements vending.ExternalUsers.
func (s *PipedreamSource) NamesUsersByExternalID() bool { return s.EndUser == "external_id" }

// Tenants implements vending.TenantBound.
func (s *PipedreamSource) Tenants() []string { return s.TenantIDs }

func (s *PipedreamSource) checkEndUser() error {
	switch s.EndUser {
	case "", "email", "external_id":
		return nil
	}
	return fmt.Errorf("end_user %q: write email or external_id", s.EndUser)
}

// checkTenants reports a name that no request could ever have.
func (s *PipedreamSource) checkTenants() error {
	for _, tenant := range s.TenantIDs {
		if err := policy.CheckTenantID(tenant); err != nil {
			return err
		}
	}
	return nil
}

func (s *PipedreamSource) checkEnvironment() error {
	switch s.Environment {
	case "", "production", "development":
		return nil
	}
	return fmt.Errorf("environment %q: write production or development", s.Environment)
}

// pipedreamProject is all by which Pipedream tells accounts apart.
type pipedreamProject struct{ endpoint, project, environment string }

// checkFits implements fitChecker: two sources must not each keep to their own tenants where the
// end users of one name have the same accounts in both.
func (s *PipedreamSource) checkFits(_ *App, name string, others map[string]SourceModule) error {
	for _, first := range slices.Sorted(maps.Keys(others)) {
		other, ok := others[first].(*PipedreamSource)
		if ok && other.accounts() == s.accounts() && !slices.Equal(other.tenantSet(), s.tenantSet()) {
			return fmt.Errorf("sources %s and %s vend from one project for different tenants, which Pipedream cannot tell "+
				"apart: give each a project of its own, or write one source with all of the tenants, which says openly that "+
				"they share end users", first, name)
		}
	}
	return nil
}

// accounts is where s vends from. An invalid endpoint is reported when the source is opened.
func (s *PipedreamSource) accounts() pipedreamProject {
	endpoint, _ := vending.ParseEndpoint(cmp.Or(s.Endpoint, pipedream.DefaultEndpoint), true)
	return pipedreamProject{strings.ToLower(endpoint), s.Project, cmp.Or(s.Environment, "production")}
}

func (s *PipedreamSource) tenantSet() []string {
	return slices.Compact(slices.Sorted(slices.Values(s.TenantIDs)))
}

var (
	_ vending.ExternalUsers = (*PipedreamSource)(nil)
	_ vending.TenantBound   = (*PipedreamSource)(nil)
	_ fitChecker            = (*PipedreamSource)(nil)
)
