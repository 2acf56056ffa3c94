package local

import (
	"context"
	"sync"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// maxLeaseKept is for how long the lease of a grant that could not be stored is renewed. For that
// time an operator can repair the store; after it, other processes may offer the spent refresh
// token, whose refusal makes the end user connect again. It is bounded for a process that can never
// store it, such as one that cannot read the keyset: others could, after the end user has.
const maxLeaseKept = time.Hour

// saver retries storing unsaved grants, twice in each tick of a lease, and renews the leases of the
// rest: they keep other processes from sending refresh tokens that are spent. It is one goroutine,
// while any grant is unsaved. If the process dies its leases expire within seconds, and the grants
// are lost with it: the next process sends the spent token, which is how it finds out.
type saver struct {
	mu      sync.Mutex
	running bool
	closed  bool
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// saveLater has g stored later, as h's next grant, if there is anything to lose.
func (s *Source) saveLater(h connectionGrant, g connect.Grant, owner string) {
	if !s.unsaved.add(h, g, owner) {
		return
	}
	k := &s.saver
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running || k.closed {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	k.running, k.stop = true, stop
	k.done.Go(func() { s.saveLoop(ctx) })
}

// close ends the saver and waits for it.
func (k *saver) close() {
	k.mu.Lock()
	k.closed = true
	if k.stop != nil {
		k.stop()
	}
	k.mu.Unlock()
	k.done.Wait()
}

// saveLoop is the saver's goroutine.
func (s *Source) saveLoop(ctx context.Context) {
	tick := time.NewTicker(s.leasePart(saveTenths))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for id, r := range s.unsaved.all() {
			if !s.trySave(ctx, id, r) {
				break // and the rest at the next tick
			}
		}
		if s.saver.stopIfEmpty(&s.unsaved) {
			return
		}
	}
}

// stopIfEmpty ends the saver if no grant is unsaved. The next one starts it again.
func (k *saver) stopIfEmpty(u *unsavedGrants) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = u.size.Load() > 0
	if !k.running {
		k.stop()
	}
	return !k.running
}

// trySave tries to store r. It reports whether the store took anything at all: a full disk is not
// asked once for each connection.
func (s *Source) trySave(ctx context.Context, id string, r unsavedGrant) bool {
	_, err := s.o.Store.UpdateGrant(ctx, id, r.version, r.grant, false)
	switch {
	case err == nil:
		s.o.Logger.Info("stored a grant that could not be stored before", "connection", id)
		fallthrough
	case isSuperseded(err):
		s.unsaved.drop(id, r.version)
		return true
	case time.Since(r.since) > maxLeaseKept:
		return true
	}
	_, err = s.o.Store.RenewRefresh(ctx, id, r.owner, s.o.Lease)
	return err == nil
}
