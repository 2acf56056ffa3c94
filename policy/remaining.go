package policy

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Remaining is what is left of a budget that is counted by name.
type Remaining struct {
	// Name is an app's slug or a connection's id.
	Name string
	// Budget is its bound, and Left how many units are left of it.
	Budget Budget
	Left   int
}

// AppsLeft returns what is left of each app budget of a tenant, by slug.
func AppsLeft(ctx context.Context, l Limiter, t *Tenant, now time.Time) (apps []Remaining) {
	for slug, budget := range t.Budgets.Apps {
		if budget > 0 {
			left := l.Peek(ctx, t.appDraw(slug, budget), now).Left
			apps = append(apps, Remaining{slug, budget, min(left, int(budget))})
		}
	}
	slices.SortFunc(apps, func(a, b Remaining) int { return cmp.Compare(a.Name, b.Name) })
	return apps
}

// ConnectionsLeft returns up to most connections of a tenant that have spent of their own budget,
// those with the least left first.
func ConnectionsLeft(ctx context.Context, l Limiter, t *Tenant, most int, now time.Time) []Remaining {
	budget := t.Budgets.Connection
	if budget <= 0 {
		return nil
	}
	return l.Lowest(ctx, t.ID, "connection", budget, most, now)
}

// level returns what is left of the bucket called key: all of it, where there is none.
func (b *Buckets) level(key BucketKey, budget Budget, now time.Time) (l Level) {
	s := b.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e, found := s.kept.Peek(key)
	if !found {
		return Level{Left: int(budget)}
	}
	l.Left, l.Full = e.bucket.Left(now)
	return l
}

// spent returns the buckets of a tenant and a kind that are not full, with what is left of them.
func (b *Buckets) spent(tenant, kind string, now time.Time) map[BucketKey]int {
	found := make(map[BucketKey]int)
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		for _, key := range s.kept.Keys() {
			if key.Tenant != tenant || key.Kind != kind {
				continue
			}
			if e, _ := s.kept.Peek(key); !e.bucket.full(now) {
				found[key], _ = e.bucket.Left(now)
			}
		}
		s.mu.Unlock()
	}
	return found
}
