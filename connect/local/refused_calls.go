package local

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

var _ vending.Noter = (*Source)(nil)

// replaceable reports whether a token endpoint brings another credential.
func (h *connectionGrant) replaceable() bool {
	return h.AuthType == vending.OAuth && (h.refreshable() || h.renews())
}

// flaggedByCalls reports whether a flag on the connection comes from refused calls alone, so that
// an accepted one lifts it: nothing but the end user brings another credential. Where there is a
// token endpoint to ask, that has the last word.
func (h *connectionGrant) flaggedByCalls() bool { return h.NeedsReconnection && !h.replaceable() }

// ended is why a connection that is flagged vends nothing.
func (h *connectionGrant) ended(cause error) *vending.Error {
	e := vending.Errorf(vending.NeedsReconnection, cause)
	if h.AuthType != vending.OAuth && h.grant.Holds() {
		e.Reason = vending.FreshCredentialRefused
	}
	return e
}

// flagRefused flags a connection whose credential an upstream has refused, if it is the one that is
// stored and no other can be obtained. One refusal may have another cause, such as something in
// the request: so calls are made with it as before, and the first one that is accepted lifts the
// flag. Only the token call, whose use is not seen here, refuses meanwhile.
func (s *Source) flagRefused(ctx context.Context, h connectionGrant, r vending.Request, c vending.Credential) {
	if h.NeedsReconnection || h.replaceable() || !c.Equal(r.Refused) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.RefreshTimeout)
	defer cancel()
	s.logFlagError(h, s.o.Store.SetRefused(ctx, h.ID, h.Version, true, "the provider refused the credential in a call"))
}

// Accepted implements [vending.Noter]. A connection whose calls are alternately refused and
// accepted is not written each time: flags are lifted at once at first, and then with pauses that
// grow.
func (s *Source) Accepted(ctx context.Context, r vending.Request, c vending.Credential) {
	what, now := sha256.Sum256([]byte(r.Connection)), s.o.Now()
	if pausing, _ := s.flagPauses.Pausing(r.Connection, what, now); pausing {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.RefreshTimeout)
	defer cancel()
	r.Force, r.HandOut = false, false
	h, err := s.read(ctx, r)
	if err != nil || !h.flaggedByCalls() {
		return
	}
	if own, err := s.credential(ctx, h); err != nil || !own.Equal(c) {
		return
	}
	if err := s.o.Store.SetRefused(ctx, h.ID, h.Version, false, ""); err != nil {
		s.logFlagError(h, err)
		return
	}
	s.flagPauses.Failed(h.ID, what, nil, now)
}

func (s *Source) logFlagError(h connectionGrant, err error) {
	if err != nil && !errors.Is(err, connect.ErrStale) && vending.AsError(err).Code != vending.ConnectionDeleted {
		s.o.Logger.Error("noting a refused credential", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "error", err)
	}
}

// isRefused reports whether err is a refusal of the token endpoint's that says nothing of the
// grant: of the client, a scope, or by an unknown code.
func isRefused(err error) bool {
	var r *tokenendpoint.Refusal
	return errors.As(err, &r) && r.Class == tokenendpoint.Rejected
}

// isEnded reports whether err is a token endpoint's word that the grant has ended.
func isEnded(err error) bool {
	var r *tokenendpoint.Refusal
	return errors.As(err, &r) && vending.AsError(err).Code == vending.NeedsReconnection
}
