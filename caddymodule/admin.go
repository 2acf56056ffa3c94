package caddymodule

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

func init() { caddy.RegisterModule(new(Admin)) }

// Admin is the module `admin.api.vendgate`: what the commands `tenant` and `audit` do, on the store
// of the running server and by Caddy's admin socket. Who reaches that socket is the operator. A new
// key or MCP URL is in one response and nowhere else: Caddy logs the requests of the socket, but
// no bodies.
type Admin struct{}

// CaddyModule implements caddy.Module.
func (*Admin) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.vendgate", New: func() caddy.Module { return new(Admin) }}
}

const adminBase = "/vendgate/"

// adminCalls are the calls by method and path.
var adminCalls = map[string]func(*adminCall) error{
	"GET " + adminBase + "tenants":                 (*adminCall).listTenants,
	"POST " + adminBase + "tenants":                (*adminCall).createTenant,
	"POST " + adminBase + "tenants/{id}/rotate":    (*adminCall).rotateKey,
	"POST " + adminBase + "tenants/{id}/promote":   (*adminCall).promoteKey,
	"POST " + adminBase + "tenants/{id}/disable":   (*adminCall).disableTenant,
	"POST " + adminBase + "tenants/{id}/enable":    (*adminCall).enableTenant,
	"PATCH " + adminBase + "tenants/{id}":          (*adminCall).changeTenant,
	"DELETE " + adminBase + "tenants/{id}":         (*adminCall).deleteTenant,
	"POST " + adminBase + "tenants/{id}/mcp-url":   (*adminCall).issueMCPURL,
	"DELETE " + adminBase + "tenants/{id}/mcp-url": (*adminCall).endMCPURL,
	"GET " + adminBase + "audit":                   (*adminCall).readAudit,
	adminBase: func(*adminCall) error {
		return vending.Refuse(vending.InvalidRequest,
			"there is no such endpoint, or it has another method: check the path and the method")
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
	store *store.Store
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
		return vending.Refuse(vending.InvalidRequest,
			"the running configuration has no vendgate app: add the global option vendgate { … }")
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
		connect.ErrTenantUnknown, connect.ErrTenantExists, connect.ErrTenantDisabled, connect.ErrTenantEnabled,
		connect.ErrTenantConnected, connect.ErrTwoKeys, connect.ErrOneKey, connect.ErrNoMCPURL,
	} {
		if errors.Is(err, known) {
			return vending.Refuse(vending.InvalidRequest, known.Error())
		}
	}
	return vending.AsError(err)
}

func (c *adminCall) listTenants() error {
	if _, err := c.query(); err != nil {
		return err
	}
	tenants, err := c.store.Tenants(c.r.Context())
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "tenants found",
		map[string][]operator.Tenant{"tenants": operator.NewTenants(tenants)})
	return nil
}

func (c *adminCall) createTenant() error {
	var t connect.Tenant
	err := c.readBody(map[string]any{
		"id": &t.ID, "email": &t.Email, "capabilities": &t.Capabilities, "source": &t.Source,
		"name": &t.Brand.Name, "logo_url": &t.Brand.LogoURL, "accent": &t.Brand.Accent,
		"frame_ancestors": &t.Brand.FrameAncestors,
		"user_hint":       &t.Brand.UserHint, "unconfirmed": &t.Brand.Unconfirmed,
	})
	if err != nil {
		return err
	}
	if err := c.checkSource(t.Source); err != nil {
		return err
	}
	key, err := c.store.CreateTenant(c.r.Context(), t)
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusCreated, "tenant created; the key is not shown again", operator.NewKey(t.ID, key))
	return nil
}

func (c *adminCall) rotateKey() error {
	id := c.r.PathValue("id")
	key, err := c.store.RotateKey(c.r.Context(), id)
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "second key minted; it is not shown again, and both work until promote",
		operator.NewKey(id, key))
	return nil
}

func (c *adminCall) promoteKey() error {
	if err := c.store.PromoteKey(c.r.Context(), c.r.PathValue("id")); err != nil {
		return err
	}
	return c.writeTenant("the older key is retired")
}

