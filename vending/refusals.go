package vending

import (
	"crypto/sha256"
	"sync"
	"time"
)

// The bounds of [Refusals].
const (
	firstPause = time.Minute
	maxPause   = time.Hour
	// maxRefusals bounds the connections that are remembered. Beyond it others are forgotten at
	// random, which costs one forced vend each.
	maxRefusals = 1 << 13
)

// Refusals remembers, by connection, that a forced vend did not help: the upstream refused the
// fresh credential as well, as it does for want of a scope, or because of something in the request.
// Each forced vend may spend a refresh token, so that the next one waits: a minute at first, and
// twice as long each time, up to an hour. It holds digests, and no credential.
//
// Only calls that the upstream refused look into it. The zero value is ready for use; it is safe
// for parallel use.
type Refusals struct {
	mu      sync.Mutex
	entries map[string]refused
}

type digest = [sha256.Size]byte

type refused struct {
	// before is the credential that was refused at first, and fresh the one that was vended for it.
	before, fresh digest
	until         time.Time
	pause         time.Duration
	// early says that another credential was replaced before the pause was over. It happens once a
	// pause: a grant that is new is worth a try, and gateways that share a store must not go on
	// refusing each other's tokens.
	early bool
}

// Permit reports whether a credential that the upstream refused may be replaced by force now.
func (r *Refusals) Permit(connection string, c Credential, now time.Time) bool {
	d := c.digest()
	r.mu.Lock()
	defer r.mu.Unlock()
	e, known := r.entries[connection]
	switch {
	case !known, !now.Before(e.until), d == e.before:
		return true // a call that was under way with the credential of before gets the fresh one, which is there already
	case d == e.fresh, e.early:
		return false
	}
	e.early = true
	r.entries[connection] = e
	return true
}

// Vended notes that fresh took the place of c by force. Until [Refusals.Cured] says otherwise it
// did not help.
func (r *Refusals) Vended(connection string, c, fresh Credential, now time.Time) {
	next := refused{before: c.digest(), fresh: fresh.digest(), pause: firstPause}
	if next.before == next.fresh {
		return // nothing was spent
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	last, known := r.entries[connection]
	switch {
	case known && last.fresh == next.fresh: // another call has noted it
		return
	case known && now.Before(last.until.Add(maxPause)):
		next.pause = min(2*last.pause, maxPause)
		next.early = last.early && now.Before(last.until)
	}
	next.until = now.Add(next.pause)
	remember(&r.entries, connection, next)
}

// remember keeps e of a connection, in place of another's where there are too many.
func remember[E any](entries *map[string]E, connection string, e E) {
	if _, known := (*entries)[connection]; !known && len(*entries) >= maxRefusals {
		for other := range *entries {
			delete(*entries, other)
			break
		}
	}
	if *entries == nil {
		*entries = make(map[string]E)
	}
	(*entries)[connection] = e
}

// Cured notes that the upstream took a credential that was vended by force.
func (r *Refusals) Cured(connection string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.entries, connection)
}
