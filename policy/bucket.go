package policy

import (
	"math"
	"sync"
	"time"

	// x/time/rate is the token bucket of the Go project: exact under parallel load, no goroutine.
	"golang.org/x/time/rate"
)

// Budget is how many units may be spent a minute. 600 means ten a second, with a burst of 600; 0
// means no bound.
type Budget int

// The budgets of a tenant that names none.
const (
	DefaultTokenBudget Budget = 600
	DefaultAPIBudget   Budget = 120
)

// limit is for budgets that are a bound.
func (b Budget) limit() rate.Limit { return rate.Limit(float64(b) / 60) }

// Bucket is what is left of one budget. It is safe for parallel use, and exact: no two callers
// get the last unit.
type Bucket struct {
	mu      sync.Mutex
	budget  Budget
	limiter *rate.Limiter // nil until there is a bound for the first time
	latest  time.Time     // no unit was spent later
}

// NewBucket returns a full allowance of b.
func NewBucket(b Budget) *Bucket {
	a := new(Bucket)
	a.Adjust(b, time.Time{})
	return a
}

// Adjust changes the budget and keeps what was spent: a larger one fills up at its own rate, and
// none is full again for having been changed, nor for having been without a bound in between.
func (a *Bucket) Adjust(b Budget, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b == a.budget {
		return
	}
	a.budget = b
	switch {
	case b <= 0:
	case a.limiter == nil:
		a.limiter = rate.NewLimiter(b.limit(), int(b))
	default:
		now = a.notBefore(now)
		a.limiter.SetLimitAt(now, b.limit())
		a.limiter.SetBurstAt(now, int(b))
	}
}

// Budget returns the budget.
func (a *Bucket) Budget() Budget {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.budget
}

// Spend takes one unit. If none is left it takes nothing and returns how long until there is one.
func (a *Bucket) Spend(now time.Time) (wait time.Duration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.budget <= 0 {
		return 0, true
	}
	now = a.notBefore(now)
	if a.limiter.AllowN(now, 1) {
		return 0, true
	}
	return a.until(1, now), false
}

// notBefore returns now, or the latest time seen if that is later. Callers read the clock before
// they wait for the lock; the limiter would go back with the slower ones and refill the same time
// twice.
func (a *Bucket) notBefore(now time.Time) time.Time {
	if now.After(a.latest) {
		a.latest = now
	}
	return a.latest
}

// Left returns how many whole units are left, and how long until all of them are.
func (a *Bucket) Left(now time.Time) (units int, full time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.budget <= 0 {
		return math.MaxInt32, 0
	}
	return max(0, int(a.limiter.TokensAt(now))), a.until(float64(a.budget), now)
}

// full reports whether nothing of the budget is missing any more.
func (a *Bucket) full(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.budget <= 0 || a.limiter.TokensAt(now) >= float64(a.budget)
}

// until returns how long it takes until there are units again; the bucket counts in floating
// point, so a millisecond more keeps a caller that waits exactly so long from coming too early.
func (a *Bucket) until(units float64, now time.Time) time.Duration {
	missing := units - a.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	seconds := missing / float64(a.limiter.Limit())
	return time.Duration(seconds*float64(time.Second)) + time.Millisecond
}
