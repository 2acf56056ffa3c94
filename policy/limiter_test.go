package policy

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// known returns a tenant with its usage in l.
func known(l *Memory, b Budgets) *Tenant {
	return &Tenant{ID: "acme", Budgets: b, Usage: l.Usage("acme", b)}
}

// vend reserves what a vend draws on.
func vend(l Limiter, t *Tenant, caller *CallerKey, app, connection string, now time.Time) (Reservations, Spent, bool) {
	reserved, spent, err := l.Reserve(context.Background(), t.VendDraws(caller, app, connection), now)
	return reserved, spent, err == nil && !spent.Refused()
}

// spendTimes spends n times and returns what the last refusal said, and how often one came.
func spendTimes(l *Memory, tenant *Tenant, n int, now time.Time) (last Spent, refused int) {
	for range n {
		reserved, spent, ok := vend(l, tenant, nil, "gmail", "c1", now)
		if !ok {
			last = spent
			refused++
		}
		reserved.Commit(ok)
	}
	return last, refused
}

func TestLimiterOrder(t *testing.T) {
	apps := func(b Budget) map[string]Budget { return map[string]Budget{"gmail": b, "slack": 1} }
	for name, c := range map[string]struct {
		budgets Budgets
		refused int // of ten
		by      string
		token   int // units of the token budget left
	}{
		"no bounds":               {Budgets{}, 0, "", 1<<31 - 1},
		"token":                   {Budgets{Token: 4}, 6, "token", 0},
		"connection":              {Budgets{Token: 100, Connection: 4}, 6, "connection", 96},
		"app":                     {Budgets{Token: 100, Apps: apps(4)}, 6, "app", 96},
		"connection before app":   {Budgets{Token: 100, Connection: 3, Apps: apps(3)}, 7, "connection", 97},
		"app before token":        {Budgets{Token: 3, Apps: apps(3)}, 7, "app", 0},
		"token before the others": {Budgets{Token: 2, Connection: 50, Apps: apps(50)}, 8, "token", 0},
		"another app's bound":     {Budgets{Token: 100, Apps: map[string]Budget{"slack": 1}}, 0, "", 90},
		"no token bound":          {Budgets{Connection: 4}, 6, "connection", 1<<31 - 1},
		"enough of all":           {Budgets{Token: 10, Connection: 10, Apps: apps(10)}, 0, "", 0},
		"the API is another":      {Budgets{Token: 10, API: 1}, 0, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			l, now := NewMemory(nil), time.Now()
			tenant := known(l, c.budgets)
			last, refused := spendTimes(l, tenant, 10, now)
			if refused != c.refused || last.Budget != c.by || (last.Wait > 0) != (c.refused > 0) {
				t.Errorf("%d refused, the last by %+v", refused, last)
			}
			if units, _ := tenant.Usage.token.Left(now); units != c.token {
				t.Errorf("%d of the token budget left, want %d", units, c.token)
			}
			if units, _ := tenant.Usage.api.Left(now); c.budgets.API > 0 && units != int(c.budgets.API) {
				t.Errorf("%d of the api budget left", units)
			}
		})
	}
}

// TestLimiterApart: connections, apps and tenants have their own; the token budget is the tenant's.
func TestLimiterApart(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	b := Budgets{Token: 100, Connection: 2, Apps: map[string]Budget{"gmail": 3, "slack": 3}}
	acme := known(l, b)
	other := &Tenant{ID: "other", Budgets: b, Usage: l.Usage("other", b)}
	for i, c := range []struct {
		tenant          *Tenant
		app, connection string
		by              string
	}{
		{acme, "gmail", "c1", ""}, {acme, "gmail", "c1", ""}, {acme, "gmail", "c1", "connection"},
		{acme, "gmail", "c2", ""}, {acme, "gmail", "c2", "app"}, {acme, "slack", "c3", ""}, {other, "gmail", "c1", ""},
		{other, "gmail", "c1", ""},
		{acme, "gmail", "gmail", "app"}, {other, "gmail", "c1", "connection"},
	} {
		reserved, spent, ok := vend(l, c.tenant, nil, c.app, c.connection, now)
		reserved.Commit(ok)
		if spent.Budget != c.by || ok != (c.by == "") {
			t.Errorf("call %d: %t, %+v, want %q", i, ok, spent, c.by)
		}
	}
	for tenant, want := range map[*Tenant]int{acme: 96, other: 98} {
		if units, _ := tenant.Usage.token.Left(now); units != want {
			t.Errorf("%s: %d left, want %d", tenant.ID, units, want)
		}
	}
}

