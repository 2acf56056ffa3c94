package local

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errLeaseHeld    = errors.New("another process is refreshing the connection and has not finished in time")
	errBusy         = errors.New("the store is busy: another program keeps writing to it")
	errLeaseExpired = errors.New("the refresh lease could not be renewed in time")
	errLeaseTaken   = errors.New("another process has taken the refresh lease, or the connection has changed")
	errNoLease      = errors.New("a token call without a refresh lease")
)

// The parts of a lease, in tenths of how long it lasts: 5 s by default.
//
// No process waits longer for one that was killed than the lease and the pause. A process that is
// alive renews the lease at each tick, and ticks are shorter apart than the pause: so it has found
// out that its lease was taken over, or has stored what it could not store before, when the one
// that took it over calls the provider. That holds whatever the clock does.
const (
	renewTenths  = 2 // between two renewals
	marginTenths = 2 // the token call ends that much before the lease
	pauseTenths  = 3 // between taking over an expired lease and the token call
	saveTenths   = 1 // between two tries to store what could not be stored: a lost server takes time to find
)

// leasePart is so many tenths of a lease.
func (s *Source) leasePart(tenths int) time.Duration { return s.o.Lease * time.Duration(tenths) / 10 }

// lease is a refresh lease that this process has, as far as it knows. It is renewed until it is
// ended.
type lease struct {
	owner string
	// ctx is that of the token call: it ends when the lease is lost, or before it could be. It is made
	// from no caller's context.
	ctx    context.Context
	cancel context.CancelCauseFunc
	// renew is [connect.Store.RenewRefresh] of this lease.
	renew  func(context.Context) (bool, error)
	logger *slog.Logger

	// lasts is how long after the beginning of a renewal calls may go on: the row's time counts from a
	// later moment.
	lasts  time.Duration
	mu     sync.Mutex
	end    time.Time // of calls
	expiry *time.Timer

	stop context.CancelFunc
	done chan struct{} // closed when the renewing has ended
}

// keepLease renews the lease of owner on h, which was requested at start, until it is released.
func (s *Source) keepLease(h connectionGrant, owner string, start time.Time) *lease {
	renew := func(ctx context.Context) (bool, error) {
		return s.o.Store.RenewRefresh(ctx, h.ID, owner, s.o.Lease)
	}
	logger := s.o.Logger.With("connection", h.ID, "app", h.App)
	return newLease(owner, start, s.o.Lease-s.leasePart(marginTenths), s.leasePart(renewTenths), renew, logger)
}

func newLease(owner string, start time.Time, lasts, every time.Duration, renew func(context.Context) (bool, error),
	logger *slog.Logger) *lease {
	l := &lease{owner: owner, renew: renew, logger: logger, lasts: lasts, end: start.Add(lasts), done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(context.WithValue(context.Background(), leaseKey{}, l))
	l.expiry = time.AfterFunc(time.Until(l.end), func() { l.cancel(errLeaseExpired) })
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.renewLoop(ctx, every)
	return l
}

// renewLoop renews at every tick. A renewal that fails may succeed at the next: while the store
// takes no writes, no other process can take the lease either.
func (l *lease) renewLoop(ctx context.Context, every time.Duration) {
	defer close(l.done)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for failed := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		start := time.Now()
		renewed, err := l.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && failed: // as the log has it
		case err != nil:
			failed = true
			l.logger.Warn("renewing the refresh lease", "error", err)
		case !renewed:
			l.cancel(errLeaseTaken)
			return
		default:
			failed = false
			l.extend(start)
		}
	}
}

func (l *lease) extend(start time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = start.Add(l.lasts)
	l.expiry.Reset(time.Until(l.end))
}

// release stops the renewing, and what is left of the token call. The row is left as it is. A
// second release does nothing.
func (l *lease) release() {
	l.stop()
	<-l.done
	l.expiry.Stop()
	l.cancel(nil)
}

