package policy

import (
	"math"
	"sync"
	"time"
)

// Budget is how many units may be spent a minute. 600 means ten a second, with a burst of 600; 0
// means no bound.
type Budget int

// The budgets of a tenant that names none.
const (
	DefaultTokenBudget Budget = 600
	DefaultAPIBudget   Budget = 120
)

// units is how many units a budget gives back in d.
func (b Budget) units(d time.Duration) float64 { return float64(b) * d.Minutes() }

// time is how long the budget takes to give units back.
func (b Budget) time(units float64) time.Duration {
	return time.Duration(units / float64(b) * float64(time.Minute))
}

// Bucket is what was spent of one budget. It is safe for parallel use, and exact: no two callers
// get the last unit. It counts what was spent and not what is left, as golang.org/x/time/rate does:
// so a larger budget leaves more at once, and a budget that a reload changes back and forth, while
// calls of both configurations are under way, forgives nothing.
type Bucket struct {
	mu     sync.Mutex
	budget Budget
	// spent is in units, and less by the budget's rate all the time.
	spent float64
	// peak is the largest budget that any of spent was spent of.
	peak Budget
	// latest is the time of spent; no unit was spent later.
	latest time.Time
}

// NewBucket returns a full bucket of a budget.
func NewBucket(budget Budget) *Bucket { return &Bucket{budget: budget, peak: max(budget, 0)} }

// Adjust changes the budget and keeps what was spent: of a larger one more is left at once, by the
// difference, and of a smaller one less. What was spent of a larger budget than the present one is
// given back at the rate of that, in less than a minute. None is full again for having been
// changed, nor for having been without a bound in between.
func (b *Bucket) Adjust(budget Budget, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if budget == b.budget {
		return
	}
	b.spent, b.latest = b.at(now)
	if b.budget > 0 && b.spent <= float64(b.budget) {
		b.peak = b.budget
	}
	if b.budget = budget; budget > 0 {
		b.peak = max(b.peak, budget)
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
	b.spent, b.latest = b.at(now)
	if b.spent+1 > float64(b.budget)+rounding {
		return b.until(float64(b.budget)-1, b.spent), false
	}
	b.spent++
	return 0, true
}

// giveBack takes back what Spend has just taken.
func (b *Bucket) giveBack() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent = max(0, b.spent-1)
}

// rounding is by how much the sum of many small parts may be off, in units.
const rounding = 1e-6

// at returns what of the units is still spent at a time, and that time, or the latest seen if that
// is later: callers read the clock before they wait for the lock, and the slower ones must not have
// the same time given back twice.
func (b *Bucket) at(now time.Time) (spent float64, _ time.Time) {
	if !now.After(b.latest) {
		return b.spent, b.latest
	}
	rate, passed := b.rate(), now.Sub(b.latest)
	spent = b.spent
	if above := spent - float64(rate); above > 0 {
		back := b.peak.units(passed)
		if back <= above {
			return spent - back, now
		}
		spent, passed = float64(rate), passed-b.peak.time(above)
	}
	return max(0, spent-rate.units(passed)), now
}

// rate is the budget whose rate gives units back: while there is no bound, that of the last one.
func (b *Bucket) rate() Budget {
	if b.budget > 0 {
		return b.budget
	}
	return b.peak
}

// Left returns how many whole units are left, and how long until all of them are.
func (b *Bucket) Left(now time.Time) (units int, full time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.budget <= 0 {
		return math.MaxInt32, 0
	}
	spent, _ := b.at(now)
	return max(0, int(float64(b.budget)-spent+rounding)), b.until(0, spent)
}

// full reports whether nothing of the budget is missing any more.
func (b *Bucket) full(now time.Time) bool {
	_, full := b.Left(now)
	return full == 0
}

// until returns how long it takes until of what is spent no more than rest is; the bucket counts in
// floating point, so a millisecond more keeps a caller that waits exactly so long from coming too
// early.
func (b *Bucket) until(rest, spent float64) time.Duration {
	if spent <= rest+rounding {
		return 0
	}
	above := max(0, spent-float64(b.budget))
	return b.peak.time(above) + b.budget.time(spent-above-rest) + time.Millisecond
}