// TestLimiterRejected: a vend that the source refuses costs the tenant's own budget and leaves
// nothing else.
func TestLimiterRejected(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	tenant := known(l, Budgets{Token: 1000, Connection: 5, Apps: map[string]Budget{"gmail": 500}})
	for i := range 100 {
		reserved, _, ok := vend(l, tenant, nil, "gmail", fmt.Sprint("guess", i), now)
		if !ok {
			t.Fatal("refused")
		}
		if n := l.buckets.Len(); n != 2 {
			t.Errorf("%d buckets with one call under way", n)
		}
		reserved.Commit(false)
		reserved.Commit(false) // committed once is committed
	}
	if n := l.buckets.Len(); n != 0 {
		t.Errorf("%d buckets stay", n)
	}
	if units, _ := tenant.Usage.token.Left(now); units != 900 {
		t.Errorf("%d left", units)
	}
}

// TestLimiterRefusedLeavesNothing: neither does a call that the limiter refuses after a narrower
// budget gave.
func TestLimiterRefusedLeavesNothing(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	tenant := known(l, Budgets{Token: 1, Connection: 5, Apps: map[string]Budget{"gmail": 5}})
	exhaust(tenant.Usage.token, now)
	for i := range 100 {
		reserved, spent, ok := vend(l, tenant, nil, "gmail", fmt.Sprint(i), now)
		if ok || spent.Budget != "token" || reserved != (Reservations{}) {
			t.Fatalf("%t, %+v, %+v", ok, spent, reserved)
		}
	}
	if n := l.buckets.Len(); n != 0 {
		t.Errorf("%d buckets stay", n)
	}
}

// TestLimiterUnknownTenant: a tenant without usage, or not even a name, has a budget all the same
// (hostile case 5).
func TestLimiterUnknownTenant(t *testing.T) {
	for _, id := range []string{"passed-through", ""} {
		t.Run(id, func(t *testing.T) {
			l, now := NewMemory(nil), time.Now()
			tenant := &Tenant{ID: id, Budgets: Budgets{Token: 5}, Unverified: true}
			tenant.Usage = l.Usage(UnverifiedTenants, tenant.Budgets)
			last, refused := spendTimes(l, tenant, 12, now)
			if refused != 7 || last.Budget != "token" || last.Wait <= 0 {
				t.Errorf("%d refused, the last by %+v", refused, last)
			}
			if n := l.buckets.Len(); n != 1 {
				t.Errorf("%d buckets", n)
			}
			if _, refused = spendTimes(l,
				&Tenant{ID: "someone", Budgets: tenant.Budgets, Unverified: true, Usage: tenant.Usage}, 5, now); refused != 0 {
				t.Errorf("another tenant paid: %d refused", refused)
			}
		})
	}
}

// TestLimiterParallel: at the last unit of each budget exactly as many get through as there are
// units.
func TestLimiterParallel(t *testing.T) {
	apps := map[string]Budget{"gmail": 600}
	for name, c := range map[string]struct {
		budgets Budgets
		known   bool
		by      string
		token   int
	}{
		"token":               {Budgets{Token: 600, Connection: 5000}, true, "token", 0},
		"token without usage": {Budgets{Token: 600}, false, "token", 0},
		"connection": {Budgets{Token: 700, Connection: 600, Apps: map[string]Budget{"gmail": 5000}}, true,
			"connection", 100},
		"app": {Budgets{Token: 700, Apps: apps}, true, "app", 100},
	} {
		t.Run(name, func(t *testing.T) {
			l, now := NewMemory(nil), time.Now()
			tenant := &Tenant{ID: "acme", Budgets: c.budgets, Unverified: !c.known}
			tenant.Usage = l.Usage("acme", c.budgets)
			var spent atomic.Int64
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					reserved, refusal, ok := vend(l, tenant, nil, "gmail", "c1", now)
					if ok {
						spent.Add(1)
					} else if refusal.Budget != c.by {
						t.Errorf("refused by %q", refusal.Budget)
					}
					reserved.Commit(ok)
				})
			}
			wg.Wait()
			if spent.Load() != 600 {
				t.Errorf("%d vends of 600", spent.Load())
			}
			if c.known {
				if units, _ := tenant.Usage.token.Left(now); units != c.token {
					t.Errorf("%d of the token budget left, want %d", units, c.token)
				}
			}
		})
	}
}

