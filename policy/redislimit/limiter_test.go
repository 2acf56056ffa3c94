package redislimit

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/tests/services"
)

// kinds are the limiters that must behave alike, each with a clock that the test drives.
func kinds(t *testing.T, test func(t *testing.T, l policy.Limiter, clock *clock)) {
	t.Run("memory", func(t *testing.T) { test(t, policy.NewMemory(nil), newClock()) })
	t.Run("redis", func(t *testing.T) {
		clock := newClock()
		l, _ := newLimiter(t, services.Redis(t).URL, clock, Options{})
		l.nodes.Store(1)
		test(t, l, clock)
	})
}

// exhaust makes calls until one is refused, and returns how many passed and what refused the last.
func exhaust(t *testing.T, l policy.Limiter, tenant *policy.Tenant, app, connection string, now time.Time) (
	n int, last policy.Spent) {
	t.Helper()
	for {
		reserved, spent, err := l.Reserve(t.Context(), tenant.VendDraws(nil, app, connection), now)
		if err != nil {
			t.Fatal(err)
		}
		reserved.Commit(true)
		if spent.Refused() {
			return n, spent
		}
		n++
	}
}

// TestBudget: a budget is a burst of all of it and its rate afterwards, for one that waits as long
// as told and for one that comes late.
func TestBudget(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		for _, budget := range []policy.Budget{1, 2, 7, 59, 60, 600, 100_000} {
			acme := tenant(l, fmt.Sprint("acme", int(budget)), policy.Budgets{Token: budget})
			n, last := exhaust(t, l, acme, "gmail", "c1", clock.Now())
			if n != int(budget) || last.Budget != "token" || last.Wait <= 0 {
				t.Errorf("budget %d: %d passed, then %+v", budget, n, last)
			}
			for range 5 {
				clock.forward(last.Wait)
				if !spend(t, l, acme, clock.Now()) {
					t.Errorf("budget %d: nothing after %v", budget, last.Wait)
				}
				if _, last = exhaust(t, l, acme, "gmail", "c1", clock.Now()); last.Wait > time.Minute+time.Second {
					t.Errorf("budget %d: told to wait %v", budget, last.Wait)
				}
			}
			clock.forward(time.Hour)
			if n, _ = exhaust(t, l, acme, "gmail", "c1", clock.Now()); n != int(budget) {
				t.Errorf("budget %d: %d passed after an hour", budget, n)
			}
		}
	})
}

// TestOrder: the narrowest budget refuses first, and a refusal by a wide one gives back what the
// narrower ones gave.
func TestOrder(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		apps := map[string]policy.Budget{"gmail": 40, "slack": 40}
		acme := tenant(l, "acme", policy.Budgets{Token: 50, Connection: 10, Apps: apps})
		for i, c := range []struct {
			app, connection, by string
			passed              int
		}{
			{"gmail", "c1", "connection", 10}, {"gmail", "c1", "connection", 0}, {"gmail", "c2", "connection", 10},
			{"slack", "c3", "connection", 10}, {"gmail", "c4", "connection", 10}, {"gmail", "c5", "connection", 10},
			{"slack", "c6", "token", 0}, {"gmail", "c6", "app", 0},
		} {
			n, last := exhaust(t, l, acme, c.app, c.connection, clock.Now())
			if n != c.passed || last.Budget != c.by {
				t.Errorf("%d: %d passed, then %+v; want %d, %s", i, n, last, c.passed, c.by)
			}
		}
		raised := *acme
		raised.Budgets.Token = 500
		if n, last := exhaust(t, l, &raised, "slack", "c6", clock.Now()); n != 10 {
			t.Errorf("%d of 10 passed, then %+v: a call that the token budget refused cost the connection's", n, last)
		}
	})
}

// TestAdjust: a larger budget leaves more at once, by the difference, and a change back and forth
// forgives nothing.
func TestAdjust(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		for i, c := range []struct {
			budgets []policy.Budget
			passed  []int
			later   int // after a second
		}{
			{[]policy.Budget{60, 600}, []int{60, 540}, 10},
			{[]policy.Budget{600, 60, 600}, []int{600, 0, 0}, 10},
			{[]policy.Budget{600, 60}, []int{600, 0}, 0},
			{[]policy.Budget{60, 120, 600}, []int{60, 60, 480}, 10},
		} {
			acme := tenant(l, fmt.Sprint("acme", i), policy.Budgets{})
			for j, b := range c.budgets {
				acme.Budgets.Token = b
				if n, _ := exhaust(t, l, acme, "gmail", "c1", clock.Now()); n != c.passed[j] {
					t.Errorf("%v: %d passed of the %d", c.budgets, n, b)
				}
			}
			clock.forward(1001 * time.Millisecond)
			if n, _ := exhaust(t, l, acme, "gmail", "c1", clock.Now()); n != c.later {
				t.Errorf("%v: %d passed after a second, want %d", c.budgets, n, c.later)
			}
		}
	})
}

