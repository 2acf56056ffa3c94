package policy

import (
	"sync"
	"time"
)

// Limiter keeps what every tenant has spent. One ledger outlives all reloads of the configuration.
type Limiter struct {
	mu       sync.Mutex
	accounts map[string]*Usage

	allowances *Buckets
}

// NewLimiter returns an empty ledger.
func NewLimiter() *Limiter {
	return &Limiter{accounts: make(map[string]*Usage), allowances: NewBuckets()}
}

// Usage returns the account of a tenant, made with its budgets at first use. An account that is
// there is left alone: the configuration that asks may yet be refused. [Limiter.Spend] adjusts it.
// Requests do not come here: they use the account in their [Tenant].
func (l *Limiter) Usage(tenant string, b Budgets) *Usage {
	l.mu.Lock()
	defer l.mu.Unlock()
	a, ok := l.accounts[tenant]
	if !ok {
		a = &Usage{Token: NewBucket(b.Token), API: NewBucket(b.API)}
		l.accounts[tenant] = a
	}
	return a
}

// Reservations are the units that one request spent from allowances of keys the source has yet to
// accept.
type Reservations [3]Reservation

// Commit settles each claim; accepted as in [Reservation.Commit].
func (c *Reservations) Commit(accepted bool) {
	for i := range c {
		c[i].Commit(accepted)
		c[i] = Reservation{}
	}
}

// Spent says which budget had nothing left, and for how long.
type Spent struct {
	// Budget is `token`, `app`, `connection` or `caller_key`.
	Budget string
	Wait   time.Duration
}

// Spend takes one unit of each budget that a vend for app and connection draws on, the narrowest
// first, so that a refusal by a narrow budget costs the tenant's own nothing. If one has nothing
// left the vend must not happen. caller is nil for a call by tenant key.
func (l *Limiter) Spend(t *Tenant, caller *CallerKey, app, connection string, now time.Time) (claims Reservations,
	spent Spent,
	ok bool) {
	if wait, ok := l.spendCaller(caller, now); !ok {
		return claims, Spent{"caller_key", wait}, false
	}
	take := func(i int, kind, name string, b Budget) bool {
		if b <= 0 {
			return true
		}
		claims[i], spent.Wait, ok = l.allowances.Spend(BucketKey{t.ID, kind, name}, b, now)
		if !ok {
			spent.Budget = kind
		}
		return ok
	}
	switch {
	case !take(0, "connection", connection, t.Budgets.Connection):
	case !take(1, "app", app, t.Budgets.Apps[app]):
	case t.Unverified && (!take(2, "token", "", t.Budgets.Token) || claims[2].known):
	default:
		// A stranger whose key no source has accepted yet spends what all such strangers share, or a new
		// key for each call would escape every budget.
		if spent.Wait, ok = t.Usage.SpendToken(t.Budgets.Token, now); !ok {
			spent.Budget = "token"
		}
	}
	if spent.Budget != "" {
		claims.Commit(false)
		return claims, spent, false
	}
	return claims, Spent{}, true
}

// spendCaller takes one unit of a caller key's own budget. The unit is settled at once: nobody
// guessed the key, so that calls which no source accepts must count as well.
func (l *Limiter) spendCaller(k *CallerKey, now time.Time) (wait time.Duration, ok bool) {
	if k == nil || k.Budget <= 0 {
		return 0, true
	}
	claim, wait, ok := l.allowances.Spend(BucketKey{k.Tenant, "caller_key", k.ID}, k.Budget, now)
	claim.Commit(true)
	return wait, ok
}
