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

// NewBucket returns a full bucket of a budget.
func NewBucket(budget Budget) *Bucket {
	b := new(Bucket)
	b.Adjust(budget, time.Time{})
	return b
}

// Adjust changes the budget and keeps what was spent: a larger one fills up at its own rate, and
// none is full again for having been changed, nor for having been without a bound in between.
func (b *Bucket) Adjust(budget Budget, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if budget == b.budget {
		return
	}
	b.budget = budget
	switch {
	case budget <= 0:
	case b.limiter == nil:
		b.limiter = rate.NewLimiter(budget.limit(), int(budget))
	default:
		now = b.notBefore(now)
		b.limiter.SetLimitAt(now, budget.limit())
		b.limiter.SetBurstAt(now, int(budget))
	}
}

// Budget returns the budget.
func (b *Bucket) Budget() Budget {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.budget
}

// Spend takes one unit. If none is left it takes nothing and returns how long until there is one.
func (b *Bucket) Spend(now time.Time) (wait time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.budget <= 0 {
		return 0, true
	}
	now = b.notBefore(now)
	if b.limiter.AllowN(now, 1) {
		return 0, true
	}
	return b.until(1, now), false
}

// notBefore returns now, or the latest time seen if that is later. Callers read the clock before
// they wait for the lock; the limiter would go back with the slower ones and refill the same time
// twice.
func (b *Bucket) notBefore(now time.Time) time.Time {
	if now.After(b.latest) {
		b.latest = now
	}
	return b.latest
}

// Left returns how many whole units are left, and how long until all of them are.
func (b *Bucket) Left(now time.Time) (units int, full time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.budget <= 0 {
		return math.MaxInt32, 0
	}
	return max(0, int(b.limiter.TokensAt(now))), b.until(float64(b.budget), now)
}

// full reports whether nothing of the budget is missing any more.
func (b *Bucket) full(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.budget <= 0 || b.limiter.TokensAt(now) >= float64(b.budget)
}

// until returns how long it takes until there are units again; the bucket counts in floating
// point, so a millisecond more keeps a caller that waits exactly so long from coming too early.
func (b *Bucket) until(units float64, now time.Time) time.Duration {
	missing := units - b.limiter.TokensAt(now)
	if missing <= 0 {
		return 0
	}
	seconds := missing / float64(b.limiter.Limit())
	return time.Duration(seconds*float64(time.Second)) + time.Millisecond
}
