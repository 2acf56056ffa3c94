package dashboard

import (
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

func (req *request) keys() error { return req.showKeys(http.StatusOK, page.Keys{}) }

// showKeys shows what can be told of the keys, and what was just made.
func (req *request) showKeys(status int, view page.Keys) (err error) {
	if view.MCPIssuedAt, err = req.o.Store.MCPURLIssuedAt(req.r.Context(), req.tenant.ID); err != nil {
		return err
	}
	stored, err := req.o.Store.Tenant(req.r.Context(), req.tenant.ID)
	switch {
	case errors.Is(err, connect.ErrTenantUnknown):
		if req.alert == "" {
			req.alert = "The operator of the gateway keeps this tenant's keys: ask them for a new one."
		}
	case err != nil:
		return err
	}
	for _, k := range stored.Keys {
		view.Keys = append(view.Keys, page.Key{Fingerprint: k.Fingerprint, CreatedAt: k.CreatedAt})
	}
	view.Session = req.session()
	req.show(status, view)
	return nil
}

// rotate mints a second key. Both work until the newer one is promoted.
func (req *request) rotate() error {
	key, err := req.o.Store.RotateKey(req.r.Context(), req.tenant.ID)
	if err != nil {
		return req.refuseKeys(err)
	}
	return req.showKeys(http.StatusCreated, page.Keys{NewKey: vending.NewSecret(key)})
}

// promote retires the older key. Sessions that signed in with it end at once, and not when the
// keyring notices.
func (req *request) promote() error {
	stored, err := req.o.Store.Tenant(req.r.Context(), req.tenant.ID)
	if err != nil && !errors.Is(err, connect.ErrTenantUnknown) {
		return err
	}
	if err := req.o.Store.PromoteKey(req.r.Context(), req.tenant.ID); err != nil {
		return req.refuseKeys(err)
	}
	if len(stored.Keys) > 0 && stored.Keys[0].Fingerprint == req.fingerprint() {
		return req.signOut()
	}
	req.redirect("/keys")
	return nil
}

// refuseKeys says on the page why the keys stay as they are.
func (req *request) refuseKeys(err error) error {
	switch {
	case errors.Is(err, connect.ErrTwoKeys):
		req.alert = "There are two live keys already. Promote the newer one first."
	case errors.Is(err, connect.ErrOneKey):
		req.alert = "There is only one live key. Rotate it first."
	case errors.Is(err, connect.ErrTenantUnknown):
	default:
		return err
	}
	return req.showKeys(http.StatusConflict, page.Keys{})
}

// issueMCPURL makes the tenant's MCP URL, in place of the previous one.
func (req *request) issueMCPURL() error {
	if req.profile.Email == "" {
		req.alert = "The tenant has no email address, and an MCP URL acts for it: ask the operator of the gateway to set one."
		return req.showKeys(http.StatusConflict, page.Keys{})
	}
	token, err := req.o.Store.IssueMCPURL(req.r.Context(), req.tenant.ID)
	if err != nil {
		return err
	}
	return req.showKeys(http.StatusCreated,
		page.Keys{MCPURL: vending.NewSecret(req.where.Origin + connect.MCPPath(token.Reveal()))})
}