// TestUsageOutlivesReload: a reload finds what was spent and who is in flight.
func TestUsageOutlivesReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewMemory(nil)
		before := l.Usage("acme", Budgets{Token: 60, API: 120})
		exhaust(before.token, time.Now())
		before.Enter(1)
		after := l.Usage("acme", Budgets{Token: 600, API: 6})
		if after != before || after.InFlight() != 1 {
			t.Errorf("%+v, then %+v", before, after)
		}
		tenant := &Tenant{ID: "acme", Budgets: Budgets{Token: 600, API: 6}, Usage: after}
		spend := func(d Draw) bool {
			_, spent, _ := l.Reserve(t.Context(), Draws{d}, time.Now())
			return !spent.Refused()
		}
		if !spend(tenant.TokenDraw()) || after.token.Budget() != 600 {
			t.Error("a larger budget does not count from the first call on")
		}
		if units, _ := after.token.Left(time.Now()); units != 600-60-1 {
			t.Errorf("a reload forgave what was spent: %d left", units)
		}
		if !spend(tenant.APIDraw()) {
			t.Error("the api budget is spent")
		}
		if units, _ := after.api.Left(time.Now()); units != 5 {
			t.Errorf("%d of the api budget left", units)
		}
		if l.Usage("other", Budgets{Token: 60}) == after {
			t.Error("two tenants share their usage")
		}
	})
}

// TestLimiterUnverified: a new key for each call spends what all unverified tenants share, and one
// whose key was accepted no longer does.
func TestLimiterUnverified(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	unverified := func(id string) *Tenant {
		b := Budgets{Token: 3}
		return &Tenant{ID: id, Budgets: b, Unverified: true, Usage: l.Usage(UnverifiedTenants, b)}
	}
	reserved, _, ok := vend(l, unverified("accepted"), nil, "gmail", "c1", now)
	if !ok {
		t.Fatal("the first one was refused")
	}
	reserved.Commit(true)
	passed := 0
	for i := range 50 {
		reserved, _, ok := vend(l, unverified("wrong"+string(rune('a'+i))), nil, "gmail", "c1", now)
		reserved.Commit(false)
		if ok {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d wrong keys reached the source, with 2 units left", passed)
	}
	if _, _, ok := vend(l, unverified("accepted"), nil, "gmail", "c1", now); !ok {
		t.Error("an accepted key pays for the others")
	}
	if n := l.buckets.Len(); n != 1 {
		t.Errorf("%d buckets", n)
	}
}

// TestUsageIsLeftAlone: asking for usage changes nothing; a configuration that asks
// may yet be refused.
func TestUsageIsLeftAlone(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	tenant := &Tenant{ID: "acme", Budgets: Budgets{Token: 2}}
	tenant.Usage = l.Usage("acme", tenant.Budgets)
	if _, refused := spendTimes(l, tenant, 3, now); refused != 1 {
		t.Fatalf("%d refused", refused)
	}
	l.Usage("acme", Budgets{}) // without a bound
	if _, refused := spendTimes(l, tenant, 3, now); refused != 3 {
		t.Errorf("%d of 3 refused after another configuration asked", refused)
	}
	unbounded := *tenant
	unbounded.Budgets.Token = 0
	if _, refused := spendTimes(l, &unbounded, 5, now); refused != 0 {
		t.Errorf("%d refused without a bound", refused)
	}
	if _, refused := spendTimes(l, tenant, 3, now); refused != 3 {
		t.Errorf("%d of 3 refused after the bound came back", refused)
	}
}
