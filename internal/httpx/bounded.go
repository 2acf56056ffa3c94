package httpx

import (
	"context"
	"sync"
	"time"
)

// Bounded is a context that ends with its parent, at a deadline or by [Bounded.End], and holds none
// of the parent's values, as one of [Detach]. Its timer is started when its end is first waited
// for: what is done in microseconds waits for nothing, and a timer that is started and stopped
// costs more than that.
type Bounded struct {
	parent   context.Context
	deadline time.Time

	mu    sync.Mutex
	ended bool
	// timed is made when Done is first called, or something else needs it; nil before that.
	timed  context.Context
	cancel context.CancelFunc
}

// DetachUntil returns a context that ends at deadline at the latest. Its End is to be called, and
// frees what it holds.
func DetachUntil(parent context.Context, deadline time.Time) *Bounded {
	if d, ok := parent.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	return &Bounded{parent: parent, deadline: deadline}
}

// Deadline implements context.Context.
func (b *Bounded) Deadline() (time.Time, bool) { return b.deadline, true }

// Done implements context.Context.
func (b *Bounded) Done() <-chan struct{} { return b.start().Done() }

// Err implements context.Context.
func (b *Bounded) Err() error {
	timed, ended := b.state()
	if timed == nil && !ended && b.parent.Err() == nil && time.Now().Before(b.deadline) {
		return nil
	}
	return b.start().Err() // which goes on to say the same
}

// Value implements context.Context. Package context finds by it what a derived context is to be
// cancelled by; without that it would wait for the end in a goroutine.
func (b *Bounded) Value(key any) any {
	if timed, _ := b.state(); timed != nil {
		return timed.Value(key)
	}
	return nil
}

// End ends the context.
func (b *Bounded) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	if b.cancel != nil {
		b.cancel()
	}
}

func (b *Bounded) state() (timed context.Context, ended bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.timed, b.ended
}

func (b *Bounded) start() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timed == nil {
		b.timed, b.cancel = context.WithDeadline(Detach(b.parent), b.deadline)
		if b.ended {
			b.cancel()
		}
	}
	return b.timed
}
