package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/tokenendpoint"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errClosed       = errors.New("the source was closed")
	errStillExpired = errors.New("the provider's new token has expired already")
	errNoRenewal    = errors.New("the token has ended, and there is nothing to renew it with")
)

const (
	// leasePoll is how often a lease of another process is looked at; a look takes microseconds.
	leasePoll = 20 * time.Millisecond
	// firstCommitWait precedes the second try to store a refreshed grant; it doubles up to a beat of
	// the lease, for one that could be stored again is to be stored before another process calls the
	// provider.
	firstCommitWait = 50 * time.Millisecond
)

// refresh brings the connection to a later version than h, or says why not. All callers that saw
// the same version share one refresh, which goes on when they leave: a provider that rotates has
// perhaps ended the old refresh token already. What is recorded of it is recorded as the first
// caller's.
func (s *Source) refresh(ctx context.Context, h holding) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case result := <-s.begin(ctx, h):
		return result.Err
	}
}

// begin starts the refresh of h, or joins the one under way.
func (s *Source) begin(ctx context.Context, h holding) <-chan singleflight.Result {
	key := h.ID + "/" + strconv.FormatInt(h.Version, 10)
	return s.refreshes.DoChan(key, func() (any, error) { return nil, s.run(context.WithoutCancel(ctx), h) })
}

// run keeps Close waiting, and a panic from ending the whole gateway, as singleflight would have
// it. The panic's value is not logged: nobody knows what it holds.
func (s *Source) run(ctx context.Context, h holding) (err error) {
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
			err = vending.Errorf(vending.InternalError, fmt.Errorf("a refresh panicked with a %T", p))
			s.o.Logger.Error("refresh panicked", "connection", h.ID, "app", h.App, "error", err)
		}
	}()
	err = s.refreshAlone(ctx, h)
	// What only waits to be stored, or for another process, is no failure of the provider's.
	if h.renews() && !s.unstored.has(h) && !errors.Is(err, errLeased) {
		s.renewals.note(h.ID, s.o.Now(), err)
	}
	return err
}

// refreshAlone refreshes under the row's lease, which is renewed during the provider's call and the
// storing of its answer.
func (s *Source) refreshAlone(ctx context.Context, h holding) error {
	h, stored, err := s.retrySave(ctx, h)
	if err != nil || stored && h.lasts(s.o.Now()) {
		return err
	}
	endpoint, err := s.endpoint(ctx, h)
	if err != nil {
		return err
	}
	what := endpoint.Fingerprint(h.values)
	if pausing, err := s.refusals.Pausing(h.ID, what, s.o.Now()); pausing {
		return err
	}
	l, err := s.acquire(ctx, h)
	if err != nil || l == nil {
		return err
	}
	defer l.release() // should what follows panic
	stored, err = s.renew(ctx, h, endpoint, l)
	l.release()
	// Storing a grant ends the lease by itself. With one still to be stored it is kept.
	if !stored && !s.unstored.has(h) {
		s.release(ctx, h, l.owner)
	}
	s.pace(h, what, err)
	return err
}

// pace keeps a token endpoint that refuses us from being asked at each call. Another OAuth client
// or another grant is tried at once.
func (s *Source) pace(h holding, what [32]byte, err error) {
	switch {
	case isRefused(err) && vending.AsError(err).Code == vending.InternalError:
		s.refusals.Failed(h.ID, what, err, s.o.Now())
	case err == nil:
		s.refusals.Over(h.ID)
	}
}

// renew calls the provider and stores what follows from its answer.
func (s *Source) renew(ctx context.Context, h holding, endpoint *tokenendpoint.Endpoint, l *lease) (stored bool,
	err error) {
	deadline := time.Now().Add(s.o.RefreshTimeout)
	read, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	// Read again under the lease: what was read before may have been refreshed since.
	current, grant, err := s.o.Store.Grant(read, h.Tenant, h.User, h.ID)
	if err != nil {
		return false, err
	}
	if current.Version != h.Version {
		return false, nil
	}
	h.grant, h.values = grant, grant.Reveal()
	next, refusal := s.ask(deadline, h, endpoint, l) //nolint:contextcheck // on purpose, see there
	if refusal == nil {                              // the version guards what is stored, whatever has become of the lease
		err := s.commit(ctx, h, connect.NewGrant(next).Verify(), l.owner)
		return err == nil, err
	}
	if refusal.Code == vending.NeedsReconnection {
		ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout) // the call may have used up its own
		defer cancel()
		stored = s.flag(ctx, h, refusal)
	}
	return stored, refusal
}