// TestPeek: what is left is told, and to tell it spends nothing.
func TestPeek(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		budgets := policy.Budgets{Token: 600, Connection: 20, Apps: map[string]policy.Budget{"gmail": 30, "free": 0}}
		acme := tenant(l, "acme", budgets)
		for range 2 {
			if level := l.Peek(t.Context(), acme.TokenDraw(), clock.Now()); level != (policy.Level{Left: 600}) {
				t.Errorf("a full one: %+v", level)
			}
		}
		for range 7 {
			spend(t, l, acme, clock.Now())
		}
		if level := l.Peek(t.Context(), acme.TokenDraw(), clock.Now()); level.Left != 593 ||
			level.Full < 700*time.Millisecond || level.Full > 5*time.Second {
			t.Errorf("after 7: %+v", level)
		}
		if apps := policy.AppsLeft(t.Context(), l, acme, clock.Now()); len(apps) != 1 || apps[0].Left != 23 {
			t.Errorf("apps: %v", apps)
		}
		connections := policy.ConnectionsLeft(t.Context(), l, acme, 5, clock.Now())
		if len(connections) != 1 || connections[0] != (policy.Remaining{Name: "c1", Budget: 20, Left: 13}) {
			t.Errorf("connections: %v", connections)
		}
	})
}

// TestParallel: however many come at once, exactly the budget passes.
func TestParallel(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		acme := tenant(l, "acme", policy.Budgets{Token: 5000, Connection: 600})
		var passed atomic.Int64
		var wg sync.WaitGroup
		for range 1500 {
			wg.Go(func() {
				reserved, spent, err := l.Reserve(t.Context(), acme.VendDraws(nil, "gmail", "c1"), clock.Now())
				if reserved.Commit(true); err == nil && !spent.Refused() {
					passed.Add(1)
				}
			})
		}
		wg.Wait()
		if passed.Load() != 600 {
			t.Errorf("%d of 600 passed", passed.Load())
		}
	})
}

// TestGuess: a guessed connection costs the tenant's own budget, and leaves nothing behind.
func TestGuess(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		acme := tenant(l, "acme", policy.Budgets{Token: 1000, Connection: 5})
		for i := range 300 {
			reserved, spent, err := l.Reserve(t.Context(), acme.VendDraws(nil, "gmail", fmt.Sprint("guess", i)), clock.Now())
			if err != nil || spent.Refused() {
				t.Fatal(err, spent)
			}
			reserved.Commit(false)
		}
		redis, ok := l.(*Limiter)
		if !ok {
			return
		}
		redis.sweep(t.Context(), true)
		redis.sweep(t.Context(), true)
		if keys := redis.client.Keys(t.Context(), "vendgate:*").Val(); len(keys) != 1 {
			t.Errorf("%d keys in Redis: %.200v", len(keys), keys)
		}
		entries := 0
		redis.entries.each(func(*entry) bool { entries++; return false })
		if entries != 1 {
			t.Errorf("%d entries", entries)
		}
		if n, last := exhaust(t, l, acme, "gmail", "guess7", clock.Now()); n != 5 {
			t.Errorf("%d of 5 passed, then %+v", n, last)
		}
	})
}

// TestUnverified: a new key for each call spends what all unverified tenants share, and one whose
// key was accepted no longer does.
func TestUnverified(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		b := policy.Budgets{Token: 3}
		call := func(id string, accepted bool) bool {
			acme := &policy.Tenant{ID: id, Budgets: b, Unverified: true, Usage: l.Usage(policy.UnverifiedTenants, b)}
			reserved, spent, err := l.Reserve(t.Context(), acme.VendDraws(nil, "gmail", "c1"), clock.Now())
			reserved.Commit(accepted)
			return err == nil && !spent.Refused()
		}
		if !call("accepted", true) {
			t.Fatal("the first one was refused")
		}
		passed := 0
		for i := range 50 {
			if call(fmt.Sprint("wrong", i), false) {
				passed++
			}
		}
		if passed != 2 {
			t.Errorf("%d wrong keys reached the source, with 2 units left", passed)
		}
		if !call("accepted", true) {
			t.Error("an accepted key pays for the others")
		}
	})
}

// TestCallerKey: a caller key's own budget counts whether a source accepts the call or not.
func TestCallerKey(t *testing.T) {
	kinds(t, func(t *testing.T, l policy.Limiter, clock *clock) {
		acme := tenant(l, "acme", policy.Budgets{Token: 100})
		key, passed := &policy.CallerKey{ID: "one", Tenant: "acme", Budget: 3}, 0
		for range 10 {
			reserved, spent, err := l.Reserve(t.Context(), acme.VendDraws(key, "gmail", "c1"), clock.Now())
			reserved.Commit(false)
			switch {
			case err != nil:
				t.Fatal(err)
			case !spent.Refused():
				passed++
			case spent.Budget != policy.BudgetCallerKey:
				t.Errorf("refused by %q", spent.Budget)
			}
		}
		if passed != 3 {
			t.Errorf("%d of 3 passed", passed)
		}
	})
}
