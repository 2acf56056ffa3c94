package local

import (
	"errors"

	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// tokenError maps an error of the token endpoint to a code.
func (s *Source) tokenError(h connectionGrant, err error) *vending.Error {
	var r *tokenendpoint.Refusal
	if !errors.As(err, &r) {
		return vending.Errorf(vending.InternalError, err)
	}
	switch r.Class {
	case tokenendpoint.RateLimited:
		e := vending.Errorf(vending.RateLimited, r)
		e.RetryAfter = r.RetryAfter
		return e
	case tokenendpoint.Unavailable, tokenendpoint.Malformed:
		e := vending.Errorf(vending.UpstreamUnavailable, r)
		e.RetryAfter = r.RetryAfter
		return e
	case tokenendpoint.InvalidGrant:
		return vending.Errorf(vending.NeedsReconnection, r)
	}
	if h.app.ClientCredentials() && r.BlamesClient() { // the end user, whose client it is, can correct it
		return vending.Errorf(vending.NeedsReconnection, r)
	}
	s.o.Logger.Error("token endpoint refused us", "app", h.App, "tenant", h.Tenant, "connection", h.ID, "status", r.Status,
		"provider_code", r.Code)
	return vending.Errorf(vending.InternalError, r)
}
