package policy

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Memory is the limiter of one process. It is exact, and waits for nothing.
type Memory struct {
	*Usages
	buckets *Buckets
}

// NewMemory returns a limiter over the usages of this process; nil means usages of its own.
func NewMemory(u *Usages) *Memory {
	if u == nil {
		u = NewUsages()
	}
	return &Memory{Usages: u, buckets: NewBuckets()}
}

// Reserve implements [Limiter]; there is never an error.
func (m *Memory) Reserve(_ context.Context, draws Draws, now time.Time) (reserved Reservations, spent Spent, _ error) {
	known := false
	for i := range draws {
		d := &draws[i]
		wait, ok := time.Duration(0), true
		switch {
		case d.Key.Kind == "" || d.IfUnknown && known:
		case d.bucket != nil:
			d.bucket.Adjust(d.Budget, now)
			wait, ok = d.bucket.Spend(now)
		case d.Budget > 0:
			reserved[i], wait, ok = m.buckets.Spend(d.Key, d.Budget, now)
			reserved[i].Sure, known = d.Sure, reserved[i].Known
		}
		if !ok {
			reserved.Return()
			return reserved, Spent{d.Key.Kind, wait}, nil
		}
	}
	return reserved, Spent{}, nil
}

// Peek implements [Limiter].
func (m *Memory) Peek(_ context.Context, d Draw, now time.Time) (l Level) {
	if d.bucket == nil {
		return m.buckets.level(d.Key, d.Budget, now)
	}
	d.bucket.Adjust(d.Budget, now)
	l.Left, l.Full = d.bucket.Left(now)
	return l
}

// Lowest implements [Limiter].
func (m *Memory) Lowest(_ context.Context, tenant, kind string, budget Budget, most int, now time.Time) []Remaining {
	var all []Remaining
	for key, left := range m.buckets.spent(tenant, kind, now) {
		all = append(all, Remaining{key.Name, budget, min(left, int(budget))})
	}
	return LowestOf(all, most)
}

// LowestOf sorts by what is left, the least first, and returns up to most.
func LowestOf(all []Remaining, most int) []Remaining {
	slices.SortFunc(all, func(a, b Remaining) int {
		return cmp.Or(cmp.Compare(a.Left, b.Left), cmp.Compare(a.Name, b.Name))
	})
	return all[:min(most, len(all))]
}
