package hosted

import (
	"context"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/authorize"
	"github.com/vendgate/vendgate/vending"
)

// bound are the fields that say at which address the connection is that the link renews: nil for a new one.
func (v *visit) bound() []vending.Field {
	if !v.link.Renews {
		return nil
	}
	return v.held()
}

// held are the fields that say at which address the connection is: nil for one that is still to be made, or whose grant does not open,
// which the store has logged.
func (v *visit) held() []vending.Field {
	c := v.link.Connection
	if c.Status != connect.Active {
		return nil
	}
	_, held, err := v.o.Store.Grant(v.r.Context(), c.Tenant, c.User, c.ID)
	if err != nil {
		return nil
	}
	return authorize.Binding(v.app, held.Reveal().Fields)
}

// binding is what bound returns, by name.
func (v *visit) binding() map[string]string {
	values := map[string]string{}
	for _, f := range v.bound() {
		values[f.Name] = f.Value
	}
	return values
}

// noteMove records that the provider named another address than the connection had: nobody entered it, and nobody may have noticed.
func (v *visit) noteMove(bound []vending.Field, g connect.Grant) {
	from, to, moved := authorize.Moved(v.app, bound, g.Reveal().Fields)
	if !moved {
		return
	}
	c := v.link.Connection
	row := connect.AuditRow{
		Event: connect.ConnectionMoved, Tenant: c.Tenant, Connection: c.ID, User: c.User, App: c.App, Detail: "from " + from + " to " + to,
	}
	if err := v.o.Store.Record(context.WithoutCancel(v.r.Context()), row); err != nil {
		v.o.Logger.Error("recording that a connection moved", "connection", c.ID, "error", err)
	}
}
