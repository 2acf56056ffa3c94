package local

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errClosed       = errors.New("the source was closed")
	errStillExpired = errors.New("the provider's new token has expired already")
	errNoRenewal    = errors.New("the token has expired, and nothing is stored to renew it with")
)

const (
	// leasePoll is how often a lease of another process is looked at; a look takes microseconds.
	leasePoll = 20 * time.Millisecond
	// firstSaveWait precedes the second try to store a refreshed grant; it doubles up to saveTenths of
	// the lease: once the store takes writes again, the grant must be stored before another process
	// calls the provider.
	firstSaveWait = 50 * time.Millisecond
)

// refresh brings the connection to a later version than h, or says why not. All callers that saw
// the same version share one refresh, which goes on when they leave: a provider that rotates has
// perhaps ended the old refresh token already. What is recorded of it is recorded as the first
// caller's.
func (s *Source) refresh(ctx context.Context, h connectionGrant) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case result := <-s.startRefresh(ctx, h):
		return result.Err
	}
}

// startRefresh starts the refresh of h, or joins the one under way.
func (s *Source) startRefresh(ctx context.Context, h connectionGrant) <-chan singleflight.Result {
	key := h.ID + "/" + strconv.FormatInt(h.Version, 10)
	return s.refreshes.DoChan(key, func() (any, error) { return nil, s.runRefresh(context.WithoutCancel(ctx), h) })
}

// runRefresh keeps Close waiting, and keeps a panic from ending the whole gateway, as singleflight
// would let it. The panic's value is not logged: it may hold anything.
func (s *Source) runRefresh(ctx context.Context, h connectionGrant) (err error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return vending.Errorf(vending.UpstreamUnavailable, errClosed)
	}
	s.underWay.Add(1)
	s.mu.Unlock()
	defer s.underWay.Done()
	defer func() {
		if p := recover(); p != nil {
			s.report(h, RefreshFailed)
			err = vending.Errorf(vending.InternalError, fmt.Errorf("a refresh panicked with a %T", p))
			s.o.Logger.Error("refresh panicked", "connection", h.ID, "app", h.App, "error", err)
		}
	}()
	err = s.refreshInLease(ctx, h)
	// What only waits to be stored, or for another process, is no failure of the provider's.
	if h.renews() && !s.unsaved.has(h) && !errors.Is(err, errLeaseHeld) {
		s.renewals.record(h.ID, s.o.Now(), err)
	}
	return err
}

// refreshInLease refreshes under the row's lease, which is renewed during the provider's call and
// the storing of its answer.
func (s *Source) refreshInLease(ctx context.Context, h connectionGrant) error {
	h, stored, err := s.retrySave(ctx, h)
	if err != nil {
		s.report(h, RefreshUnsaved)
		return err
	}
	if stored && h.lasts(s.o.Now()) {
		return nil
	}
	endpoint, err := s.endpoint(ctx, h)
	if err != nil {
		s.report(h, RefreshNotConfigured)
		return err
	}
	what := endpoint.Fingerprint(h.values)
	if pausing, err := s.tokenPauses.Pausing(h.ID, what, s.o.Now()); pausing {
		return err
	}
	l, err := s.acquireLease(ctx, h)
	if err != nil {
		s.reportFailure(h, err)
	}
	if l == nil {
		return err
	}
	defer l.release() // should what follows panic
	stored, err = s.callAndStore(ctx, h, endpoint, l)
	l.release()
	// Storing a grant ends the lease by itself. With one still to be stored it is kept.
	if !stored && !s.unsaved.has(h) {
		s.releaseLease(ctx, h, l.owner)
	}
	s.pace(h, what, err)
	return err
}

// pace keeps a token endpoint that refuses us from being asked at each call. Another OAuth client
// or another grant is tried at once.
func (s *Source) pace(h connectionGrant, what [32]byte, err error) {
	switch {
	case isRefused(err) && vending.AsError(err).Code == vending.InternalError:
		s.tokenPauses.Failed(h.ID, what, err, s.o.Now())
	case err == nil:
		s.tokenPauses.Over(h.ID)
	}
}

