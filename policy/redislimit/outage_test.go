package redislimit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
)

// logged is a log that a test reads.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// started starts a limiter that fails as how says.
func started(t *testing.T, url string, how OnFailure, timeout time.Duration) (*Limiter, *logged) {
	t.Helper()
	l, _ := newLimiter(t, url, nil, Options{Timeout: timeout})
	log := new(logged)
	l.Use(how, slog.New(slog.NewTextHandler(log, nil)))
	if err := l.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l, log
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			t.Fatal(what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// TestOutage: a Redis that is killed or hangs changes to on_failure at once, with one line in the
// log, and back without a restart.
func TestOutage(t *testing.T) {
	for _, how := range []OnFailure{Local, Closed, Open} {
		for name, do := range map[string]struct{ away, back func(*services.RedisServer) }{
			"killed": {(*services.RedisServer).Kill, (*services.RedisServer).Start},
			"hangs":  {(*services.RedisServer).Freeze, (*services.RedisServer).Thaw},
		} {
			t.Run(fmt.Sprint(how, " ", name), func(t *testing.T) {
				server := services.Redis(t)
				l, log := started(t, server.URL, how, time.Second)
				acme := tenant(l, "acme", policy.Budgets{Token: 60})
				for range 40 {
					if !spend(t, l, acme, time.Now()) {
						t.Fatal("refused with units left")
					}
				}
				do.away(server)
				eventually(t, "the outage was not noticed", func() bool {
					_, _, _ = l.Reserve(t.Context(), acme.VendDraws(nil, "gmail", "c1"), time.Now())
					return l.Degraded() != ""
				})
				during(t, l, acme, how)
				do.back(server)
				eventually(t, "Redis is back, but not used", func() bool { return l.Degraded() == "" })
				text := log.String()
				if away, back := strings.Count(text, "Redis is away"), strings.Count(text, "shared again"); away < 1 ||
					away != back {
					t.Errorf("%d lines that it is away, %d that it is back:\n%s", away, back, text)
				}
				if strings.Contains(text, server.Password) {
					t.Error("the log has the password")
				}
				other, _ := started(t, server.URL, how, time.Second)
				passed := 0
				for spend(t, other, tenant(other, "acme", policy.Budgets{Token: 60}), time.Now()) {
					passed++
				}
				if how == Local && passed > 45 {
					t.Errorf("%d of 60 passed on another node after the outage: it forgave what was spent", passed)
				}
			})
		}
	}
}

// during asks for more than there is, and expects no call to wait.
func during(t *testing.T, l *Limiter, acme *policy.Tenant, how OnFailure) {
	t.Helper()
	start, passed, last := time.Now(), 0, policy.Spent{}
	for range 1000 {
		reserved, spent, err := l.Reserve(t.Context(), acme.VendDraws(nil, "gmail", "c1"), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		reserved.Commit(true)
		if last = spent; !spent.Refused() {
			passed++
		}
	}
	if took := time.Since(start); took > 500*time.Millisecond {
		t.Errorf("1000 calls took %v", took)
	}
	switch how {
	case Local:
		if passed > 20 || last.Budget != "token" {
			t.Errorf("%d passed with 20 units left, the last was refused by %q", passed, last.Budget)
		}
	case Closed:
		if passed != 0 || last.Budget != policy.BudgetLimiter || last.Wait <= 0 {
			t.Errorf("%d passed, the last refusal is %+v", passed, last)
		}
		unbounded := tenant(l, "free", policy.Budgets{})
		if !spend(t, l, unbounded, time.Now()) {
			t.Error("a call that draws on no budget was refused")
		}
	case Open:
		if passed != 1000 {
			t.Errorf("%d passed", passed)
		}
	}
}

// TestOutageShares: three nodes with evenly spread load let pass no more than the budget, and none
// starts with a full bucket.
func TestOutageShares(t *testing.T) {
	server := services.Redis(t)
	clock, nodes, passed := newClock(), make([]*Limiter, 3), 0
	for i := range nodes {
		nodes[i], _ = newLimiter(t, server.URL, clock, Options{})
		nodes[i].nodes.Store(3)
	}
	at := func(i int) *policy.Tenant { return tenant(nodes[i%3], "acme", policy.Budgets{Token: 600}) }
	for i := range 300 {
		clock.forward(time.Millisecond)
		if !spend(t, nodes[i%3], at(i), clock.Now()) {
			t.Fatal("refused")
		}
	}
	server.Kill()
	for _, l := range nodes {
		l.fail(0, context.DeadlineExceeded)
	}
	for i := range 3000 { // in a minute of which 600 units come
		clock.forward(20 * time.Millisecond)
		if spend(t, nodes[i%3], at(i), clock.Now()) {
			passed++
		}
	}
	if passed > 900 || passed < 850 {
		t.Errorf("%d passed, with 300 units left and 600 that came", passed)
	}
	// Of a tenant that no node knows there is one unit a node, and then its part.
	for i := range 3 {
		if unknown := tenant(nodes[i], "unknown", policy.Budgets{Token: 600}); !spend(t, nodes[i], unknown, clock.Now()) ||
			spend(t, nodes[i], unknown, clock.Now()) {
			t.Error("a bucket that is not known begins with one unit")
		}
	}
}

// TestOutageIsToldAfterwards: what nodes spent while Redis was away counts afterwards, whether
// Redis has kept the buckets or lost them.
func TestOutageIsToldAfterwards(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprint("lost ", lost), func(t *testing.T) {
			server := services.Redis(t)
			clock, nodes := newClock(), make([]*Limiter, 2)
			acme := make([]*policy.Tenant, 2)
			for i := range nodes {
				nodes[i], _ = newLimiter(t, server.URL, clock, Options{})
				nodes[i].nodes.Store(2)
				acme[i] = tenant(nodes[i], "acme", policy.Budgets{Token: 60})
			}
			use := func(times int) (passed int) {
				for i := range times {
					if spend(t, nodes[i%2], acme[i%2], clock.Now()) {
						passed++
					}
				}
				return passed
			}
			if n := use(20); n != 20 {
				t.Fatalf("%d of 20 passed", n)
			}
			for _, l := range nodes {
				l.Release(t.Context())
				l.fail(0, context.DeadlineExceeded)
			}
			if n := use(20); n != 20 {
				t.Fatalf("%d of 20 passed while Redis was away", n)
			}
			if lost {
				flush(t, nodes[0])
			}
			for _, l := range nodes {
				l.circuit.reset()
				l.sweep(t.Context(), false)
			}
			if n := use(60); n < 18 || n > 20 {
				t.Errorf("%d passed afterwards, of 60 that were 40 spent", n)
			}
		})
	}
}

// TestOutageLosesLeases: a Redis that comes back empty forgives no lease that other nodes got after
// the last call of the node that it first hears of again.
func TestOutageLosesLeases(t *testing.T) {
	const count, budget, step = 3, 600, 10 * time.Millisecond
	for first := range count {
		t.Run(fmt.Sprint("node ", first, " first"), func(t *testing.T) {
			server := services.Redis(t)
			clock, nodes, passed := newClock(), make([]*Limiter, count), 0
			acme := make([]*policy.Tenant, count)
			for i := range nodes {
				nodes[i], _ = newLimiter(t, server.URL, clock, Options{})
				nodes[i].nodes.Store(count)
				acme[i] = tenant(nodes[i], "acme", policy.Budgets{Token: budget})
			}
			use := func(times int) {
				for i := range times {
					clock.forward(step)
					if n := (first + i) % count; spend(t, nodes[n], acme[n], clock.Now()) {
						passed++
					}
				}
			}
			use(310)
			for _, l := range nodes {
				l.fail(0, context.DeadlineExceeded)
			}
			use(90)
			flush(t, nodes[0])
			for i := range nodes {
				l := nodes[(first+i)%count]
				l.beat(t.Context())
				if l.Degraded() != "" || l.Nodes() != count {
					t.Fatalf("%d nodes, degraded: %q", l.Nodes(), l.Degraded())
				}
				l.sweep(t.Context(), false)
			}
			use(900)
			came := int(budget * (1300 * step).Minutes())
			if most := budget + came; passed > most || passed < most-100 {
				t.Errorf("%d passed, with %d units and %d that came", passed, budget, came)
			}
		})
	}
}

// TestOutageGuesses: keys that no source accepts take no room from others while Redis is away. Else
// the guesses of one tenant would have the calls of all others refused.
func TestOutageGuesses(t *testing.T) {
	l, _ := newLimiter(t, "redis://127.0.0.1:1", newClock(), Options{})
	l.fail(0, context.DeadlineExceeded)
	mallory, now := tenant(l, "mallory", policy.Budgets{Connection: 60}), l.now()
	for i := range shards*shardSize + 5000 {
		reserved, spent, err := l.Reserve(t.Context(), mallory.VendDraws(nil, "gmail", fmt.Sprint("guess", i)), now)
		if err != nil || spent.Refused() {
			t.Fatal(i, err, spent)
		}
		reserved.Commit(false)
	}
	for i := range 1000 {
		if acme := tenant(l, fmt.Sprint("acme", i), policy.Budgets{Token: 60}); !spend(t, l, acme, now) {
			t.Fatal("a call of another tenant was refused")
		}
	}
}

// TestOutageRoom: while Redis is away, buckets that have come back make room for others.
func TestOutageRoom(t *testing.T) {
	clock := newClock()
	l, _ := newLimiter(t, "redis://127.0.0.1:1", clock, Options{})
	l.fail(0, context.DeadlineExceeded)
	for i := range 2 * shards * shardSize {
		if i%shardSize == 0 {
			clock.forward(10 * time.Second)
		}
		if acme := tenant(l, fmt.Sprint("acme", i), policy.Budgets{Token: 60}); !spend(t, l, acme, clock.Now()) {
			t.Fatalf("call %d, of a tenant with no call before, was refused", i)
		}
	}
}

// TestOutageReturn: a call that a broader budget refuses costs a narrower one nothing, while Redis
// is away too.
func TestOutageReturn(t *testing.T) {
	clock := newClock()
	l, _ := newLimiter(t, "redis://127.0.0.1:1", clock, Options{})
	l.fail(0, context.DeadlineExceeded)
	key := &policy.CallerKey{ID: "one", Tenant: "acme", Budget: 60}
	acme := tenant(l, "acme", policy.Budgets{Token: 4})
	for range 2 {
		reserved, _, _ := l.Reserve(t.Context(), acme.VendDraws(key, "gmail", "c1"), clock.Now())
		reserved.Commit(true)
		clock.forward(4 * time.Second) // in which the key's budget brings a unit, and the tenant's none
	}
	l.entries.peek(policy.BucketKey{Tenant: "acme", Kind: policy.BudgetCallerKey, Name: "one"}, func(e *entry) {
		if e.outage.debit != 1 || e.holders != 0 {
			t.Errorf("%d units spent for one call, and %d held", e.outage.debit, e.holders)
		}
	})
}

// TestEmptied: a Redis that has lost its buckets, without any call that failed, forgives nothing
// that this node knows.
func TestEmptied(t *testing.T) {
	server := services.Redis(t)
	clock := newClock()
	l, _ := newLimiter(t, server.URL, clock, Options{})
	acme := tenant(l, "acme", policy.Budgets{Token: 60})
	for range 50 {
		if !spend(t, l, acme, clock.Now()) {
			t.Fatal("refused with units left")
		}
	}
	server.Kill()
	server.Start()
	flush(t, l)
	passed := 0
	for range 60 {
		if spend(t, l, acme, clock.Now()) {
			passed++
		}
	}
	if passed > 10 || passed < 9 || l.Degraded() != "" {
		t.Errorf("%d passed with 10 units left; degraded: %q", passed, l.Degraded())
	}
}
