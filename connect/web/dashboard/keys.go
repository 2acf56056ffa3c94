package dashboard

import (
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/page"
	"github.com/vendgate/vendgate/vending"
)

func (v *request) keys() error { return v.showKeys(http.StatusOK, page.Keys{}) }

// showKeys shows what can be told of the keys, and what was just made.
func (v *request) showKeys(status int, view page.Keys) (err error) {
	if view.MCPIssuedAt, err = v.o.Store.MCPURLIssuedAt(v.r.Context(), v.tenant.ID); err != nil {
		return err
	}
	stored, err := v.o.Store.Tenant(v.r.Context(), v.tenant.ID)
	switch {
	case errors.Is(err, connect.ErrTenantUnknown):
		if v.alert == "" {
			v.alert = "This tenant's keys stand in the server's configuration, and are changed there."
		}
	case err != nil:
		return err
	}
	for _, k := range stored.Keys {
		view.Keys = append(view.Keys, page.Key{Fingerprint: k.Fingerprint, CreatedAt: k.CreatedAt})
	}
	view.Session = v.session()
	v.show(status, view)
	return nil
}

// rotate mints a second key. Both work until the newer one is promoted.
func (v *request) rotate() error {
	key, err := v.o.Store.RotateKey(v.r.Context(), v.tenant.ID)
	if err != nil {
		return v.refuseKeys(err)
	}
	return v.showKeys(http.StatusCreated, page.Keys{NewKey: vending.NewSecret(key)})
}

// promote retires the older key. Who is signed in by it is signed out at once, and not when the
// keyring notices.
func (v *request) promote() error {
	stored, err := v.o.Store.Tenant(v.r.Context(), v.tenant.ID)
	if err != nil && !errors.Is(err, connect.ErrTenantUnknown) {
		return err
	}
	if err := v.o.Store.PromoteKey(v.r.Context(), v.tenant.ID); err != nil {
		return v.refuseKeys(err)
	}
	if len(stored.Keys) > 0 && stored.Keys[0].Fingerprint == v.fingerprint() {
		return v.signOut()
	}
	v.redirect("/keys")
	return nil
}

// refuseKeys says on the page why the keys stay as they are.
func (v *request) refuseKeys(err error) error {
	switch {
	case errors.Is(err, connect.ErrTwoKeys):
		v.alert = "There are two live keys already. Promote the newer one first."
	case errors.Is(err, connect.ErrOneKey):
		v.alert = "There is one live key only. Rotate first."
	case errors.Is(err, connect.ErrTenantUnknown):
	default:
		return err
	}
	return v.showKeys(http.StatusConflict, page.Keys{})
}

// issueMCPURL makes the tenant's MCP URL, in the place of the one before.
func (v *request) issueMCPURL() error {
	if v.known.Email == "" {
		v.alert = "The tenant has no email address, and an MCP URL acts for it. Set one in the server's configuration."
		return v.showKeys(http.StatusConflict, page.Keys{})
	}
	token, err := v.o.Store.IssueMCPURL(v.r.Context(), v.tenant.ID)
	if err != nil {
		return err
	}
	return v.showKeys(http.StatusCreated,
		page.Keys{MCPURL: vending.NewSecret(v.where.Origin + connect.MCPPath(token.Reveal()))})
}
