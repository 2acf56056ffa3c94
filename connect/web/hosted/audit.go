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

// record adds what concerns the link's connection to the audit trail. A failure is only
// logged: what the row is about has happened.
func (req *request) record(event connect.Event, detail string) {
	c := req.link.Connection
	row := connect.AuditRow{Event: event, Tenant: c.Tenant, Connection: c.ID, User: c.User, App: c.App, Detail: detail}
	if err := req.o.Store.Record(context.WithoutCancel(req.r.Context()), row); err != nil {
		req.o.Logger.Error("writing the audit trail", "event", event, "connection", c.ID, "error", err)
	}
}

// recordFailure records why a callback brought no grant, in the provider's own words where there
// are any.
func (req *request) recordFailure(err error) {
	var p *authorize.Error
	if !errors.As(err, &p) || !req.allow("failure") { // who holds a link must not be able to fill the trail
		return
	}
	detail := cmp.Or(p.Code, string(p.Kind))
	if p.Description != "" {
		detail += ": " + p.Description
	}
	req.record(connect.LinkFailed, detail)
}

// recordGrant records what the end user gave that differs from what was there, or was asked for:
// the end user did not enter it, and may not have noticed.
func (req *request) recordGrant(bound []vending.Field, g connect.Grant) {
	if from, to, moved := authorize.AddressChange(req.app, bound, g.Reveal().Fields); moved {
		req.record(connect.ConnectionMoved, "from "+from+" to "+to)
	}
	if missing := req.missingScopes(g); len(missing) > 0 {
		req.record(connect.ScopesNotGranted, strings.Join(missing, " "))
	}
}

// missingScopes are the scopes that were asked for and not granted.
func (req *request) missingScopes(g connect.Grant) []string {
	return req.o.Authorizer.Ungranted(req.r.Context(), req.link.Connection.Tenant, req.app, g)
}
