package local

import (
	"context"
	"crypto/subtle"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// connectionGrant is a connection with its grant, as one request read it.
type connectionGrant struct {
	connect.Connection
	app    *catalog.App
	grant  connect.Grant
	values connect.GrantValues
}

// read returns what the request may have, or why not.
func (s *Source) read(ctx context.Context, r vending.Request) (h connectionGrant, err error) {
	h.Connection, h.grant, err = s.o.Store.Grant(ctx, r.Tenant, r.User, r.Connection)
	if err != nil {
		return connectionGrant{}, err
	}
	s.unsaved.dropOlder(h.ID, h.Version)
	if h.Status != connect.Active {
		return connectionGrant{}, vending.Errorf(vending.ConnectionNotActive, nil)
	}
	if r.App != "" && r.App != h.App {
		return connectionGrant{}, vending.Errorf(vending.AppMismatch, nil)
	}
	app, ok := s.o.Catalog(h.App)
	if !ok {
		return connectionGrant{}, vending.Errorf(vending.UnknownApp, nil)
	}
	h.app, h.values = app, h.grant.Reveal()
	return h, nil
}

// action is what to do with a connectionGrant.
type action int

const (
	vend action = iota
	renew
	refresh
	reconnect
)

// decide goes by the stored grant alone. A token that is about to end, but cannot be refreshed,
// is vended while it lasts. A grant that the provider refused for good is not offered to it again.
func (h *connectionGrant) decide(r vending.Request, now time.Time, margin time.Duration) action {
	switch {
	case r.HandOut && h.NeedsReconnection, !h.grant.Holds():
		return reconnect
	case h.AuthType != vending.OAuth:
		return vend
	}
	refused := h.refused(r)
	switch {
	case h.lasts(now.Add(h.margin(margin))) && !refused:
		return vend
	case h.renews() && h.lasts(now) && !refused && !h.NeedsReconnection:
		return renew
	case h.refreshable() && !h.NeedsReconnection:
		return refresh
	case h.lasts(now) && !(refused && h.NeedsReconnection && h.replaceable()):
		return vend
	default:
		return reconnect
	}
}

// margin is at most half of the token's lifetime, counted from when it was stored: else one that
// never lives longer than the margin would be refreshed at every vend. It is just that where only a
// token that lasts brings the next one.
func (h *connectionGrant) margin(most time.Duration) time.Duration {
	half := max(0, h.values.Expiry.Sub(h.UpdatedAt)/2)
	if h.renews() {
		return half
	}
	return min(most, half)
}

// afterRefresh decides after a refresh was tried, by any process; nil is to vend.
func (h *connectionGrant) afterRefresh(r vending.Request, now time.Time, refreshErr error) error {
	switch {
	case r.HandOut && (h.NeedsReconnection || isEnded(refreshErr)):
		return h.ended(refreshErr)
	case h.AuthType != vending.OAuth, h.lasts(now) && (refreshErr == nil || !h.refused(r)):
		return nil
	case refreshErr != nil:
		return refreshErr
	case h.NeedsReconnection: // another call's refresh found that out after this one had read the row
		return h.ended(nil)
	default:
		return vending.Errorf(vending.UpstreamUnavailable, errStillExpired)
	}
}

// refreshable reports whether the grant holds what its refresh takes.
func (h *connectionGrant) refreshable() bool {
	if h.app.ClientCredentials() {
		client := tokenendpoint.ClientFromFields(h.values.Fields)
		return client.ID != "" && !client.Secret.IsZero()
	}
	return h.values.RefreshToken != ""
}

// lasts reports whether there is a token that is valid after t, as far as is known.
func (h *connectionGrant) lasts(t time.Time) bool {
	return h.values.AccessToken != "" && (h.values.Expiry.IsZero() || h.values.Expiry.After(t))
}

// refused reports whether the upstream has refused the very token that is stored. One that differs
// is newer: it was refreshed already.
func (h *connectionGrant) refused(r vending.Request) bool {
	if !r.Force {
		return false
	}
	token, ok := r.Refused.Field(vending.AccessToken)
	return !ok || subtle.ConstantTimeCompare([]byte(token), []byte(h.values.AccessToken)) == 1
}