// callAndStore calls the provider and stores what follows from its answer.
func (s *Source) callAndStore(ctx context.Context, h connectionGrant, endpoint *tokenendpoint.Endpoint,
	l *lease) (stored bool,
	err error) {
	deadline := time.Now().Add(s.o.RefreshTimeout)
	read, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// Read again under the lease: what was read before may have been refreshed since.
	current, grant, err := s.o.Store.Grant(read, h.Tenant, h.User, h.ID)
	if err != nil {
		s.reportFailure(h, err)
		return false, err
	}
	if current.Version != h.Version {
		return false, nil
	}
	h.grant, h.values = grant, grant.Reveal()
	next, refusal := s.callProvider(deadline, h, endpoint, l) //nolint:contextcheck // on purpose, see there
	// the version guards what is stored, whether the lease lasts or not
	if refusal == nil {
		err := s.saveGrant(ctx, h, connect.NewGrant(next).Verify(), l.owner)
		s.reportSaved(h, err)
		return err == nil, err
	}
	s.reportFailure(h, refusal)
	if refusal.Code == vending.NeedsReconnection {
		ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout) // the call may have used up its own
		defer cancel()
		stored = s.flagEnded(ctx, h, refusal)
	}
	return stored, refusal
}

// callProvider calls the provider in a context of the lease. The caller's may carry what looks into
// the call that it was made for, such as a trace that forwards 1xx answers to the tenant.
func (s *Source) callProvider(deadline time.Time, h connectionGrant, endpoint *tokenendpoint.Endpoint,
	l *lease) (connect.GrantValues,
	*vending.Error) {
	ctx, cancel := context.WithDeadline(l.ctx, deadline)
	defer cancel()
	next, refusal := s.callEndpoint(ctx, endpoint, h)
	if cause := context.Cause(l.ctx); refusal != nil && refusal.Code == vending.UpstreamUnavailable && cause != nil {
		s.o.Logger.Error("token call ended without its lease", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "error",
			cause)
		refusal = vending.Errorf(vending.UpstreamUnavailable, cause)
	}
	return next, refusal
}

// saveGrant stores the grant g in the place of h, and keeps trying: after a rotation there is no
// other copy. It has its own time, or a provider that answers at the last moment would leave none.
func (s *Source) saveGrant(ctx context.Context, h connectionGrant, g connect.Grant, owner string) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	wait := firstSaveWait
	for try := 1; ; try++ {
		_, err := s.o.Store.UpdateGrant(ctx, h.ID, h.Version, g, false)
		if err == nil || errors.Is(err, connect.ErrStale) {
			// Stale: an earlier try did arrive, or the end user connected again. Either way what is
			// stored is as new as can be.
			return nil
		}
		code := vending.AsError(err).Code
		if code == vending.ConnectionDeleted {
			return err
		}
		if try == 1 || !errors.Is(err, store.ErrUnavailable) { // of which the log hears otherwise
			s.o.Logger.Error("storing a refreshed grant", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "try", try,
				"error", err)
		}
		if code == vending.InvalidRequest { // too large for the store, today and tomorrow
			return vending.Errorf(vending.InternalError, fmt.Errorf("storing a refreshed grant: %w", err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			s.saveLater(h, g, owner) //nolint:contextcheck // the saver outlives every caller
			return notSaved(fmt.Errorf("storing a refreshed grant: %w", err))
		case <-timer.C:
		}
		wait = min(2*wait, s.leasePart(saveTenths))
	}
}

// notSaved is the answer to calls for which a grant was refreshed and could not be stored. A
// database server that is lost comes back by itself; else it is for an operator.
func notSaved(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return vending.Errorf(vending.InternalError, err)
}

// flagEnded records that the grant has ended, and why, so that lists and pages show it, and reports
// whether it did. The caller's answer does not depend on it.
func (s *Source) flagEnded(ctx context.Context, h connectionGrant, cause error) bool {
	if h.NeedsReconnection {
		return false
	}
	_, err := s.o.Store.EndGrant(ctx, h.ID, h.Version, h.grant, endReason(cause))
	if err != nil && !errors.Is(err, connect.ErrStale) && ctx.Err() == nil {
		s.o.Logger.Error("recording that a grant has ended", "connection", h.ID, "error", err)
	}
	return err == nil
}

// endReason is what the audit trail says of an ended grant: that another connection of the same
// account took over cannot be known here. The provider's code is bounded, and has no character that
// a terminal obeys.
func endReason(cause error) string {
	var r *tokenendpoint.Refusal
	switch {
	case !errors.As(cause, &r):
		return cause.Error()
	case r.Class == tokenendpoint.InvalidGrant:
		return strings.TrimSpace(fmt.Sprintf("refresh_token no longer valid at the provider: %d %s", r.Status, r.Code))
	default:
		return strings.TrimSpace(fmt.Sprintf("the provider refused the OAuth client that was entered: %d %s", r.Status,
			r.Code))
	}
}
