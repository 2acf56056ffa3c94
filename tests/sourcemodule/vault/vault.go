// Package vault is a source as someone writes it outside this repository: the tests copy it into a
// module of its own and build a gateway with it. It asks a service over HTTP for each credential.
//
// It must use nothing but what the module exports.
package vault

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(Module)) }

// Module is the configuration of a source of type `vault`.
type Module struct {
	// URL is the root of the service.
	URL string `json:"url"`
	// Secret is a reference to the secret by which the service knows the gateway.
	Secret string `json:"secret,omitempty"`
	// CallerKey sends the caller's own tenant key instead.
	CallerKey bool `json:"caller_key,omitempty"`
	// ExternalIDs says that the service knows end users by opaque ids.
	ExternalIDs bool `json:"external_ids,omitempty"`
	// Only are the tenants that the service has connections of; all of them if there are none here.
	Only []string `json:"tenants,omitempty"`
	// AllowPrivate lists CIDRs that the service may be in.
	AllowPrivate []string `json:"allow_private,omitempty"`
}

// CaddyModule implements caddy.Module.
func (*Module) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "vendgate.sources.vault", New: func() caddy.Module { return new(Module) }}
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (m *Module) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the type
	for d.NextBlock(0) {
		switch d.Val() {
		case "url":
			if !d.AllArgs(&m.URL) {
				return d.ArgErr()
			}
		case "secret":
			if !d.AllArgs(&m.Secret) {
				return d.ArgErr()
			}
		case "caller_key":
			m.CallerKey = true
		case "external_ids":
			m.ExternalIDs = true
		case "tenants":
			m.Only = d.RemainingArgs()
		case "allow_private":
			m.AllowPrivate = d.RemainingArgs()
		default:
			return d.Errf("unknown option %q of a vault", d.Val())
		}
	}
	return nil
}

// TakesCallerKey implements vending.KeyTaker.
func (m *Module) TakesCallerKey() bool { return m.CallerKey }

// NamesUsersByExternalID implements vending.ExternalUsers.
func (m *Module) NamesUsersByExternalID() bool { return m.ExternalIDs }

// Tenants implements vending.TenantBound.
func (m *Module) Tenants() []string { return m.Only }

// OpenSource implements caddymodule.SourceModule.
func (m *Module) OpenSource(env *caddymodule.SourceEnv) (vending.Source, error) {
	transport, err := env.Transport(m.AllowPrivate)
	if err != nil {
		return nil, err
	}
	s := &source{Module: m, transport: transport}
	if !m.CallerKey {
		if s.secret, err = env.Secret(m.Secret); err != nil {
			return nil, err
		}
	}
	env.Logger.Info("opened a vault", "name", env.Name)
	return s, nil
}

// source answers the optional interfaces as its module does.
type source struct {
	*Module
	transport http.RoundTripper
	secret    vending.Secret
}

// Vend implements vending.Source.
func (s *source) Vend(ctx context.Context, r vending.Request) (vending.Credential, error) {
	status, text, err := s.ask(ctx, "credential", r)
	switch {
	case err != nil:
		return vending.Credential{}, vending.Errorf(vending.UpstreamUnavailable, err)
	case status == http.StatusNotFound:
		return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
	case status != http.StatusOK:
		return vending.Credential{}, errors.New("the vault refused the gateway")
	}
	cred := vending.NewFields(r.App, vending.APIKey, []vending.Field{{Name: "api_key", Value: text}})
	return cred.Doubting(), nil
}

// Accepted implements vending.Noter.
func (s *source) Accepted(ctx context.Context, r vending.Request, _ vending.Credential) {
	_, _, _ = s.ask(ctx, "accepted", r) // the service loses a hint
}

// ask makes one call of the service.
func (s *source) ask(ctx context.Context, what string, r vending.Request) (status int, text string, err error) {
	query := url.Values{"tenant": {r.Tenant}, "user": {r.User}, "connection": {r.Connection}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/"+what+"?"+query.Encode(), nil)
	if err != nil {
		return 0, "", err
	}
	key := s.secret
	if s.CallerKey {
		key = r.Key
	}
	req.Header.Set("Authorization", "Bearer "+key.Reveal())
	res, err := s.transport.RoundTrip(req)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	return res.StatusCode, string(body), err
}

var (
	_ caddymodule.SourceModule = (*Module)(nil)
	_ caddyfile.Unmarshaler    = (*Module)(nil)
	_ vending.KeyTaker         = (*source)(nil)
	_ vending.ExternalUsers    = (*source)(nil)
	_ vending.TenantBound      = (*source)(nil)
	_ vending.Noter            = (*source)(nil)
)
