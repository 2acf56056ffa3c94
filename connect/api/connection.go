package api

import (
	"context"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/vending"
)

// appRef is the `app` of a connection.
type appRef struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// connectionAnswer is a `Connection` of the Platform API.
type connectionAnswer struct {
	ID                string         `json:"id"`
	Name              string         `json:"name"`
	App               appRef         `json:"app"`
	Status            connect.Status `json:"status"`
	ViaLink           bool           `json:"via_link"`
	NeedsReconnection bool           `json:"needs_reconnection"`
	RefreshPending    bool           `json:"refresh_pending"`
	// Verified says that the provider issued the credentials, or was seen to accept them.
	Verified bool `json:"verified"`
	// Fields are the connection's open fields; see [manager.Manager.OpenFields].
	Fields    map[string]string `json:"fields"`
	CreatedAt time.Time         `json:"created_at"`
	UpdatedAt time.Time         `json:"updated_at"`
	// ExpiresAt is null unless a link is pending.
	ExpiresAt *time.Time `json:"expires_at"`
}

func (a *API) ref(slug string) appRef { return appRef{ID: slug, Slug: slug, Name: a.name(slug)} }

// describe names an app that has left the catalog by its slug: the connection is still there.
func (a *API) describe(ctx context.Context, c connect.Connection) connectionAnswer {
	return connectionAnswer{
		ID: c.ID, Name: c.Name, App: a.ref(c.App), Status: c.Status,
		ViaLink: c.ViaLink, NeedsReconnection: c.NeedsReconnection, RefreshPending: c.RefreshPending, Verified: c.Verified,
		Fields:    a.o.Manager.OpenFields(ctx, c),
		CreatedAt: whole(c.CreatedAt), UpdatedAt: whole(c.UpdatedAt), ExpiresAt: manager.LinkExpiry(c),
	}
}

// whole rounds down to the second: some clients' RFC 3339 parsers know no fraction.
func whole(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func (a *API) getConnection(c *Call) error {
	found, err := a.o.Manager.Connection(c.R.Context(), c.Caller, c.Params["id"])
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.W, http.StatusOK, "connection found", a.describe(c.R.Context(), found))
	return nil
}

type connectionsAnswer struct {
	Connections []connectionAnswer `json:"connections"`
	Page        int                `json:"page"`
	Limit       int                `json:"limit"`
	Total       int                `json:"total"`
}

func (a *API) listConnections(c *Call) error {
	q := queryOf(c.R, "app_id", "needs_reconnection", "page", "limit")
	number, limit := q.page()
	needsReconnection := q.choice("needs_reconnection")
	if q.err != nil {
		return q.err
	}
	filter := manager.Filter{App: q.text("app_id"), NeedsReconnection: needsReconnection, Page: number, Limit: limit}
	found, total, err := a.o.Manager.Connections(c.R.Context(), c.Caller, filter)
	if err != nil {
		return err
	}
	answer := connectionsAnswer{Connections: []connectionAnswer{}, Page: number, Limit: limit, Total: total}
	for _, one := range found {
		answer.Connections = append(answer.Connections, a.describe(c.R.Context(), one))
	}
	vending.WriteSuccess(c.W, http.StatusOK, "connections found", answer)
	return nil
}

type deletedAnswer struct {
	Deleted bool `json:"deleted"`
	// Grant is what is left at the provider.
	Grant manager.Remainder `json:"grant"`
}

func (a *API) deleteConnection(c *Call) error {
	gone, err := a.o.Manager.Delete(c.R.Context(), c.Caller, c.Params["id"])
	if err != nil {
		return err
	}
	vending.WriteSuccess(c.W, http.StatusOK, gone.Message(), deletedAnswer{true, gone.Grant})
	return nil
}
