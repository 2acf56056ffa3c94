package manager

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/vending"
)

const (
	// leaseTime outlasts the call of a provider.
	leaseTime = 30 * time.Second
	// leasePoll is how often another process's refresh is looked at, leasePatience how long it may
	// take, and leasePause how long one whose lease has expired is left to notice that.
	leasePoll     = 20 * time.Millisecond
	leasePatience = 20 * time.Second
	leasePause    = 1500 * time.Millisecond
)

// errRefreshing is of a refresh that does not end.
var errRefreshing = errors.New("another process keeps refreshing the connection: try again")

// end ends the grant of c at its provider if that can be asked to, and then here.
func (run *revocationRun) end(ctx context.Context, app *catalog.App, c connect.Connection) (Remainder, error) {
	current, grant, err := run.m.o.Store.Grant(ctx, c.Tenant, c.User, c.ID)
	switch {
	case err != nil && vending.AsError(err).Code == vending.ConnectionDeleted:
		return Nothing, nil
	case errors.Is(err, vault.ErrSealed) && run.Delete:
		return Stays, run.finish(ctx, c, Stays) // what cannot be used can still be deleted
	case err != nil:
		return Unconfirmed, err
	case !grant.Holds():
		return Nothing, run.finish(ctx, current, Nothing)
	case !revocable(app, grant):
		return Stays, run.finish(ctx, current, Stays)
	}
	return run.revoke(ctx, app, c)
}

// revocable reports whether the provider of app has a way to end the grant.
func revocable(app *catalog.App, g connect.Grant) bool {
	v := g.Reveal()
	return app != nil && app.OAuth2 != nil && app.OAuth2.RevokeURL != "" && (v.AccessToken != "" || v.RefreshToken != "")
}

// revoke ends the grant under the connection's refresh lease: the new tokens of a refresh that is
// under way would else be stored by no one, and known to their provider alone.
func (run *revocationRun) revoke(ctx context.Context, app *catalog.App, c connect.Connection) (Remainder, error) {
	store := run.m.o.Store
	owner, err := leaseRefresh(ctx, store, c.ID)
	if err != nil {
		return Unconfirmed, err
	}
	// Where the grant is deleted or replaced, the lease has ended by that.
	defer func() { _ = store.ReleaseRefresh(ctx, c.ID, owner) }()
	c, grant, err := store.Grant(ctx, c.Tenant, c.User, c.ID)
	if err != nil {
		return Unconfirmed, err
	}
	revoked, err := run.m.o.Revoker.Revoke(ctx, c.Tenant, app, grant)
	if err != nil {
		return Unconfirmed, err
	}
	left := Revoked
	if !revoked || app.ClientCredentials() { // the end user's own client lives on, and can get new tokens
		left = Stays
	}
	return left, run.finish(ctx, c, left)
}

// leaseRefresh keeps other processes from refreshing a connection, and returns the lease's owner.
func leaseRefresh(ctx context.Context, store *store.Store, id string) (owner string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, leasePatience, errRefreshing)
	defer cancel()
	owner = "revocation " + rand.Text()
	for {
		state, err := store.RefreshState(ctx, id)
		if err != nil {
			return "", err
		}
		if !state.Leased() {
			acquired, err := store.AcquireRefresh(ctx, id, state, owner, leaseTime)
			switch {
			case err != nil:
				return "", err
			case acquired && state.Owner == "":
				return owner, nil
			case acquired:
				return owner, sleep(ctx, leasePause)
			}
		}
		if err := sleep(ctx, leasePoll); err != nil {
			return "", err
		}
	}
}

// sleep returns the cause of ctx's end if that comes first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// finish deletes the connection, or erases its grant; left is what is left at the provider.
func (run *revocationRun) finish(ctx context.Context, c connect.Connection, left Remainder) error {
	store := run.m.o.Store
	switch {
	case run.Delete:
		if left == Revoked {
			if err := store.Record(ctx, rowOf(connect.GrantRevoked, c, "")); err != nil {
				return err
			}
		}
		err := store.DropConnection(ctx, c.Tenant, c.ID, c.Version)
		if err != nil && vending.AsError(err).Code == vending.ConnectionDeleted {
			return nil // by someone else
		}
		return err
	case left == Nothing, left == Stays && run.Keep:
		return nil
	case left == Revoked:
		return store.EraseGrant(ctx, c.ID, c.Version, connect.GrantRevoked, "")
	case left == Unconfirmed:
		return store.EraseGrant(ctx, c.ID, c.Version, connect.GrantErased, "the provider did not confirm that it ended it")
	default:
		return store.EraseGrant(ctx, c.ID, c.Version, connect.GrantErased, "it stays valid at the provider")
	}
}

// failed is what follows where a grant could not be ended: it is flagged, so that it is not
// refreshed, and kept to be tried again; or it is given up.
func (run *revocationRun) failed(ctx context.Context, c connect.Connection, cause error) error {
	store := run.m.o.Store
	run.m.o.Logger.Warn("a grant could not be revoked at its provider", "connection", c.ID, "tenant", c.Tenant,
		"app", c.App, "error", cause)
	if err := store.Record(ctx, rowOf(connect.RevocationFailed, c, "")); err != nil {
		return errors.Join(cause, err)
	}
	current, grant, err := store.Grant(ctx, c.Tenant, c.User, c.ID)
	switch {
	case err != nil:
		return cause
	case run.Unconfirmed:
		return run.finish(ctx, current, Unconfirmed)
	case current.NeedsReconnection:
		return cause
	}
	// Should the grant change at this moment, it is another's to say what becomes of it.
	if _, err := store.EndGrant(ctx, c.ID, current.Version, grant,
		"it could not be revoked at the provider yet"); err != nil &&
		!errors.Is(err, connect.ErrStale) {
		return errors.Join(cause, err)
	}
	return cause
}

// rowOf is the row of an event that concerns c.
func rowOf(e connect.Event, c connect.Connection, detail string) connect.AuditRow {
	return connect.AuditRow{Event: e, Tenant: c.Tenant, Connection: c.ID, User: c.User, App: c.App, Detail: detail}
}
