package store

import (
	"errors"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// leasing is two processes, as it were, that refresh one connection.
type leasing struct {
	t     *testing.T
	clock ticker
	at    storetest.Place
	a, b  *Store
	id    string
}

func newLeasing(t *testing.T) *leasing {
	t.Helper()
	l := &leasing{t: t}
	dir := t.TempDir()
	l.at = storetest.At(t, dir)
	l.pass(0)
	l.a, l.b = openStoreAt(t, dir, l.clock.now), openStoreAt(t, dir, l.clock.now)
	l.id = importGmail(t, l.a, "ya29.one")
	return l
}

// pass has time pass: the store's, and the database's.
func (l *leasing) pass(d time.Duration) {
	l.t.Helper()
	l.clock.add(d)
	storetest.SetClock(l.t, l.at, l.clock.now())
}

func (l *leasing) state() connect.RefreshState {
	l.t.Helper()
	return must[connect.RefreshState](l.t)(l.b.RefreshState(l.t.Context(), l.id))
}

// acquire tries with what the row says now.
func (l *leasing) acquire(s *Store, owner string) bool {
	l.t.Helper()
	return must[bool](l.t)(s.AcquireRefresh(l.t.Context(), l.id, l.state(), owner, leaseTTL))
}

func (l *leasing) renew(s *Store, owner string) bool {
	l.t.Helper()
	return must[bool](l.t)(s.RenewRefresh(l.t.Context(), l.id, owner, leaseTTL))
}

func (l *leasing) release(s *Store, owner string) bool {
	l.t.Helper()
	return s.ReleaseRefresh(l.t.Context(), l.id, owner) == nil
}

const leaseTTL = 10 * time.Second

func TestRefreshLease(t *testing.T) { storetest.EachAtOnce(t, testRefreshLease) }

func testRefreshLease(t *testing.T) {
	l := newLeasing(t)
	pass := func(d time.Duration) func() bool { return func() bool { l.pass(d); return true } }
	for _, step := range []struct {
		name string
		do   func() bool
		want bool
		then connect.RefreshState
	}{
		{"a takes it", func() bool {
			return l.acquire(l.a, "a")
		}, true, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"b does not", func() bool {
			return l.acquire(l.b, "b")
		}, false, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"b renews what it does not have", func() bool {
			return l.renew(l.b, "b")
		}, false, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"b releases what it does not have", func() bool {
			return l.release(l.b, "b")
		}, true, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"time passes", pass(leaseTTL - time.Second), true, connect.RefreshState{Version: 1, Owner: "a", Left: time.Second}},
		{"a renews", func() bool {
			return l.renew(l.a, "a")
		}, true, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"a releases", func() bool {
			return l.release(l.a, "a")
		}, true, connect.RefreshState{Version: 1, Owner: "", Left: 0}},
		{"a renews what it released", func() bool {
			return l.renew(l.a, "a")
		}, false, connect.RefreshState{Version: 1, Owner: "", Left: 0}},
		{"b takes it", func() bool {
			return l.acquire(l.b, "b")
		}, true, connect.RefreshState{Version: 1, Owner: "b", Left: leaseTTL}},
		{"a moment before its end", pass(leaseTTL - time.Millisecond), true,
			connect.RefreshState{Version: 1, Owner: "b", Left: time.Millisecond}},
		{"a waits", func() bool {
			return l.acquire(l.a, "a")
		}, false, connect.RefreshState{Version: 1, Owner: "b", Left: time.Millisecond}},
		{"b's lapses", pass(time.Millisecond), true, connect.RefreshState{Version: 1, Owner: "b", Left: 0}},
		{"b renews what nobody has taken", func() bool {
			return l.renew(l.b, "b")
		}, true, connect.RefreshState{Version: 1, Owner: "b", Left: leaseTTL}},
		{"b's lapses again", pass(leaseTTL), true, connect.RefreshState{Version: 1, Owner: "b", Left: 0}},
		{"a takes it over", func() bool {
			return l.acquire(l.a, "a")
		}, true, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"b renews what a has taken", func() bool {
			return l.renew(l.b, "b")
		}, false, connect.RefreshState{Version: 1, Owner: "a", Left: leaseTTL}},
		{"a grant ends it", func() bool {
			return must[int64](t)(l.a.UpdateGrant(t.Context(), l.id, 1, oauthGrant("ya29.two", ""), false)) == 2
		}, true, connect.RefreshState{Version: 2, Owner: "", Left: 0}},
		{"a renews what the grant ended", func() bool {
			return l.renew(l.a, "a")
		}, false, connect.RefreshState{Version: 2, Owner: "", Left: 0}},
	} {
		if got := step.do(); got != step.want {
			t.Fatalf("%s: %v, want %v", step.name, got, step.want)
		}
		if got := l.state(); got != step.then || got.Leased() != (step.then.Left > 0) {
			t.Fatalf("%s: %+v, want %+v", step.name, got, step.then)
		}
	}
}

// TestLeaseIsTakenAsSeen has the row change between the look at it and the taking of its lease.
func TestLeaseIsTakenAsSeen(t *testing.T) { storetest.EachAtOnce(t, testLeaseIsTakenAsSeen) }

func testLeaseIsTakenAsSeen(t *testing.T) {
	for name, change := range map[string]func(*leasing) error{
		"another took it, and was stopped": func(l *leasing) error {
			l.acquire(l.a, "a")
			l.pass(leaseTTL)
			return nil
		},
		"another took it over, and released it": func(l *leasing) error {
			l.acquire(l.a, "a")
			_, err := l.a.UpdateGrant(l.t.Context(), l.id, 1, oauthGrant("ya29.two", ""), false)
			return err
		},
		"the connection was deleted": func(l *leasing) error { return l.a.DeleteConnection(l.t.Context(), "acme", l.id) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLeasing(t)
			seen := l.state()
			if err := change(l); err != nil {
				t.Fatal(err)
			}
			if got, err := l.b.AcquireRefresh(t.Context(), l.id, seen, "b", leaseTTL); got || err != nil {
				t.Errorf("%v, %v; want no lease", got, err)
			}
		})
	}
	l := newLeasing(t)
	if _, err := l.a.RefreshState(t.Context(), "conn_x"); vending.AsError(err).Code != vending.ConnectionDeleted {
		t.Errorf("unknown connection: %v", err)
	}
}

