package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// leaseToOther has another process begin a refresh, which it never finishes.
func leaseToOther(t *testing.T, s *store.Store, id string, ttl time.Duration) {
	t.Helper()
	state, err := s.RefreshState(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.AcquireRefresh(t.Context(), id, state, "other", ttl); err != nil || !ok {
		t.Fatal(ok, err)
	}
}

// wantLeased checks that err says what a caller waits for, and for how long.
func wantLeased(t *testing.T, what string, err error, most time.Duration) {
	t.Helper()
	var e *vending.Error
	if !errors.As(err, &e) || e.Code != vending.UpstreamUnavailable || e.Origin != vending.FromVending ||
		!errors.Is(err, errLeaseHeld) ||
		!strings.Contains(e.Message, "another process is refreshing this connection") || e.RetryAfter < time.Second ||
		e.RetryAfter > most {
		t.Errorf("%s: %v", what, err)
	}
}

// leaseOver is a lease of 5 s, of which calls may use 4 s, over a store that is the test's.
func leaseOver(renew func(context.Context) (bool, error)) *lease {
	return newLease("me", time.Now(), 4*time.Second, time.Second, renew, slog.New(slog.DiscardHandler))
}

// TestLeaseIsRenewed holds a lease for a minute.
func TestLeaseIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewed := 0
		l := leaseOver(func(context.Context) (bool, error) { renewed++; return true, nil })
		time.Sleep(time.Minute + time.Millisecond)
		if err := l.lost(); err != nil || l.ctx.Err() != nil || renewed != 60 {
			t.Errorf("lost: %v, after %d renewals; want 60", err, renewed)
		}
		l.release()
		if err := l.lost(); err == nil || l.ctx.Err() == nil {
			t.Error("a call may go on after the lease was given back")
		}
		time.Sleep(time.Minute)
		if renewed != 60 {
			t.Errorf("it was renewed %d times more", renewed-60)
		}
	})
}

// TestLeaseThatIsNotRenewed ends calls before the row's lease ends, whatever keeps it from being
// renewed.
func TestLeaseThatIsNotRenewed(t *testing.T) {
	for name, c := range map[string]struct {
		renew func(context.Context, int) (bool, error)
		end   time.Duration // of calls
		cause error
	}{
		"the store fails": {func(context.Context, int) (bool, error) {
			return false, io.ErrShortWrite
		}, 4 * time.Second, errLeaseExpired},
		"the store does not answer": {func(ctx context.Context, _ int) (bool, error) {
			<-ctx.Done()
			return false, ctx.Err()
		}, 4 * time.Second, errLeaseExpired},
		"another process has it": {func(context.Context, int) (bool, error) {
			return false, nil
		}, time.Second, errLeaseTaken},
		"another process has it, at last": {func(_ context.Context, n int) (bool, error) {
			return n < 7, nil
		}, 7 * time.Second, errLeaseTaken},
		"the store fails after a while": {func(_ context.Context, n int) (bool, error) {
			if n < 7 {
				return true, nil
			}
			return false, io.ErrShortWrite
		}, 10 * time.Second, errLeaseExpired},
		// The row's time counts from some moment of the renewal, and not from its end.
		"a renewal takes its time": {func(_ context.Context, n int) (bool, error) {
			if n > 1 {
				return false, io.ErrShortWrite
			}
			time.Sleep(2 * time.Second)
			return true, nil
		}, 5 * time.Second, errLeaseExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := 0
				begun := time.Now()
				l := leaseOver(func(ctx context.Context) (bool, error) { n++; return c.renew(ctx, n) })
				defer l.release()
				<-l.ctx.Done()
				if took := time.Since(begun); took != c.end || !errors.Is(context.Cause(l.ctx), c.cause) ||
					!errors.Is(l.lost(), c.cause) {
					t.Errorf("calls ended after %s: %v; want %s, %v", took, context.Cause(l.ctx), c.end, c.cause)
				}
			})
		})
	}
}

// TestNothingIsSentWithoutLease: what is too late is not sent, neither at the beginning of a call
// nor once it is connected.
func TestNothingIsSentWithoutLease(t *testing.T) {
	var arrived atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if body, err := io.ReadAll(r.Body); err == nil || len(body) > 0 {
			arrived.Add(1)
		}
	}))
	defer server.Close()
	connected := func(l *lease) http.RoundTripper { return dialled{server.Client().Transport, l} }
	for name, c := range map[string]struct {
		next func(*lease) http.RoundTripper
		ctx  func(*lease) context.Context
		want error
	}{
		"without any": {connected, func(*lease) context.Context { return t.Context() }, errNoLease},
		"lapsed": {connected, func(l *lease) context.Context {
			l.mu.Lock()
			l.end = time.Now()
			l.mu.Unlock()
			return context.WithoutCancel(l.ctx) // as if its timers had not woken yet
		}, errLeaseExpired},
		"lapsed by the wall clock": {connected, func(l *lease) context.Context {
			l.mu.Lock()
			l.end = time.Now().Add(time.Hour).Round(0).Add(-2 * time.Hour)
			l.mu.Unlock()
			return context.WithoutCancel(l.ctx)
		}, errLeaseExpired},
		"taken": {connected, func(l *lease) context.Context {
			l.cancel(errLeaseTaken)
			return context.WithoutCancel(l.ctx)
		}, errLeaseTaken},
		"lapsed while it dials": {connected, func(l *lease) context.Context {
			return context.WithoutCancel(l.ctx)
		}, errLeaseExpired},
	} {
		t.Run(name, func(t *testing.T) {
			l := leaseOver(func(context.Context) (bool, error) { return true, nil })
			defer l.release()
			r, err := http.NewRequestWithContext(c.ctx(l), http.MethodPost, server.URL,
				strings.NewReader("refresh_token=canary"))
			if err != nil {
				t.Fatal(err)
			}
			res, err := leaseTransport{c.next(l)}.RoundTrip(r)
			if err == nil {
				_ = res.Body.Close()
			}
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
	server.Close() // waits for its handlers
	if n := arrived.Load(); n != 0 {
		t.Errorf("%d bodies arrived", n)
	}
}

// dialled is a transport that takes longer to connect than the lease lasts.
type dialled struct {
	http.RoundTripper
	lease *lease
}

func (d dialled) RoundTrip(r *http.Request) (*http.Response, error) {
	d.lease.mu.Lock()
	d.lease.end = time.Now()
	d.lease.mu.Unlock()
	return d.RoundTripper.RoundTrip(r)
}

// TestRetriedBodyIsGuarded: a transport that takes a body a second time must not get one without a
// guard.
func TestRetriedBodyIsGuarded(t *testing.T) {
	l := leaseOver(func(context.Context) (bool, error) { return true, nil })
	defer l.release()
	r, err := http.NewRequestWithContext(l.ctx, http.MethodPost, "http://provider.example",
		strings.NewReader("refresh_token=canary"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = leaseTransport{roundTrip(func(r *http.Request) (*http.Response, error) {
		for _, lost := range []bool{false, true} {
			if lost {
				l.cancel(errLeaseTaken)
			}
			body, err := r.GetBody()
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(body)
			if lost != errors.Is(err, errLeaseTaken) || lost != (len(text) == 0) || r.ContentLength != 20 {
				t.Errorf("lost %v: %q, %v", lost, text, err)
			}
		}
		return nil, io.ErrUnexpectedEOF
	})}.RoundTrip(r)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
