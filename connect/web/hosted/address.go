package hosted

import (
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/vending"
)

// renewedAddress are the fields that say at which address the connection is that the link renews:
// nil for a new one.
func (req *request) renewedAddress() []vending.Field {
	if !req.link.Renews {
		return nil
	}
	return req.connectionAddress()
}

// connectionAddress are the fields that say at which address the connection is: nil for one that is
// still to be made.
func (req *request) connectionAddress() []vending.Field {
	g := req.grant()
	if g.IsZero() {
		return nil
	}
	return authorize.AddressFields(req.app, g.Reveal().Fields)
}

// grant is what the connection holds by now: nothing where it is still to be made, or where its
// grant does not open, which the store has logged.
func (req *request) grant() connect.Grant {
	c := req.link.Connection
	if c.Status != connect.Active {
		return connect.Grant{}
	}
	_, g, err := req.o.Store.Grant(req.r.Context(), c.Tenant, c.User, c.ID)
	if err != nil {
		return connect.Grant{}
	}
	return g
}
