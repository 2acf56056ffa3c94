package hosted

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/vending"
)

// record adds what concerns the link's connection to the audit trail. It is told of nobody that
// this failed: what it is about has happened.
func (v *request) record(event connect.Event, detail string) {
	c := v.link.Connection
	row := connect.AuditRow{Event: event, Tenant: c.Tenant, Connection: c.ID, User: c.User, App: c.App, Detail: detail}
	if err := v.o.Store.Record(context.WithoutCancel(v.r.Context()), row); err != nil {
		v.o.Logger.Error("writing the audit trail", "event", event, "connection", c.ID, "error", err)
	}
}

// noteFailure records why a callback brought no grant, in the provider's own words where there are
// any.
func (v *request) noteFailure(err error) {
	var p *authorize.Error
	if !errors.As(err, &p) || !v.may("failure") { // who holds a link must not be able to fill the trail
		return
	}
	detail := cmp.Or(p.Code, string(p.Kind))
	if p.Description != "" {
		detail += ": " + p.Description
	}
	v.record(connect.LinkFailed, detail)
}

// noteGrant records what the end user gave that differs from what was there, or was asked for:
// nobody entered it, and nobody may have noticed.
func (v *request) noteGrant(bound []vending.Field, g connect.Grant) {
	if from, to, moved := authorize.AddressChange(v.app, bound, g.Reveal().Fields); moved {
		v.record(connect.ConnectionMoved, "from "+from+" to "+to)
	}
	if missing := v.ungranted(g); len(missing) > 0 {
		v.record(connect.ScopesNotGranted, strings.Join(missing, " "))
	}
}

// ungranted are the scopes that were asked for and not granted.
func (v *request) ungranted(g connect.Grant) []string {
	return v.o.Authorizer.Ungranted(v.r.Context(), v.link.Connection.Tenant, v.app, g)
}