// lost says why the lease is no longer this process's; nil while it is. A process that was stopped
// may get here before its timers do, and one on a machine that was suspended has a monotonic clock
// that was, too: so it asks both clocks.
func (l *lease) lost() error {
	l.mu.Lock()
	end := l.end
	l.mu.Unlock()
	if now := time.Now(); !now.Before(end) || !now.Round(0).Before(end.Round(0)) {
		l.cancel(errLeaseExpired)
	}
	return context.Cause(l.ctx)
}

// Owners of leases have names by which a source knows its own.
const (
	fresh     = "/" // of a lease that was free
	takenOver = "+" // of one that had expired
)

// refreshingElsewhere reports whether another process has begun to refresh h, or had and did not
// finish. Callers whose token lasts do not wait for what goes on then.
func (s *Source) refreshingElsewhere(ctx context.Context, h connectionGrant) bool {
	state, err := s.o.Store.RefreshState(ctx, h.ID)
	return err == nil && state.Version == h.Version && state.Owner != "" && !strings.HasPrefix(state.Owner, s.name+fresh)
}

// leaseTimeout is the error of a call whose time ended while it waited for the refresh of h, which
// was as state says. otherwise is its cause where no other process was the cause.
func (s *Source) leaseTimeout(h connectionGrant, state connect.RefreshState, otherwise error) error {
	left := state.Left
	switch {
	case state.Version != h.Version || state.Owner == "" || strings.HasPrefix(state.Owner, s.name+fresh):
		return vending.Errorf(vending.UpstreamUnavailable, otherwise)
	case strings.HasPrefix(state.Owner, s.name+takenOver):
		left = 0 // the other's lease has ended
	}
	e := vending.Errorf(vending.UpstreamUnavailable, errLeaseHeld)
	e.Message = "another process is refreshing this connection and has not finished; call again after the seconds in " +
		"Retry-After"
	e.RetryAfter = max(left, time.Second)
	return e
}

// explainTimeout says what a caller waited for whose deadline has passed; err is what to say where
// that is nothing else than a refresh of this process.
func (s *Source) explainTimeout(ctx context.Context, h connectionGrant, err error) error {
	state, stateErr := s.o.Store.RefreshState(context.WithoutCancel(ctx), h.ID) // microseconds
	if stateErr != nil {
		return err
	}
	return s.leaseTimeout(h, state, err)
}

// acquireLease waits until this process holds the lease, or another process has stored another
// version (nil). It waits at least for as long as the lease of a dead process may last.
func (s *Source) acquireLease(ctx context.Context, h connectionGrant) (*lease, error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.o.RefreshTimeout, s.o.Lease+s.leasePart(renewTenths)))
	defer cancel()
	poll := time.NewTicker(leasePoll)
	defer poll.Stop()
	var last connect.RefreshState
	for {
		state, err := s.o.Store.RefreshState(ctx, h.ID)
		switch {
		case ctx.Err() != nil:
			return nil, s.leaseTimeout(h, last, errBusy)
		case err != nil:
			return nil, err
		case state.Version != h.Version:
			return nil, nil
		case !state.Leased():
			l, err := s.takeLease(ctx, h, state)
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

// takeLease takes the lease that was free when state was read; nil if another process was faster.
// Whose expired may be alive: it gets time to find out, or to store what it could not. See
// renewTenths.
func (s *Source) takeLease(ctx context.Context, h connectionGrant, state connect.RefreshState) (*lease, error) {
	owner := s.name + fresh + rand.Text()
	if state.Owner != "" {
		owner = s.name + takenOver + rand.Text()
	}
	start := time.Now()
	acquired, err := s.o.Store.AcquireRefresh(ctx, h.ID, state, owner, s.o.Lease)
	if err != nil || !acquired {
		return nil, err
	}
	l := s.keepLease(h, owner, start) //nolint:contextcheck // it outlives this context
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

// releaseLease ends the lease of owner, which is no longer renewed.
func (s *Source) releaseLease(ctx context.Context, h connectionGrant, owner string) {
	ctx, cancel := context.WithTimeout(ctx, s.o.RefreshTimeout)
	defer cancel()
	if err := s.o.Store.ReleaseRefresh(ctx, h.ID, owner); err != nil {
		s.o.Logger.Error("releasing the refresh lease", "connection", h.ID, "error", err) // it will expire
	}
}
