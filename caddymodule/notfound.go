package caddymodule

import (
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
type NotFound struct{}

// CaddyModule implements caddy.Module.
func (*NotFound) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.vendgate_not_found", New: func() caddy.Module { return new(NotFound) }}
}

// ServeHTTP implements caddyhttp.MiddlewareHandler. The answer repeats nothing of the request,
// whose path may hold a key.
func (*NotFound) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	telemetry.Identify(w, r)
	gateway.Refuse(w, r, "", vending.Refuse(vending.NotFound, ""))
	return nil
}

var _ caddyhttp.MiddlewareHandler = (*NotFound)(nil)
