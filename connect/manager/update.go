package manager

import (
	"fmt"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// UpdatableApp returns the app of found, one of the caller's connections, if its credentials can be
// replaced by what someone enters: it is active, and its app is one that is not signed in to. A
// tenant may do that itself where it may make links: it could as well complete one.
func (m *Manager) UpdatableApp(c Caller, found connect.Connection) (*catalog.App, error) {
	if err := found.CheckUpdate(); err != nil {
		return nil, err
	}
	app, err := m.App(c, found.App)
	switch {
	case err != nil:
		return nil, err
	case m.o.Vends != nil && !m.o.Vends(c.Tenant.Source):
		return nil, vending.Refuse(vending.InvalidRequest, fmt.Sprintf("source %s vends for this tenant, so that no call "+
			"through the gateway would find what is stored here: update the account there", c.Tenant.Source))
	case app.AuthType == string(vending.OAuth) && !app.ClientCredentials(), len(app.Asked()) == 0:
		return nil, vending.Refuse(vending.InvalidRequest, fmt.Sprintf("the end user signs in to %s: make a link that "+
			"refreshes the credentials", app.Slug))
	}
	return app, nil
}

// MayUpdate reports whether UpdatableApp would return an app.
func (m *Manager) MayUpdate(c Caller, found connect.Connection) bool {
	_, err := m.UpdatableApp(c, found)
	return err == nil
}
