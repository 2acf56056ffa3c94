package caddymodule

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/policy"
)

func init() { caddy.RegisterModule(new(Proxy)) }

// Proxy is the handler `vendgate_proxy`: it answers calls to `{prefix}/{connection_id}/{app}/…` by
// injecting a freshly vended credential and forwarding them to the app. Where Hosts says so, it
// also answers every request to `{app}.{host}`, whose caller key names the connection. Other
// requests pass to the next handler.
type Proxy struct {
	// Prefix begins the paths that are the gateway's. Default: `/proxy`.
	Prefix string `json:"prefix,omitempty"`
	// Hosts are domains below which apps are addressed by host, for SDKs that take no path:
	// `gw.example.com` has `stripe.gw.example.com` be the app `stripe`, and
	// `stripe--files.gw.example.com` its extra host with the label `files`. All paths there are the
	// app's. Default: none.
	Hosts []string `json:"hosts,omitempty"`
	// Errors is `passthrough` to leave providers' errors as they are, for every app. Default: they are
	// mapped to codes.
	Errors string `json:"errors,omitempty"`
	// Redirects is what becomes of a redirect by which a provider leads clients past the gateway, for
	// apps that do not say it themselves: `refuse` answers with an error that names the host, `follow`
	// has the gateway fetch what is there by GET or HEAD, without any credential and without the
	// caller's headers, and `pass` leaves it to the client. Default: `pass` where the key came in
	// `Authorization`, which clients do not carry to another host, and `refuse` where it came
	// elsewhere, and for another port of the host that was called and hosts below it.
	Redirects string `json:"redirects,omitempty"`
	// TenantKeysInPlacement has tenant keys read where caller keys are: wherever an app's SDKs put its
	// credential. Default: a tenant key there is refused, because SDKs that know nothing of the
	// gateway may send it to other hosts as well.
	TenantKeysInPlacement bool `json:"tenant_keys_in_placement,omitempty"`

	assembly  *assembly
	leaving   *leaving
	accessLog *telemetry.AccessLog
	handler   *gateway.Handler
}

// CaddyModule implements caddy.Module.
func (*Proxy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.vendgate_proxy", New: func() caddy.Module { return new(Proxy) }}
}

// Provision implements caddy.Provisioner.
func (p *Proxy) Provision(ctx caddy.Context) error {
	if p.Prefix == "" {
		p.Prefix = "/proxy"
	}
	app, err := ctx.App("vendgate")
	if err != nil {
		return fmt.Errorf("loading the vendgate app: %w", err)
	}
	p.assembly, p.leaving = app.(*App).assembly, app.(*App).leaving
	p.leaving.join(ctx)
	p.accessLog = p.assembly.accessLog(ctx)
	p.accessLog.Calls, p.accessLog.Domains = p.Prefix+"/", p.Hosts
	p.handler = p.assembly.gateway.Handler(gateway.HandlerOptions{
		Prefix: p.Prefix, Domains: p.Hosts, Passthrough: p.Errors == policy.Passthrough, Redirects: p.Redirects,
		TenantKeysInPlacement: p.TenantKeysInPlacement,
		Observer:              telemetry.Observer{AccessLog: p.accessLog, Metrics: p.assembly.metrics},
	})
	return nil
}

// Validate implements caddy.Validator.
func (p *Proxy) Validate() error { return p.check() }

func (p *Proxy) check() error {
	if p.Prefix != "" && !isPlainPath(p.Prefix) {
		return fmt.Errorf("prefix %q: write a plain path without a slash at its end, like /proxy", p.Prefix)
	}
	if err := policy.Domains(p.Hosts).Check(); err != nil {
		return fmt.Errorf("hosts: %w", err)
	}
	if p.Errors != "" && p.Errors != policy.Passthrough {
		return fmt.Errorf("errors %q: write passthrough, or leave the option out", p.Errors)
	}
	return catalog.CheckRedirects(p.Redirects)
}

// isPlainPath reports whether a prefix of paths is spelled as it is compared.
func isPlainPath(prefix string) bool {
	return strings.HasPrefix(prefix, "/") && !strings.HasSuffix(prefix, "/") && !strings.ContainsAny(prefix, "%?#{}")
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	return p.leaving.serve(w, r, func(w http.ResponseWriter, r *http.Request) error {
		return p.accessLog.Serve(w, r, func(w http.ResponseWriter, r *http.Request) error {
			if p.handler.Serve(w, r) {
				return nil
			}
			return p.accessLog.PassOn(w, r, next)
		})
	})
}

var (
	_ caddy.Provisioner           = (*Proxy)(nil)
	_ caddy.Validator             = (*Proxy)(nil)
	_ caddyhttp.MiddlewareHandler = (*Proxy)(nil)
)
