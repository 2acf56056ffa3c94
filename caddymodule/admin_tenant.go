package caddymodule

import (
	"net/http"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

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
		"id": &t.ID, "email": &t.Email, "capabilities": &t.Capabilities,
		"name": &t.Brand.Name, "logo_url": &t.Brand.LogoURL, "accent": &t.Brand.Accent,
		"frame_ancestors": &t.Brand.FrameAncestors,
		"user_hint":       &t.Brand.UserHint, "unconfirmed": &t.Brand.Unconfirmed,
	})
	if err != nil {
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
	vending.WriteSuccess(c.w, http.StatusOK, "MCP URL made; it is not shown again, and the one before has ended", issued)
	return nil
}
