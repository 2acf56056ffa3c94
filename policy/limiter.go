package policy

import (
	"sync"
	"time"
)

// Limiter keeps what every tenant has spent. One limiter outlives all reloads of the configuration.
type Limiter struct {
	mu    sync.Mutex
	usage map[string]*Usage // by tenant

	buckets *Buckets
}

// NewLimiter returns an empty limiter.
func NewLimiter() *Limiter {
	return &Limiter{usage: make(map[string]*Usage), buckets: NewBuckets()}
}

// Usage returns the usage of a tenant, made with its budgets at first use. Usage that is
// there is left alone: the configuration that asks may yet be refused. [Limiter.Spend] adjusts it.
// Requests do not come here: they use that in their [Tenant].
func (l *Limiter) Usage(tenant string, b Budgets) *Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	u, ok := l.usage[tenant]
	if !ok {
		u = &Usage{Token: NewBucket(b.Token), API: NewBucket(b.API)}
		l.usage[tenant] = u
	}
	return u
}

// Reservations are the units that one request spent from buckets of keys that the source has yet to
// accept.
type Reservations [3]Reservation

// Commit ends each reservation; accepted as in [Reservation.Commit].
func (r *Reservations) Commit(accepted bool) {
	for i := range r {
		r[i].Commit(accepted)
		r[i] = Reservation{}
	}
}

// Spent says which budget had nothing left, and for how long.
type Spent struct {
	// Budget is `token`, `app`, `connection` or `caller_key`.
	Budget string
	Wait   time.Duration
}

// BudgetCallerKey is what the budget of a caller key is called among the names of budgets.
const BudgetCallerKey = "caller_key"

// name is the budget's in a message.
func (s Spent) name() string {
	if s.Budget == BudgetCallerKey {
		return "this caller key's own"
	}
	return "the " + s.Budget
}

// Spend takes one unit of each budget that a vend for app and connection draws on, the narrowest
// first, so that a refusal by a narrow budget costs the tenant's own nothing. If one has nothing
// left the vend must not happen. caller is nil for a call by tenant key.
func (l *Limiter) Spend(t *Tenant, caller *CallerKey, app, connection string, now time.Time) (reserved Reservations,
	spent Spent, ok bool) {
	if wait, ok := l.spendCaller(caller, now); !ok {
		return reserved, Spent{BudgetCallerKey, wait}, false
	}
	take := func(i int, kind, name string, b Budget) bool {
		if b <= 0 {
			return true
		}
		reserved[i], spent.Wait, ok = l.buckets.Spend(BucketKey{t.ID, kind, name}, b, now)
		if !ok {
			spent.Budget = kind
		}
		return ok
	}
	switch {
	case !take(0, "connection", connection, t.Budgets.Connection):
	case !take(1, "app", app, t.Budgets.Apps[app]):
	case t.Unverified && (!take(2, "token", "", t.Budgets.Token) || reserved[2].known):
	default:
		// A tenant whose key no source has accepted yet spends what all such tenants share, or a new key
		// for each call would escape every budget.
		if spent.Wait, ok = t.Usage.SpendToken(t.Budgets.Token, now); !ok {
			spent.Budget = "token"
		}
	}
	if spent.Budget != "" {
		reserved.Commit(false)
		return reserved, spent, false
	}
	return reserved, Spent{}, true
}

// spendCaller takes one unit of a caller key's own budget. It is committed at once: the
// key was not guessed, so that calls which no source accepts must count as well.
func (l *Limiter) spendCaller(k *CallerKey, now time.Time) (wait time.Duration, ok bool) {
	if k == nil || k.Budget <= 0 {
		return 0, true
	}
	reserved, wait, ok := l.buckets.Spend(BucketKey{k.Tenant, BudgetCallerKey, k.ID}, k.Budget, now)
	reserved.Commit(true)
	return wait, ok
}
