package caddymodule

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(Admin)) }

// Admin is the module `admin.api.vendgate`: what the commands `tenant` and `audit` do, on the store
// of the running server and by Caddy's admin socket. Who reaches that socket is the operator. A new
// key or MCP URL stands in one answer and nowhere else: Caddy logs the requests of the socket, but
// no bodies.
type Admin struct{}

// CaddyModule implements caddy.Module.
func (*Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.vendgate", New: func() caddy.Module { return new(Admin) }}
}

const adminBase = "/vendgate/"

// adminCalls are the calls by method and path.
var adminCalls = map[string]func(*adminCall) error{
	"GET " + adminBase + "tenants":               (*adminCall).listTenants,
	"POST " + adminBase + "tenants":              (*adminCall).createTenant,
	"POST " + adminBase + "tenants/{id}/rotate":  (*adminCall).rotateKey,
	"POST " + adminBase + "tenants/{id}/promote": (*adminCall).promoteKey,
	"POST " + adminBase + "tenants/{id}/disable": (*adminCall).disableTenant,
	"POST " + adminBase + "tenants/{id}/mcp-url": (*adminCall).issueMCPURL,
	"GET " + adminBase + "audit":                 (*adminCall).readAudit,
	adminBase: func(*adminCall) error {
		return vending.Refuse(vending.InvalidRequest, "no such endpoint, or not by this method")
	},
}

// Routes implements caddy.AdminRouter. Caddy's own mux would answer in plain text what it does not
// know, so that it gets one route only.
func (*Admin) Routes() []caddy.AdminRoute {
	mux := http.NewServeMux()
	for pattern, serve := range adminCalls {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { answerAdmin(w, r, serve) })
	}
	handler := func(w http.ResponseWriter, r *http.Request) error { mux.ServeHTTP(w, r); return nil }
	return []caddy.AdminRoute{{Pattern: adminBase, Handler: caddy.AdminHandlerFunc(handler)}}
}

// adminCall is one call of the admin API.
type adminCall struct {
	w     http.ResponseWriter
	r     *http.Request
	app   *App
	store *connect.Store
}

// answerAdmin serves a call on the configuration that runs at that moment: the admin socket
// outlives reloads.
func answerAdmin(w http.ResponseWriter, r *http.Request, serve func(*adminCall) error) {
	ctx := connect.WithActor(r.Context(), connect.Actor{Name: "operator (admin api)"})
	c := &adminCall{w: w, r: r.WithContext(ctx)}
	err := c.open()
	if err == nil {
		err = serve(c)
	}
	if err == nil {
		return
	}
	e := asRefusal(err)
	if e.Code == vending.InternalError && c.app != nil && r.Context().Err() == nil {
		c.app.assembly.log.Error("call of the admin api failed", "error", err)
	}
	vending.WriteError(w, e, nil)
}

// open finds the store of the running configuration.
func (c *adminCall) open() error {
	app, err := caddy.ActiveContext().AppIfConfigured("vendgate")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return vending.Refuse(vending.InvalidRequest, "the running configuration has no vendgate app")
	}
	if err != nil {
		return err
	}
	c.app = app.(*App)
	if c.store = c.app.assembly.store; c.store == nil {
		return vending.Refuse(vending.InvalidRequest,
			"the running configuration has no source of type local, and so no store: add source local")
	}
	return nil
}

// asRefusal makes what an operator may ask and cannot be done an answer that says so.
func asRefusal(err error) *vending.Error {
	for _, known := range []error{
		connect.ErrTenantUnknown, connect.ErrTenantExists, connect.ErrTenantDisabled, connect.ErrTwoKeys, connect.ErrOneKey,
	} {
		if errors.Is(err, known) {
			return vending.Refuse(vending.InvalidRequest, known.Error())
		}
	}
	return vending.AsError(err)
}

var _ caddy.AdminRouter = (*Admin)(nil)
