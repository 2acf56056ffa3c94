package redislimit

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
)

// TestCost: at a steady 200 calls a second of a tenant, a node makes at most 0.02 calls of Redis
// for each, whether the budget suffices, just suffices, or refuses most.
func TestCost(t *testing.T) {
	server := services.Redis(t)
	for _, c := range []struct {
		budget  policy.Budget
		tenants int
		seconds int
	}{
		{600, 1, 60}, {6000, 1, 60}, {12_000, 1, 60}, {60_000, 1, 60}, {600_000, 1, 60},
		{600, 100, 2}, {60_000, 1000, 2},
	} {
		t.Run(fmt.Sprintf("budget %d tenants %d", c.budget, c.tenants), func(t *testing.T) {
			clock := newClock()
			l, counted := newLimiter(t, server.URL, clock, Options{})
			l.nodes.Store(3)
			flush(t, l)
			var tenants []*policy.Tenant
			for i := range c.tenants {
				tenants = append(tenants, tenant(l, fmt.Sprint("t", i), policy.Budgets{Token: c.budget}))
			}
			load := func(seconds int) {
				for i := range seconds * 200 {
					clock.forward(5 * time.Millisecond)
					for _, each := range tenants {
						spend(t, l, each, clock.Now())
					}
					if i%100 == 0 {
						l.sweep(t.Context(), false)
					}
				}
			}
			for _, each := range tenants { // the burst is spent, where the load spends it
				if c.budget < 200*60 {
					exhaust(t, l, each, "gmail", "c1", clock.Now())
				}
			}
			load(1)
			before := counted.count()
			load(c.seconds)
			calls, requests := counted.count()-before, c.seconds*200*c.tenants
			each := float64(calls) / float64(requests)
			t.Logf("%.4f calls of Redis a request", each)
			if each > 0.02 {
				t.Errorf("%d calls of Redis for %d requests: %.4f", calls, requests, each)
			}
		})
	}
}

// gate holds calls of Redis back until it opens.
type gate struct {
	calls
	open    chan struct{}
	entered chan struct{}
	tenant  string
}

func (g *gate) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 3 && args[3] == nameOf(policy.BucketKey{Tenant: g.tenant, Kind: "token"}) {
			g.entered <- struct{}{}
			<-g.open
		}
		return next(ctx, cmd)
	}
}

// TestSingleFlight: requests of one node for one budget wait for one call, and those for others do
// not wait for it. One that is given up does not hold the others.
func TestSingleFlight(t *testing.T) {
	l, counted := newLimiter(t, services.Redis(t).URL, nil, Options{})
	g := &gate{open: make(chan struct{}), entered: make(chan struct{}, 10), tenant: "acme"}
	l.client.AddHook(g)
	acme, other := tenant(l, "acme", policy.Budgets{Token: 6000}), tenant(l, "other", policy.Budgets{Token: 6000})
	var passed atomic.Int64
	var wg sync.WaitGroup
	call := func(ctx context.Context) error {
		reserved, spent, err := l.Reserve(ctx, acme.VendDraws(nil, "gmail", "c1"), time.Now())
		if reserved.Commit(true); err == nil && !spent.Refused() {
			passed.Add(1)
		}
		return err
	}
	wg.Go(func() { _ = call(t.Context()) })
	<-g.entered
	for range 99 {
		wg.Go(func() { _ = call(t.Context()) })
	}
	if !spend(t, l, other, time.Now()) {
		t.Error("refused")
	}
	given, cancel := context.WithCancel(t.Context())
	cancel()
	if err := call(given); err == nil {
		t.Error("a request whose context has ended waits for nothing")
	}
	waiting := func() (n int) {
		l.entries.peek(acme.TokenDraw().Key, func(e *entry) { n = e.waiting })
		return n
	}
	eventually(t, "the requests do not wait", func() bool { return waiting() == 100 })
	close(g.open)
	wg.Wait()
	if passed.Load() != 100 {
		t.Errorf("%d passed", passed.Load())
	}
	// One unit for the first, all that wait in the next one; who wakes in between may need another.
	if n := counted.count(); n > 10 {
		t.Errorf("%d calls of Redis for 101 requests", n)
	}
	if n := waiting(); n != 0 {
		t.Errorf("%d still count as waiting", n)
	}
}

// TestIdle: what is leased and unused goes back when it lies idle, on a reload and at the end.
func TestIdle(t *testing.T) {
	server := services.Redis(t)
	for name, give := range map[string]func(*Limiter, *clock){
		"idle":   func(l *Limiter, c *clock) { c.forward(1100 * time.Millisecond); l.sweep(context.Background(), false) },
		"reload": func(l *Limiter, _ *clock) { l.Release(context.Background()) },
		"end":    func(l *Limiter, _ *clock) { l.stop = func() {}; _ = l.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			clock := newClock()
			l, _ := newLimiter(t, server.URL, clock, Options{})
			other, _ := newLimiter(t, server.URL, clock, Options{})
			flush(t, other)
			acme := tenant(l, "acme", policy.Budgets{Token: 6000})
			for range 1000 { // in half a second, as much as comes back in five of them
				clock.forward(500 * time.Microsecond)
				if !spend(t, l, acme, clock.Now()) {
					t.Fatal("refused")
				}
			}
			left := func() int { return other.Peek(t.Context(), acme.TokenDraw(), clock.Now()).Left }
			before := left()
			give(l, clock)
			if after := left(); before > 5040 || after < 5048 {
				t.Errorf("%d left with a lease, %d without", before, after)
			}
		})
	}
}
