package redislimit

import (
	"context"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// Peek implements [policy.Limiter]. What this node learned within the time of a lease is not asked
// for again.
func (l *Limiter) Peek(ctx context.Context, d policy.Draw, now time.Time) policy.Level {
	fresh, spent, units := false, int64(0), 0
	l.entries.peek(d.Key, func(e *entry) {
		spent, units = e.spentAt(now, 0), e.units
		fresh = !e.at.IsZero() && e.budget == d.Budget && now.Sub(e.at) < leaseFor
	})
	if _, up := l.circuit.state(); up && !fresh {
		if answers, _, err := l.call(ctx, []request{{name: nameOf(d.Key), budget: d.Budget}}); err == nil {
			spent = answers[0].spent
		}
	}
	left := max(0, int64(d.Budget)-(spent+unit-1)/unit) + int64(units)
	return policy.Level{Left: int(min(left, int64(d.Budget))),
		Full: time.Duration(spent/int64(d.Budget)) * time.Microsecond}
}

// lowestOf bounds of how many keys Lowest asks Redis.
const lowestOf = 500

// Lowest implements [policy.Limiter].
func (l *Limiter) Lowest(ctx context.Context, tenant, kind string, budget policy.Budget, most int, now time.Time) (
	all []policy.Remaining) {
	var found []policy.Draw
	l.entries.each(func(e *entry) bool {
		if e.key.Tenant == tenant && e.key.Kind == kind && e.known && len(found) < lowestOf {
			found = append(found, policy.Draw{Key: e.key, Budget: budget})
		}
		return false
	})
	for _, d := range found {
		if level := l.Peek(ctx, d, now); level.Left < int(budget) {
			all = append(all, policy.Remaining{Name: d.Key.Name, Budget: budget, Left: level.Left})
		}
	}
	return policy.LowestOf(all, most)
}
