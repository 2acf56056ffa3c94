// Package broadcast wakes any number of goroutines that wait for a change.
package broadcast

import (
	"context"
	"sync"
)

// Broadcast tells all who have subscribed that something may have changed. The zero value is ready
// for use.
type Broadcast struct {
	mu sync.Mutex
	to map[chan struct{}]struct{}
}

// Subscribe returns a channel that receives soon after each Signal, once for several that come
// while nothing receives, until ctx ends.
func (b *Broadcast) Subscribe(ctx context.Context) <-chan struct{} {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.to == nil {
		b.to = make(map[chan struct{}]struct{})
	}
	b.to[c] = struct{}{}
	context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.to, c)
	})
	return c
}

// Signal tells all. It waits for none of them.
func (b *Broadcast) Signal() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.to {
		select {
		case c <- struct{}{}:
		default: // one that was not received yet tells the same
		}
	}
}
