package policy

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// known returns a tenant with an account in l.
func known(l *Limiter, b Budgets) *Tenant {
	return &Tenant{ID: "acme", Budgets: b, Usage: l.Usage("acme", b)}
}

// spendTimes spends n times and returns what the last refusal said, and how often one came.
func spendTimes(l *Limiter, tenant *Tenant, n int, now time.Time) (last Spent, refused int) {
	for range n {
		claims, spent, ok := l.Spend(tenant, nil, "gmail", "c1", now)
		if !ok {
			last = spent
			refused++
		}
		claims.Commit(ok)
	}
	return last, refused
}

func TestLedgerOrder(t *testing.T) {
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
			l, now := NewLimiter(), time.Now()
			tenant := known(l, c.budgets)
			last, refused := spendTimes(l, tenant, 10, now)
			if refused != c.refused || last.Budget != c.by || (last.Wait > 0) != (c.refused > 0) {
				t.Errorf("%d refused, the last by %+v", refused, last)
			}
			if units, _ := tenant.Usage.Token.Left(now); units != c.token {
				t.Errorf("%d of the token budget left, want %d", units, c.token)
			}
			if units, _ := tenant.Usage.API.Left(now); c.budgets.API > 0 && units != int(c.budgets.API) {
				t.Errorf("%d of the api budget left", units)
			}
		})
	}
}

// TestLedgerApart: connections, apps and tenants have their own; the token budget is the tenant's.
func TestLedgerApart(t *testing.T) {
	l, now := NewLimiter(), time.Now()
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
		claims, spent, ok := l.Spend(c.tenant, nil, c.app, c.connection, now)
		claims.Commit(ok)
		if spent.Budget != c.by || ok != (c.by == "") {
			t.Errorf("call %d: %t, %+v, want %q", i, ok, spent, c.by)
		}
	}
	for tenant, want := range map[*Tenant]int{acme: 96, other: 98} {
		if units, _ := tenant.Usage.Token.Left(now); units != want {
			t.Errorf("%s: %d left, want %d", tenant.ID, units, want)
		}
	}
}

// TestLedgerRejected: a vend that the source refuses costs the tenant's own budget and leaves
// nothing else.
func TestLedgerRejected(t *testing.T) {
	l, now := NewLimiter(), time.Now()
	tenant := known(l, Budgets{Token: 1000, Connection: 5, Apps: map[string]Budget{"gmail": 500}})
	for i := range 100 {
		claims, _, ok := l.Spend(tenant, nil, "gmail", fmt.Sprint("guess", i), now)
		if !ok {
			t.Fatal("refused")
		}
		if n := l.allowances.Len(); n != 2 {
			t.Errorf("%d allowances with one call under way", n)
		}
		claims.Commit(false)
		claims.Commit(false) // settled once is settled
	}
	if n := l.allowances.Len(); n != 0 {
		t.Errorf("%d allowances stay", n)
	}
	if units, _ := tenant.Usage.Token.Left(now); units != 900 {
		t.Errorf("%d left", units)
	}
}

// TestLedgerRefusedLeavesNothing: neither does a call that the ledger refuses after a narrower
// budget gave.
func TestLedgerRefusedLeavesNothing(t *testing.T) {
	l, now := NewLimiter(), time.Now()
	tenant := known(l, Budgets{Token: 1, Connection: 5, Apps: map[string]Budget{"gmail": 5}})
	exhaust(tenant.Usage.Token, now)
	for i := range 100 {
		claims, spent, ok := l.Spend(tenant, nil, "gmail", fmt.Sprint(i), now)
		if ok || spent.Budget != "token" || claims != (Reservations{}) {
			t.Fatalf("%t, %+v, %+v", ok, spent, claims)
		}
	}
	if n := l.allowances.Len(); n != 0 {
		t.Errorf("%d allowances stay", n)
	}
}

// TestLedgerUnknownTenant: who has no account, or not even a name, has a budget all the same
// (hostile case 5).
func TestLedgerUnknownTenant(t *testing.T) {
	for _, id := range []string{"passed-through", ""} {
		t.Run(id, func(t *testing.T) {
			l, now := NewLimiter(), time.Now()
			tenant := &Tenant{ID: id, Budgets: Budgets{Token: 5}, Unverified: true}
			tenant.Usage = l.Usage(UnverifiedTenants, tenant.Budgets)
			last, refused := spendTimes(l, tenant, 12, now)
			if refused != 7 || last.Budget != "token" || last.Wait <= 0 {
				t.Errorf("%d refused, the last by %+v", refused, last)
			}
			if n := l.allowances.Len(); n != 1 {
				t.Errorf("%d allowances", n)
			}
			if _, refused = spendTimes(l,
				&Tenant{ID: "someone", Budgets: tenant.Budgets, Unverified: true, Usage: tenant.Usage}, 5, now); refused != 0 {
				t.Errorf("another tenant paid: %d refused", refused)
			}
		})
	}
}