// TestLeaseAfterClockSetBack: a lease of a dead process must not last as long as the clock was set
// back.
func TestLeaseAfterClockSetBack(t *testing.T) { storetest.EachAtOnce(t, testLeaseAfterClockSetBack) }

func testLeaseAfterClockSetBack(t *testing.T) {
	l := newLeasing(t)
	l.pass(24 * time.Hour)
	l.acquire(l.a, "a")
	l.pass(-24 * time.Hour)
	if got := l.state(); got != (connect.RefreshState{Version: 1, Owner: "a", Left: 0}) {
		t.Fatalf("%+v, want a lease that has lapsed", got)
	}
	if !l.acquire(l.b, "b") {
		t.Error("b cannot take it over")
	}
	if got := must[bool](t)(l.b.RenewRefresh(t.Context(), l.id, "b", 24*time.Hour)); !got ||
		l.state().Left != connect.MaxLease {
		t.Errorf("renewed %v: %+v, want at most %s", got, l.state(), connect.MaxLease)
	}
}

// TestLeaseOfBusyStore has another program hold the store's one write lock.
func TestLeaseOfBusyStore(t *testing.T) {
	l := newLeasing(t)
	plainly := func(s *Store, statement string) {
		if _, err := writerOf(s).ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	plainly(l.a, `PRAGMA busy_timeout = 1`)
	plainly(l.b, `PRAGMA busy_timeout = 1`)
	l.acquire(l.a, "a")
	l.pass(leaseTTL)
	plainly(l.a, `BEGIN IMMEDIATE`)
	if got, err := l.b.AcquireRefresh(t.Context(), l.id, l.state(), "b", leaseTTL); got || err != nil {
		t.Errorf("acquiring: %v, %v; want to be told to come back", got, err)
	}
	if got, err := l.b.RenewRefresh(t.Context(), l.id, "b", leaseTTL); got || !isBusy(errors.Unwrap(err)) {
		t.Errorf("renewing: %v, %v; want an error: that is not known to be lost", got, err)
	}
	plainly(l.a, `ROLLBACK`)
	if !l.renew(l.a, "a") {
		t.Error("a cannot renew")
	}
}