func (c *adminCall) disableTenant() error {
	if err := c.store.DisableTenant(c.r.Context(), c.r.PathValue("id")); err != nil {
		return err
	}
	return c.writeTenant("tenant disabled")
}

// enableTenant brings the stored keys back: a new one, in the place of those, is minted by the
// command alone.
func (c *adminCall) enableTenant() error {
	if _, err := c.store.EnableTenant(c.r.Context(), c.r.PathValue("id"), false); err != nil {
		return err
	}
	return c.writeTenant("tenant enabled")
}

func (c *adminCall) changeTenant() error {
	var email, source string
	var change connect.TenantChange
	err := c.readBody(map[string]any{"email": &email, "capabilities": &change.Capabilities, "source": &source})
	if err != nil {
		return err
	}
	if email != "" {
		change.Email = &email
	}
	if source != "" {
		change.Source = &source
	}
	if err := c.checkSource(source); err != nil {
		return err
	}
	if err := c.store.ChangeTenant(c.r.Context(), c.r.PathValue("id"), change); err != nil {
		return err
	}
	return c.writeTenant("tenant changed")
}

// checkSource refuses a source that the running configuration lacks; the empty name is its default.
func (c *adminCall) checkSource(name string) error {
	if name == "" || c.app.assembly.sources[name] != nil {
		return nil
	}
	return vending.Refuse(vending.InvalidRequest, "source: "+c.app.assembly.noSource(name).Error())
}

// deleteTenant deletes a tenant without connections. To delete those with it takes a command: it
// may wait for providers for longer than a call lasts.
func (c *adminCall) deleteTenant() error {
	id := c.r.PathValue("id")
	if err := c.store.DeleteTenant(c.r.Context(), id); err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "tenant deleted", map[string]string{"id": id})
	return nil
}

func (c *adminCall) endMCPURL() error {
	id := c.r.PathValue("id")
	if err := c.store.EndMCPURL(c.r.Context(), id); err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "MCP URL ended", map[string]string{"tenant": id})
	return nil
}

// writeTenant answers with what the tenant is now.
func (c *adminCall) writeTenant(message string) error {
	t, err := c.store.Tenant(c.r.Context(), c.r.PathValue("id"))
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, message, operator.NewTenants([]connect.Tenant{t})[0])
	return nil
}

func (c *adminCall) issueMCPURL() error {
	id := c.r.PathValue("id")
	if err := c.app.KnowsTenant(c.r.Context(), c.store, id); err != nil {
		return err
	}
	issued, err := operator.IssueMCPURL(c.r.Context(), c.store, id, c.app.PublicURL)
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "MCP URL created; it is not shown again, and the earlier one has ended",
		issued)
	return nil
}

// auditAnswer is one page of the audit trail, newest first.
type auditAnswer struct {
	Events []operator.AuditEntry `json:"events"`
	Page   int                   `json:"page"`
	Limit  int                   `json:"limit"`
	Total  int                   `json:"total"`
}

func (c *adminCall) readAudit() error {
	f, err := c.auditFilter()
	if err != nil {
		return err
	}
	rows, total, err := c.store.Audit(c.r.Context(), f)
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.w, http.StatusOK, "events found",
		auditAnswer{operator.AuditEntries(rows), f.Page, f.Limit, total})
	return nil
}

func (c *adminCall) auditFilter() (f connect.AuditFilter, err error) {
	q, err := c.query("tenant", "connection", "event", "since", "page", "limit")
	if err != nil {
		return f, err
	}
	f.Tenant, f.Connection = q["tenant"], q["connection"]
	if f.Event, err = operator.ParseEvent(q["event"]); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "event: "+err.Error())
	}
	if f.Since, err = operator.ParseSince(q["since"], time.Now()); err != nil {
		return f, vending.Refuse(vending.InvalidRequest, "since: "+err.Error())
	}
	f.Page, f.Limit, err = connect.ParsePage(q["page"], q["limit"])
	return f, err
}

var _ caddy.AdminRouter = (*Admin)(nil)
