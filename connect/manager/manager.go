package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Revoker ends a grant at its provider, and reports whether the provider has a way to.
type Revoker interface {
	Revoke(ctx context.Context, tenant string, app *catalog.App, g connect.Grant) (revoked bool, err error)
}

// Options are what a manager works on.
type Options struct {
	Store   *store.Store
	Catalog *catalog.Catalog
	// Clients returns the OAuth client of a tenant for an app, or connect.ErrNoOAuthClient.
	Clients func(ctx context.Context, tenant, app string) (connect.OAuthClient, error)
	// Registered returns the slugs of the apps for which Clients finds one for a tenant. Only
	// Connectable asks.
	Registered func(ctx context.Context, tenant string) (map[string]bool, error)
	Revoker    Revoker
	// Vends reports whether a source vends from Store; nil: every one does.
	Vends func(source string) bool
	// Logger receives what no caller can be told; nil discards it.
	Logger *slog.Logger
}

// Manager works on the connections of all tenants.
type Manager struct {
	o Options
	// byName are the slugs of apps by their names in lower case; empty where several have the name.
	byName map[string]string
}

// New returns a manager over o.
func New(o Options) *Manager {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Manager{o: o, byName: make(map[string]string)}
	for _, a := range o.Catalog.Apps() {
		name := strings.ToLower(a.Name)
		if _, taken := m.byName[name]; taken {
			m.byName[name] = ""
			continue
		}
		m.byName[name] = a.Slug
	}
	return m
}

// Caller is on whose behalf something is done. It was authenticated and, where User is set,
// identified.
type Caller struct {
	Tenant *policy.Tenant
	// User is the end user; empty means all of the tenant's.
	User string
	// Key is the caller key that was used in place of a tenant key, nil for none.
	Key *policy.CallerKey
}

// RequestLink makes a link by which the caller's end user authorizes an app, named by id or slug.
// name is what the end user is shown: unlike an import, a link is never called after its app for
// want of one.
func (m *Manager) RequestLink(ctx context.Context, c Caller, app, name string) (connect.Link, error) {
	if err := checkText("app_id", app, maxAppID); err != nil {
		return connect.Link{}, err
	}
	if err := checkText("name", strings.TrimSpace(name), maxName); err != nil {
		return connect.Link{}, err
	}
	found, err := m.App(c, app)
	if err != nil {
		return connect.Link{}, err
	}
	if err := m.connectable(ctx, c, found); err != nil {
		return connect.Link{}, err
	}
	return m.o.Store.CreateLink(ctx, connect.Connection{
		Tenant: c.Tenant.ID, User: c.User, App: found.Slug, Name: name, AuthType: vending.AuthType(found.AuthType),
	})
}

// RefreshLink makes a link by which the credentials of a connection are renewed; the link before it
// ends.
func (m *Manager) RefreshLink(ctx context.Context, c Caller, id string) (connect.Link, error) {
	found, err := m.Connection(ctx, c, id)
	if err != nil {
		return connect.Link{}, err
	}
	app, err := m.App(c, found.App)
	if err != nil {
		return connect.Link{}, err
	}
	if err := m.connectable(ctx, c, app); err != nil {
		return connect.Link{}, err
	}
	return m.o.Store.RenewLink(ctx, c.Tenant.ID, c.User, id)
}

// connectable refuses a link that no end user could complete: better now, to the engineer, than on
// the page, to the customer.
func (m *Manager) connectable(ctx context.Context, c Caller, app *catalog.App) error {
	switch {
	case m.o.Vends != nil && !m.o.Vends(c.Tenant.Source):
		return vending.Refuse(vending.InvalidRequest,
			fmt.Sprintf("source %s vends for this tenant, so that no call through the gateway would find what is connected "+
				"here: connect the account there", c.Tenant.Source))
	case !app.CanAuthorize():
		return vending.Refuse(vending.InvalidRequest,
			fmt.Sprintf("app_id: end users cannot authorize %s by a link; its connections are imported", app.Slug))
	case !needsClient(app):
		return nil
	}
	_, err := connect.ResolveOAuthClient(ctx, m.o.Clients, c.Tenant.ID, app)
	var unusable *connect.OAuthClientError
	switch {
	case errors.Is(err, connect.ErrNoOAuthClient):
		return misconfigured(err, fmt.Sprintf("app_id: %s needs an OAuth client first: ask the operator of the gateway to "+
			"register one with the provider and to store it", app.Slug))
	case errors.As(err, &unusable):
		return misconfigured(err, "app_id: "+err.Error())
	}
	return err
}

// misconfigured refuses what waits for the operator; err says by its type for what.
func misconfigured(err error, message string) error {
	e := vending.Refuse(vending.InvalidRequest, message)
	e.Err = err
	return e
}

// Filter says which connections to list.
type Filter struct {
	// App is an id or a slug, perhaps of an app that has left the catalog; empty means any.
	App    string
	Status connect.Status
	// NeedsReconnection is whether the grant has ended, or nil for either.
	NeedsReconnection *bool
	Search            string
	// Page counts from 1, and Limit is 1…100; 0 means 1 and 20.
	Page, Limit int
}

// Connections returns one page of the caller's connections, newest first, and how many there are.
func (m *Manager) Connections(ctx context.Context, c Caller, f Filter) (page []connect.Connection, total int,
	err error) {
	if f.App != "" {
		if err := checkText("app_id", f.App, maxAppID); err != nil {
			return nil, 0, err
		}
	}
	return m.o.Store.Connections(ctx, connect.Filter{
		Tenant: c.Tenant.ID, User: c.User, App: f.App, Status: f.Status, NeedsReconnection: f.NeedsReconnection,
		Search: f.Search, Page: f.Page, Limit: f.Limit,
	})
}

// Connection returns one of the caller's connections. Any other is `connection_deleted`.
func (m *Manager) Connection(ctx context.Context, c Caller, id string) (connect.Connection, error) {
	return m.o.Store.Describe(ctx, c.Tenant.ID, c.User, id)
}

// LinkExpiry returns when the link ends that c waits for, rounded down to the second, or nil if it
// waits for none.
func LinkExpiry(c connect.Connection) *time.Time {
	if c.LinkExpiresAt.IsZero() || c.Status != connect.Pending && !c.RefreshPending {
		return nil
	}
	expires := c.LinkExpiresAt.Truncate(time.Second)
	return &expires
}

// Hold says that something depends on a connection; deleting it is `connection_in_use` until the
// hold is released.
func (m *Manager) Hold(ctx context.Context, c Caller, id, name string) (connect.Hold, error) {
	return m.o.Store.Hold(ctx, c.Tenant.ID, c.User, id, name)
}

// Release ends a hold, and reports whether it stood.
func (m *Manager) Release(ctx context.Context, c Caller, id, name string) (bool, error) {
	return m.o.Store.Release(ctx, c.Tenant.ID, c.User, id, name)
}
