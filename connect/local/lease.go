package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// Causes for the log.
var (
	errLeased    = errors.New("another process is refreshing the connection and has not finished in time")
	errBusy      = errors.New("the store is busy: another program keeps writing to it")
	errLapsed    = errors.New("the refresh lease could not be renewed in time")
	errTaken     = errors.New("another process has taken the refresh lease, or the connection has changed")
	errLeaseless = errors.New("a token call without a refresh lease")
)

// The parts of a lease, in tenths of how long it lasts: 5 s by default.
//
// No process waits longer for one that was killed than the lease and the pause. A process that is
// alive renews the lease at each beat, and a beat is shorter than the pause: so it has found out
// that its lease was taken over, or has stored what it could not store before, when the one that
// took it over calls the provider. That holds whatever becomes of the clock.
const (
	beatTenths   = 2 // between two renewals
	marginTenths = 2 // the token call ends that much before the lease
	pauseTenths  = 3 // between the taking over of a lease that has lapsed and the token call
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
	lasts time.Duration
	mu    sync.Mutex
	end   time.Time // of calls
	lapse *time.Timer

	stop context.CancelFunc
	done chan struct{} // closed when the renewing has ended
}

// hold renews the lease of owner on h, which was asked for at begun.
func (s *Source) hold(h holding, owner string, begun time.Time) *lease {
	renew := func(ctx context.Context) (bool, error) {
		return s.o.Store.RenewRefresh(ctx, h.ID, owner, s.o.Lease)
	}
	logger := s.o.Logger.With("connection", h.ID, "app", h.App)
	return holdLease(owner, begun, s.o.Lease-s.leasePart(marginTenths), s.leasePart(beatTenths), renew, logger)
}

func holdLease(owner string, begun time.Time, lasts, beat time.Duration, renew func(context.Context) (bool, error),
	logger *slog.Logger) *lease {
	l := &lease{owner: owner, renew: renew, logger: logger, lasts: lasts, end: begun.Add(lasts), done: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(context.WithValue(context.Background(), leaseKey{}, l))
	l.lapse = time.AfterFunc(time.Until(l.end), func() { l.cancel(errLapsed) })
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	go l.keep(ctx, beat)
	return l
}

// keep renews at every beat. A renewal that fails may succeed at the next: while the store takes no
// writes, nobody else can take the lease either.
func (l *lease) keep(ctx context.Context, beat time.Duration) {
	defer close(l.done)
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		begun := time.Now()
		renewed, err := l.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			l.logger.Warn("renewing the refresh lease", "error", err)
		case !renewed:
			l.cancel(errTaken)
			return
		default:
			l.extend(begun)
		}
	}
}

func (l *lease) extend(begun time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.end = begun.Add(l.lasts)
	l.lapse.Reset(time.Until(l.end))
}

// release stops the renewing, and what is left of the token call. The row is left as it is. A
// second release does nothing.
func (l *lease) release() {
	l.stop()
	<-l.done
	l.lapse.Stop()
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
		l.cancel(errLapsed)
	}
	return context.Cause(l.ctx)
}

type leaseKey struct{}

// guarded sends nothing without a lease.
//
// The lease is looked at when a call begins, and again when its body is about to be written:
// connecting may take seconds, and the refresh token is in the body. A process that is killed,
// stopped or cut off from the store after that may have sent the token, and nobody can call it
// back: the next owner sends it a second time. So it is with a renewal, too, that has its token in
// the URL: there is one look only.
type guarded struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	l, ok := r.Context().Value(leaseKey{}).(*lease)
	err := errLeaseless
	if ok {
		err = l.lost()
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as RoundTripper demands
		}
		return nil, err
	}
	if r.Body == nil || r.Body == http.NoBody {
		return g.next.RoundTrip(r)
	}
	out := r.WithContext(r.Context()) // a copy, as a RoundTripper changes no request
	out.Body = guardedBody{r.Body, l}
	if r.GetBody != nil { // a transport sends it once more if a connection turns out to be closed
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := r.GetBody()
			return guardedBody{body, l}, err
		}
	}
	return g.next.RoundTrip(out)
}

type guardedBody struct {
	io.ReadCloser
	lease *lease
}

func (b guardedBody) Read(p []byte) (int, error) {
	if err := b.lease.lost(); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}

// Owners of leases have names by which a source knows its own.
const (
	fresh     = "/" // of a lease that was free
	takenOver = "+" // of one that had lapsed
)

// occupied reports whether another process has begun to refresh h, or had and did not finish.
// Callers whose token lasts do not wait for what goes on then.
func (s *Source) occupied(ctx context.Context, h holding) bool {
	state, err := s.o.Store.RefreshState(ctx, h.ID)
	return err == nil && state.Version == h.Version && state.Owner != "" && !strings.HasPrefix(state.Owner, s.name+fresh)
}

// leased is the error of a call whose time ended while it waited for the refresh of h, which was as
// state says. otherwise is its cause where nobody else was the cause.
func (s *Source) leased(h holding, state connect.RefreshState, otherwise error) error {
	left := state.Left
	switch {
	case state.Version != h.Version || state.Owner == "" || strings.HasPrefix(state.Owner, s.name+fresh):
		return vending.Errorf(vending.UpstreamUnavailable, otherwise)
	case strings.HasPrefix(state.Owner, s.name+takenOver):
		left = 0 // the other's lease has ended
	}
	e := vending.Errorf(vending.UpstreamUnavailable, errLeased)
	e.Message = "another process is refreshing this connection and has not finished; call again after the seconds in " +
		"Retry-After"
	e.RetryAfter = max(left, time.Second)
	return e
}

// waited says what a caller waited for whose deadline has passed; err is what to say where that is
// nothing else than a refresh of this process.
func (s *Source) waited(ctx context.Context, h holding, err error) error {
	state, stateErr := s.o.Store.RefreshState(context.WithoutCancel(ctx), h.ID) // microseconds
	if stateErr != nil {
		return err
	}
	return s.leased(h, state, err)
}
