package store

import (
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
)

// binding is what a grant is sealed to. Besides tenant, connection and version it holds the end
// user and the app: else a writer of the database could move a grant to their own address, or to
// an app that sends it to another host.
type binding struct {
	tenant, id, user, app string
	version               int64
}

// associatedData encodes b.
func (b binding) associatedData() []byte {
	return vault.Bind(b.version, "connection", b.tenant, b.id, b.user, b.app)
}

func bindingOf(c connect.Connection) binding {
	return binding{tenant: c.Tenant, id: c.ID, user: c.User, app: c.App, version: c.Version}
}

// clientBinding is what the secret of an OAuth client is sealed to.
type clientBinding struct {
	tenant, app, id string
	version         int64
}

func (b clientBinding) associatedData() []byte {
	return vault.Bind(b.version, "oauth_client", b.tenant, b.app, b.id)
}
