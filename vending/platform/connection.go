package platform

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// connection is what is read of `GET /connections/{id}`. needs_reconnection is not: it may be
// stale either way, and the token call decides.
type connection struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	naming
}

// naming are the members that name the app of a connection.
type naming struct {
	App   appRef `json:"app"`
	AppID string `json:"app_id"`
}

// appRef is a connection's app: an object, or its slug or id alone. The guide shows none of the
// forms, and an answer that holds neither is refused.
type appRef struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
}

func (a *appRef) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &a.Slug)
	}
	type object appRef // without this method
	return json.Unmarshal(b, (*object)(a))
}

const theConnection = "the connection"

var (
	errOtherConnection = errors.New("the platform answered with another connection than the requested one")
	errNoApp           = errors.New("the platform named an app that the catalog does not know: add an alias for it")
)

// app returns the slug of the connection's app, or "" where the key may not read connections. Only
// the app of an active connection is remembered, as it alone can never change.
func (s *Source) app(ctx context.Context, c *call) (string, error) {
	if slug, ok := s.apps.Get(c.connectionKey); ok {
		return slug, nil
	}
	if s.limited.has(c) {
		return "", nil
	}
	resp, err := s.do(ctx, c, http.MethodGet, "")
	if err != nil {
		return "", err
	}
	if resp.Status == http.StatusForbidden && codeOf(resp.Body) == vending.CapabilityDisabled {
		s.noteLimited(ctx, c)
		return "", nil
	}
	conn, err := read[connection](ctx, s, c, resp, theConnection)
	if err != nil {
		return "", err
	}
	return s.activeApp(c, conn)
}

func (s *Source) activeApp(c *call, conn *connection) (string, error) {
	if conn.ID != "" && conn.ID != c.connection {
		return "", unreadable(theConnection, errOtherConnection)
	}
	switch conn.Status {
	case "pending", "rejected", "expired":
		return "", vending.Errorf(vending.ConnectionNotActive, nil)
	}
	slug := s.slug(conn.naming)
	if slug == "" {
		return "", foreign(theConnection, errNoApp)
	}
	s.remember(c, slug)
	return slug, nil
}

// stated reports whether an app is named at all.
func (n naming) stated() bool { return n.App.ID+n.App.Slug+n.AppID != "" }

// slug returns our slug for an app as the server names it, or "". An alias outranks the server's
// slug: the operator says that the two catalogs mean different things by it.
func (s *Source) slug(n naming) string {
	for _, name := range []string{n.App.ID, n.AppID, n.App.Slug} {
		if alias, ok := s.aliases[name]; ok {
			return alias
		}
	}
	if catalog.CheckSlug(n.App.Slug) == nil {
		return n.App.Slug
	}
	return ""
}
