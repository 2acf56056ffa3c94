package vending

import (
	"sync"
	"time"
)

// Pauses paces, by connection, what failed and would fail again: it waits a minute at first, and
// twice as long each time, up to an hour. The zero value is ready for use; it is safe for parallel
// use.
type Pauses struct {
	mu      sync.Mutex
	entries map[string]pausing
}

type pausing struct {
	// what identifies the attempt; another one need not wait.
	what  [32]byte
	until time.Time
	pause time.Duration
	err   error
}

// Pausing reports whether what failed for the connection must wait until later than now, and with
// which error it failed.
func (p *Pauses) Pausing(connection string, what [32]byte, now time.Time) (yes bool, failed error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e, known := p.entries[connection]
	return known && e.what == what && now.Before(e.until), e.err
}

// Failed notes that what failed with err, which must hold no secret.
func (p *Pauses) Failed(connection string, what [32]byte, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	next := pausing{what: what, pause: firstPause, err: err}
	last, known := p.entries[connection]
	if known && last.what == what && now.Before(last.until.Add(maxPause)) {
		next.pause = min(2*last.pause, maxPause)
	}
	next.until = now.Add(next.pause)
	remember(&p.entries, connection, next)
}

// Over forgets the connection: what failed works, or the grant has changed.
func (p *Pauses) Over(connection string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.entries, connection)
}
