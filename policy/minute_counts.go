package policy

import (
	"sync"
	"time"
)

// MinuteCounts counts what a budget has refused in each of the last 60 minutes. The zero value is
// ready, and safe for parallel use.
type MinuteCounts struct {
	mu     sync.Mutex
	minute int64 // of the latest count, in Unix time
	// counts is nil before the first refusal, which most of the many tenants never have.
	counts *[60]int
}

// Add counts one refusal.
func (c *MinuteCounts) Add(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.advance(now)
	if c.counts == nil {
		c.counts = new([60]int)
	}
	c.counts[c.minute%60]++
}

// LastHour returns the counts of the last 60 minutes, the current one last.
func (c *MinuteCounts) LastHour(now time.Time) (counts [60]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		return counts
	}
	c.advance(now)
	for i := range counts {
		counts[i] = c.counts[(c.minute+1+int64(i))%60]
	}
	return counts
}

// advance forgets the minutes that have passed out of the hour. A clock that goes back counts into
// the latest minute.
func (c *MinuteCounts) advance(now time.Time) {
	minute := now.Unix() / 60
	for passed := min(minute-c.minute, 60); passed > 0 && c.counts != nil; passed-- {
		c.counts[(minute-passed+1)%60] = 0
	}
	c.minute = max(c.minute, minute)
}
