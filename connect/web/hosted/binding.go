package hosted

import (
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/vending"
)

// bound are the fields that say at which address the connection is that the link renews: nil for a
// new one.
func (v *request) bound() []vending.Field {
	if !v.link.Renews {
		return nil
	}
	return v.held()
}

// held are the fields that say at which address the connection is: nil for one that is still to be
// made.
func (v *request) held() []vending.Field {
	g := v.grant()
	if g.IsZero() {
		return nil
	}
	return authorize.AddressFields(v.app, g.Reveal().Fields)
}

// grant is what the connection holds by now: nothing where it is still to be made, or where its
// grant does not open, which the store has logged.
func (v *request) grant() connect.Grant {
	c := v.link.Connection
	if c.Status != connect.Active {
		return connect.Grant{}
	}
	_, g, err := v.o.Store.Grant(v.r.Context(), c.Tenant, c.User, c.ID)
	if err != nil {
		return connect.Grant{}
	}
	return g
}

// binding is what bound returns, by name.
func (v *request) binding() map[string]string {
	values := map[string]string{}
	for _, f := range v.bound() {
		values[f.Name] = f.Value
	}
	return values
}
