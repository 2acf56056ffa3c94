package manager

import (
	"context"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// revokeTimeout bounds the conversation with a provider at delete.
const revokeTimeout = 10 * time.Second

// Remainder is what is left at the provider of a connection that was deleted.
type Remainder string

// The remainders.
const (
	// Nothing: the connection never held anything.
	Nothing Remainder = "none"
	// Revoked: the provider has ended the grant.
	Revoked Remainder = "revoked"
	// Stays: the provider has no way to end the grant, or it is a key, which only its owner can
	// end. What was stored of it is gone; it ends when it is withdrawn there.
	Stays Remainder = "stays"
	// Unconfirmed: the provider was asked to end the grant, and did not say that it has.
	Unconfirmed Remainder = "unconfirmed"
)

// Deletion is what became of a connection.
type Deletion struct {
	// AppName is what people call its app.
	AppName string
	Grant   Remainder
}

// Message says it in a sentence.
func (d Deletion) Message() string {
	switch d.Grant {
	case Stays:
		return fmt.Sprintf("connection deleted; what was granted stays valid at %s until it is withdrawn there", d.AppName)
	case Unconfirmed:
		return fmt.Sprintf("connection deleted; %s did not confirm that it has revoked the grant: if it must end, "+
			"withdraw it there", d.AppName)
	}
	return "connection deleted"
}

// Delete deletes a connection and revokes its grant at the provider, where it has a revocation
// endpoint. The connection is gone first: a provider that does not answer cannot keep it. What
// became of the grant is returned; of a revocation, it is in the audit trail, too.
func (m *Manager) Delete(ctx context.Context, c Caller, id string) (Deletion, error) {
	gone, grant, err := m.o.Store.TakeConnection(ctx, c.Tenant.ID, c.User, id)
	if err != nil {
		return Deletion{}, err
	}
	d := Deletion{AppName: gone.App, Grant: Nothing}
	if gone.Status == connect.Active || !grant.IsZero() {
		d.Grant = Stays
	}
	app, known := m.o.Catalog.App(gone.App)
	if !known {
		return d, nil
	}
	d.AppName = app.Name
	// The caller may leave now; the grant must end all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	revoked, err := m.o.Revoker.Revoke(ctx, gone.Tenant, app, grant)
	row := connect.AuditRow{Event: connect.GrantRevoked, Tenant: gone.Tenant, Connection: gone.ID, User: gone.User,
		App: gone.App}
	switch {
	case err != nil:
		d.Grant, row.Event = Unconfirmed, connect.RevocationFailed
		m.o.Logger.Warn("a deleted grant could not be revoked at its provider", "connection", gone.ID, "tenant", gone.Tenant,
			"app", gone.App, "error", err)
	case !revoked:
		return d, nil
	default:
		d.Grant = Revoked
	}
	if err := m.o.Store.Record(context.WithoutCancel(ctx), row); err != nil {
		m.o.Logger.Error("recording a revocation", "connection", gone.ID, "error", err)
	}
	return d, nil
}