// TestLedgerParallel: at the last unit of each budget exactly as many get through as there are
// units.
func TestLedgerParallel(t *testing.T) {
	apps := map[string]Budget{"gmail": 600}
	for name, c := range map[string]struct {
		budgets Budgets
		account bool
		by      string
		token   int
	}{
		"token":                 {Budgets{Token: 600, Connection: 5000}, true, "token", 0},
		"token without account": {Budgets{Token: 600}, false, "token", 0},
		"connection": {Budgets{Token: 700, Connection: 600, Apps: map[string]Budget{"gmail": 5000}}, true,
			"connection", 100},
		"app": {Budgets{Token: 700, Apps: apps}, true, "app", 100},
	} {
		t.Run(name, func(t *testing.T) {
			l, now := NewLimiter(), time.Now()
			tenant := &Tenant{ID: "acme", Budgets: c.budgets, Unverified: !c.account}
			tenant.Usage = l.Usage("acme", c.budgets)
			var spent atomic.Int64
			var wg sync.WaitGroup
			for range 1000 {
				wg.Go(func() {
					claims, refusal, ok := l.Spend(tenant, nil, "gmail", "c1", now)
					if ok {
						spent.Add(1)
					} else if refusal.Budget != c.by {
						t.Errorf("refused by %q", refusal.Budget)
					}
					claims.Commit(ok)
				})
			}
			wg.Wait()
			if spent.Load() != 600 {
				t.Errorf("%d vends of 600", spent.Load())
			}
			if c.account {
				if units, _ := tenant.Usage.Token.Left(now); units != c.token {
					t.Errorf("%d of the token budget left, want %d", units, c.token)
				}
			}
		})
	}
}

// TestAccountOutlivesReload: a reload finds what was spent and who is in flight.
func TestAccountOutlivesReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := NewLimiter()
		before := l.Usage("acme", Budgets{Token: 60, API: 120})
		exhaust(before.Token, time.Now())
		before.Enter(1)
		after := l.Usage("acme", Budgets{Token: 600, API: 6})
		if after != before || after.InFlight() != 1 {
			t.Errorf("%+v, then %+v", before, after)
		}
		if _, ok := after.SpendToken(600, time.Now()); ok || after.Token.Budget() != 600 {
			t.Error("a reload forgave what was spent")
		}
		if _, ok := after.SpendAPI(6, time.Now()); !ok {
			t.Error("the api budget is spent")
		}
		if units, _ := after.API.Left(time.Now()); units != 5 {
			t.Errorf("%d of the api budget left", units)
		}
		if l.Usage("other", Budgets{Token: 60}) == after {
			t.Error("two tenants have one account")
		}
	})
}

// TestLedgerStrangers: whoever brings a new key for each call spends what all strangers share, and
// a stranger whose key was accepted no longer does.
func TestLedgerStrangers(t *testing.T) {
	l, now := NewLimiter(), time.Now()
	stranger := func(id string) *Tenant {
		b := Budgets{Token: 3}
		return &Tenant{ID: id, Budgets: b, Unverified: true, Usage: l.Usage(UnverifiedTenants, b)}
	}
	claims, _, ok := l.Spend(stranger("accepted"), nil, "gmail", "c1", now)
	if !ok {
		t.Fatal("the first stranger was refused")
	}
	claims.Commit(true)
	passed := 0
	for i := range 50 {
		claims, _, ok := l.Spend(stranger("wrong"+string(rune('a'+i))), nil, "gmail", "c1", now)
		claims.Commit(false)
		if ok {
			passed++
		}
	}
	if passed != 2 {
		t.Errorf("%d wrong keys reached the source, with 2 units left", passed)
	}
	if _, _, ok := l.Spend(stranger("accepted"), nil, "gmail", "c1", now); !ok {
		t.Error("an accepted stranger pays for the others")
	}
	if n := l.allowances.Len(); n != 1 {
		t.Errorf("%d allowances", n)
	}
}

// TestLedgerAccountIsLeftAlone: asking for an account changes nothing; a configuration that asks
// may yet be refused.
func TestLedgerAccountIsLeftAlone(t *testing.T) {
	l, now := NewLimiter(), time.Now()
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
