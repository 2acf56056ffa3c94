package local

import (
	"context"
	"sync"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// keepLease is how long the lease of a grant that could not be stored is renewed. For that time an
// operator can repair the store; after it, other processes may offer the spent refresh token, whose
// refusal makes the end user connect again. It is bounded for a process that can never store it,
// such as one that cannot read the keyset: others could, after the end user has.
const keepLease = time.Hour

// keeper tries to store what is kept, at each beat of a lease, and renews the leases of the rest:
// they keep other processes from sending refresh tokens that are spent. It is one goroutine, while
// anything is kept. If the process dies its leases lapse within seconds, and the grants are lost
// with it: the next process sends the spent token, which is how it finds out.
type keeper struct {
	mu      sync.Mutex
	running bool
	closed  bool
	stop    context.CancelFunc
	done    sync.WaitGroup
}

// keep has g stored later, as h's next grant, if there is anything to lose.
func (s *Source) keep(h holding, g connect.Grant, owner string) {
	if !s.unstored.keep(h, g, owner) {
		return
	}
	k := &s.keeper
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.running || k.closed {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	k.running, k.stop = true, stop
	k.done.Go(func() { s.retryKept(ctx) })
}

// close ends the keeper and waits for it.
func (k *keeper) close() {
	k.mu.Lock()
	k.closed = true
	if k.stop != nil {
		k.stop()
	}
	k.mu.Unlock()
	k.done.Wait()
}

// retryKept is the keeper's goroutine.
func (s *Source) retryKept(ctx context.Context) {
	tick := time.NewTicker(s.leasePart(beatTenths))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for id, r := range s.unstored.all() {
			if !s.retry(ctx, id, r) {
				break // and the rest at the next beat
			}
		}
		if s.keeper.idle(&s.unstored) {
			return
		}
	}
}

// idle ends the keeper if nothing is kept. What is kept after that starts it again.
func (k *keeper) idle(u *unstored) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.running = u.kept.Load() > 0
	if !k.running {
		k.stop()
	}
	return !k.running
}

// retry tries to store r. It reports whether the store took anything at all: a full disk is not
// asked once for each connection.
func (s *Source) retry(ctx context.Context, id string, r rotation) bool {
	_, err := s.o.Store.UpdateGrant(ctx, id, r.version, r.grant, false)
	switch {
	case err == nil:
		s.o.Logger.Info("stored a kept grant", "connection", id)
		fallthrough
	case movedOn(err):
		s.unstored.drop(id, r.version)
		return true
	case time.Since(r.since) > keepLease:
		return true
	}
	_, err = s.o.Store.RenewRefresh(ctx, id, r.owner, s.o.Lease)
	return err == nil
}
