package caddymodule

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/vendgate/vendgate/caddymodule/telemetry"
	"github.com/vendgate/vendgate/gateway"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(NotFound)) }

// NotFound is the handler `vendgate_not_found`: it answers every request by 404 `not_found`. It
// goes behind all other handlers of a site, which would otherwise answer what none of them serves
// by an empty 200, as Caddy does: SDKs whose base URL is wrong take that for success. The other
// handlers cannot do this themselves, because those behind them may serve the path.
type NotFound struct{ leaving *leaving }

// CaddyModule implements caddy.Module.
func (*NotFound) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.vendgate_not_found", New: func() caddy.Module { return new(NotFound) }}
}

// Provision implements caddy.Provisioner. A site may have no gateway.
func (n *NotFound) Provision(ctx caddy.Context) error {
	n.leaving = new(leaving)
	app, err := ctx.AppIfConfigured("vendgate")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("loading the vendgate app: %w", err)
	}
	n.leaving = app.(*App).leaving
	n.leaving.join(ctx)
	return nil
}

// ServeHTTP implements caddyhttp.MiddlewareHandler. The answer repeats nothing of the request,
// whose path may hold a key.
func (n *NotFound) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	return n.leaving.serve(w, r, func(w http.ResponseWriter, r *http.Request) error {
		telemetry.Identify(w, r)
		gateway.Refuse(w, r, "", vending.Refuse(vending.NotFound, ""))
		return nil
	})
}

var (
	_ caddy.Provisioner           = (*NotFound)(nil)
	_ caddyhttp.MiddlewareHandler = (*NotFound)(nil)
)