// ask calls the provider in a context of the lease. The caller's may carry what looks into the call
// that it was made for, such as a trace that forwards 1xx answers to the tenant.
func (s *Source) ask(deadline time.Time, h holding, endpoint *tokenendpoint.Endpoint, l *lease) (connect.GrantValues,
	*vending.Error) {
	ctx, cancel := context.WithDeadline(l.ctx, deadline)
	defer cancel()
	next, refusal := s.exchange(ctx, endpoint, h)
	if cause := context.Cause(l.ctx); refusal != nil && refusal.Code == vending.UpstreamUnavailable && cause != nil {
		s.o.Logger.Error("token call ended without its lease", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "error",
			cause)
		refusal = vending.Errorf(vending.UpstreamUnavailable, cause)
	}
	return next, refusal
}

// acquire waits until this process holds the lease, or somebody else has stored another version
// (nil). It waits at least for as long as the lease of a dead process may stand.
func (s *Source) acquire(ctx context.Context, h holding) (*lease, error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.o.RefreshTimeout, s.o.Lease+s.leasePart(beatTenths)))
	defer cancel()
	poll := time.NewTicker(leasePoll)
	defer poll.Stop()
	var last connect.RefreshState
	for {
		state, err := s.o.Store.RefreshState(ctx, h.ID)
		switch {
		case ctx.Err() != nil:
			return nil, s.leased(h, last, errBusy)
		case err != nil:
			return nil, err
		case state.Version != h.Version:
			return nil, nil
		case !state.Leased():
			l, err := s.take(ctx, h, state)
			if l != nil || err != nil && ctx.Err() == nil {
				return l, err
			}
		}
		last = state
		select {
		case <-ctx.Done(): // and once around the loop to say so
		case <-s.closing:
			return nil, vending.Errorf(vending.UpstreamUnavailable, errClosed)
		case <-poll.C:
		}
	}
}

// take takes the lease that nobody held when state was read; nil if somebody was faster. Whose
// lapsed may be alive: it gets time to find out, or to store what it could not. See beatTenths.
func (s *Source) take(ctx context.Context, h holding, state connect.RefreshState) (*lease, error) {
	owner := s.name + fresh + rand.Text()
	if state.Owner != "" {
		owner = s.name + takenOver + rand.Text()
	}
	begun := time.Now()
	acquired, err := s.o.Store.AcquireRefresh(ctx, h.ID, state, owner, s.o.Lease)
	if err != nil || !acquired {
		return nil, err
	}
	l := s.hold(h, owner, begun) //nolint:contextcheck // it outlives this context
	if state.Owner == "" {
		return l, nil
	}
	s.o.Logger.Warn("taking over a refresh that did not finish", "connection", h.ID, "tenant", h.Tenant, "app", h.App)
	select {
	case <-time.After(s.leasePart(pauseTenths)):
		return l, nil
	case <-s.closing: // the row is left as it is: the next process has to pause as well
	case <-l.ctx.Done():
	}
	l.release()
	return nil, nil // the loop sees what has become of it
}

// release ends the lease of owner, which is no longer renewed.
func (s *Source) release(ctx context.Context, h holding, owner string) {
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	if err := s.o.Store.ReleaseRefresh(ctx, h.ID, owner); err != nil {
		s.o.Logger.Error("releasing the refresh lease", "connection", h.ID, "error", err) // it will lapse
	}
}

// commit stores the grant g in the place of h, and keeps trying: after a rotation there is no other
// copy. It has its own time, or a provider that answers at the last moment would leave none.
func (s *Source) commit(ctx context.Context, h holding, g connect.Grant, owner string) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	wait := firstCommitWait
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
		s.o.Logger.Error("storing a refreshed grant", "connection", h.ID, "tenant", h.Tenant, "app", h.App, "try", try,
			"error", err)
		if code == vending.InvalidRequest { // too large for the store, today and tomorrow
			return vending.Errorf(vending.InternalError, fmt.Errorf("storing a refreshed grant: %w", err))
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			s.keep(h, g, owner) //nolint:contextcheck // the keeper outlives every caller
			return vending.Errorf(vending.InternalError, fmt.Errorf("storing a refreshed grant: %w", err))
		case <-timer.C:
		}
		wait = min(2*wait, s.leasePart(beatTenths))
	}
}

// flag records that the grant has ended, and why, so that lists and pages show it, and reports
// whether it did. The caller's answer does not depend on it.
func (s *Source) flag(ctx context.Context, h holding, cause error) bool {
	if h.NeedsReconnection {
		return false
	}
	_, err := s.o.Store.EndGrant(ctx, h.ID, h.Version, h.grant, why(cause))
	if err != nil && !errors.Is(err, connect.ErrStale) && ctx.Err() == nil {
		s.o.Logger.Error("recording that a grant has ended", "connection", h.ID, "error", err)
	}
	return err == nil
}

// why is what the audit trail says of an ended grant: that another connection of the same account
// took over nobody here can know. The provider's code is bounded, and has no character that a
// terminal obeys.
func why(cause error) string {
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
