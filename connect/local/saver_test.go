package local

import (
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func shortLease(o *Options) { o.Lease = 2 * time.Second }

// TestUnsavedIsStoredWithoutVend repairs the store, and nobody calls.
func TestUnsavedIsStoredWithoutVend(t *testing.T) { storetest.Each(t, testUnsavedIsStoredWithoutVend) }

func testUnsavedIsStoredWithoutVend(t *testing.T) {
	t.Parallel()
	p, store, s, id, repair := rotateUnsaved(t, shortLease)
	repair()
	eventually(t, "storing the unsaved grant", func() bool {
		_, v := stored(t, store, id)
		return v.RefreshToken == "canary-refresh-1"
	})
	eventually(t, "the saver's end", func() bool {
		s.saver.mu.Lock()
		defer s.saver.mu.Unlock()
		return !s.saver.running && s.unsaved.count() == 0
	})
	if owner := ownerOf(t, store, id); owner != "" || p.asked() != 1 {
		t.Errorf("lease of %q after %d calls, want none after 1", owner, p.asked())
	}
}

// TestKeptKeepsOthersAway: while a process has a grant that it could not store, no other sends the
// spent token, for many times as long as a lease lasts.
func TestKeptKeepsOthersAway(t *testing.T) { storetest.Each(t, testKeptKeepsOthersAway) }

func testKeptKeepsOthersAway(t *testing.T) {
	t.Parallel()
	p, store, s, id, repair := rotateUnsaved(t, shortLease)
	patient := newSource(t, p, store, shortLease, func(o *Options) { o.RefreshTimeout = 8 * time.Second })
	_, err := patient.Vend(t.Context(), request(id))
	wantLeased(t, "another process, after four leases", err, 2*time.Second)
	if p.asked() != 1 || s.unsaved.count() != 1 {
		t.Fatalf("%d calls, %d unsaved; want 1 each", p.asked(), s.unsaved.count())
	}
	token := vendLater(t, patient, id)
	repair()
	if got := <-token; got != "canary-access-1" || p.asked() != 1 {
		t.Errorf("token %q after %d calls, want canary-access-1 after 1", got, p.asked())
	}
}

// TestKeptForGood: a grant that this process can never store does not keep the others away for
// ever.
func TestKeptForGood(t *testing.T) { storetest.Each(t, testKeptForGood) }

func testKeptForGood(t *testing.T) {
	t.Parallel()
	p, store, s, id, repair := rotateUnsaved(t, shortLease)
	s.unsaved.mu.Lock()
	r := s.unsaved.grants[id]
	r.since = r.since.Add(-maxLeaseKept)
	s.unsaved.grants[id] = r
	s.unsaved.mu.Unlock()
	eventually(t, "the end of the lease", func() bool {
		state, err := store.RefreshState(t.Context(), id)
		return err == nil && !state.Leased()
	})
	if n := s.unsaved.count(); n != 1 {
		t.Errorf("%d grants are unsaved, want 1: the store may take it yet", n)
	}
	s.Close() // or it could store its grant once the store is repaired
	other := newSource(t, p, store, shortLease)
	p.beforeAnswer(func(int) { repair() }) // or it could not be flagged
	if _, err := other.Vend(t.Context(), request(id)); codeOf(err) != vending.NeedsReconnection || p.asked() != 2 {
		t.Errorf("%v after %d calls; want %s after 2", err, p.asked(), vending.NeedsReconnection)
	}
}
