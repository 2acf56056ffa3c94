package pipedream

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// newTokens makes a cache whose fetches take a second and yield tokens of that lifetime.
func newTokens(lifetime time.Duration, fetches *int) *tokenCache {
	p := &tokenCache{fetch: func(ctx context.Context) (projectToken, error) {
		*fetches++
		asked := time.Now()
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return projectToken{}, unavailable("fetching", ctx.Err())
		}
		return projectToken{vending.NewSecret("t"), asked.Add(lifetime - margin)}, nil
	}}
	p.open(10 * time.Second)
	return p
}

func mustGet(t *testing.T, p *tokenCache) vending.Secret {
	t.Helper()
	secret, err := p.get(t.Context())
	if err != nil || secret.IsZero() {
		t.Fatalf("get: %v", err)
	}
	return secret
}

// TestKeptUntilTwoMinutesBefore: one fetch serves until two minutes before the end, and none after.
func TestKeptUntilTwoMinutesBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		p := newTokens(time.Hour, &fetches)
		defer p.close()
		begun := time.Now()
		first := mustGet(t, p)
		time.Sleep(time.Until(begun.Add(58*time.Minute - time.Nanosecond)))
		if mustGet(t, p) != first || fetches != 1 {
			t.Errorf("%d fetches just before", fetches)
		}
		time.Sleep(time.Nanosecond)
		if mustGet(t, p) == first || fetches != 2 {
			t.Errorf("%d fetches two minutes before the end", fetches)
		}
	})
}

// TestOneFetchInFlight: all who wait share a fetch, also one whose token is too short to be kept.
func TestOneFetchInFlight(t *testing.T) {
	for _, lifetime := range []time.Duration{time.Hour, 2 * time.Minute, time.Second} {
		synctest.Test(t, func(t *testing.T) {
			fetches := 0
			p := newTokens(lifetime, &fetches)
			defer p.close()
			var waiting sync.WaitGroup
			for range 200 {
				waiting.Go(func() { mustGet(t, p) })
			}
			waiting.Wait()
			if fetches != 1 {
				t.Errorf("lifetime %s: %d fetches", lifetime, fetches)
			}
			mustGet(t, p)
			if kept := lifetime > margin; kept != (fetches == 1) {
				t.Errorf("lifetime %s: %d fetches after another call", lifetime, fetches)
			}
		})
	}
}

// TestWaitersAreBound: each waits as long as its own context lasts, and one that leaves, the first
// above all, fails no other.
func TestWaitersAreBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		p := newTokens(time.Hour, &fetches)
		defer p.close()
		begun := time.Now()
		var waiting sync.WaitGroup
		for _, patience := range []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, 600 * time.Millisecond} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			waiting.Go(func() {
				_, err := p.get(ctx)
				if !errors.Is(err, context.DeadlineExceeded) || vending.AsError(err).Code != vending.UpstreamUnavailable ||
					time.Since(begun) != patience {
					t.Errorf("patience %s: %v after %s", patience, err, time.Since(begun))
				}
			})
			synctest.Wait() // the impatient one began the fetch
		}
		waiting.Go(func() { mustGet(t, p) })
		waiting.Wait()
		if fetches != 1 || time.Since(begun) != time.Second {
			t.Errorf("%d fetches, %s", fetches, time.Since(begun))
		}
	})
}

// TestFailureIsNotKept: the next call after a failed fetch tries again.
func TestFailureIsNotKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		p := newTokens(time.Hour, &fetches)
		defer p.close()
		working := p.fetch
		p.fetch = func(context.Context) (projectToken, error) { return projectToken{}, errShape }
		if _, err := p.get(t.Context()); !errors.Is(err, errShape) {
			t.Errorf("error %v", err)
		}
		p.fetch = working
		mustGet(t, p)
	})
}

// TestDrop: a late refusal of an old token does not cost the new one.
func TestDrop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		p := newTokens(time.Hour, &fetches)
		defer p.close()
		first := mustGet(t, p)
		p.drop(first)
		second := mustGet(t, p)
		p.drop(first)
		if mustGet(t, p) != second || fetches != 2 {
			t.Errorf("%d fetches", fetches)
		}
	})
}

// TestClose: the fetch in flight ends, who waits for it is told, and none begins any more.
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		p := newTokens(time.Hour, &fetches)
		begun := time.Now()
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if _, err := p.get(t.Context()); !errors.Is(err, context.Canceled) ||
				vending.AsError(err).Code != vending.UpstreamUnavailable {
				t.Errorf("waiting: %v", err)
			}
		})
		synctest.Wait()
		p.close()
		waiting.Wait()
		if _, err := p.get(t.Context()); !errors.Is(err, errClosed) || fetches != 1 || time.Since(begun) != 0 {
			t.Errorf("afterwards: %v, %d fetches, %s", err, fetches, time.Since(begun))
		}
	})
}

// TestFetchIsBound: a fetch without waiting callers ends by itself.
func TestFetchIsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &tokenCache{fetch: func(ctx context.Context) (projectToken, error) {
			<-ctx.Done()
			return projectToken{}, unavailable("fetching", ctx.Err())
		}}
		p.open(10 * time.Second)
		defer p.close()
		begun := time.Now()
		if _, err := p.get(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 10*time.Second {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
	})
}

// TestFetchPanics: who waits is told, no value of the panic is in the error, and the next call
// fetches again.
func TestFetchPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetches := 0
		p := newTokens(time.Hour, &fetches)
		defer p.close()
		working := p.fetch
		p.fetch = func(context.Context) (projectToken, error) { panic("NEVER") }
		_, err := p.get(t.Context())
		if vending.AsError(err).Code != vending.InternalError || strings.Contains(err.Error(), "NEVER") {
			t.Errorf("error %v", err)
		}
		p.fetch = working
		mustGet(t, p)
	})
}
