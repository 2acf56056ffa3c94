package local

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestOneRefresh has two hundred callers, through two sources on two stores, which act as two
// processes. A provider that rotates would end the grant at the second call.
func TestOneRefresh(t *testing.T) { storetest.DirectAtOnce(t, testOneRefresh) }

func testOneRefresh(t *testing.T) {
	for name, forced := range map[string]bool{"ended": false, "forced": true} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			dir := t.TempDir()
			first, second := openStore(t, dir), openStore(t, dir)
			sources := []*Source{newSource(t, p, first), newSource(t, p, second)}
			r := request(importApp(t, first, "gmail", grantFor(-time.Second)))
			if forced {
				r = request(importApp(t, first, "gmail", grantFor(time.Hour)))
				r.Force, r.Refused = true, vending.NewOAuth("gmail", "canary-access-0", "", time.Time{})
			}
			start := make(chan struct{})
			var wg sync.WaitGroup
			for i := range 200 {
				wg.Go(func() {
					<-start
					cred, err := sources[i%2].Vend(t.Context(), r)
					if err != nil || tokenOf(cred) != "canary-access-1" {
						t.Errorf("token %q, %v; want canary-access-1", tokenOf(cred), err)
					}
				})
			}
			close(start)
			wg.Wait()
			if n := p.asked(); n != 1 {
				t.Errorf("%d calls of the provider, want 1", n)
			}
		})
	}
}

// TestFirstCallerLeaves cancels the caller who began a refresh: it goes on for the others.
func TestFirstCallerLeaves(t *testing.T) { storetest.DirectAtOnce(t, testFirstCallerLeaves) }

func testFirstCallerLeaves(t *testing.T) {
	p := startProvider(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	p.beforeAnswer(func(int) {
		close(asked)
		<-answer
	})
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	r := request(importApp(t, store, "gmail", grantFor(-time.Second)))

	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		_, err := s.Vend(ctx, r)
		gone <- err
	}()
	<-asked
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller who left: %v", err)
	}
	stays := make(chan vending.Credential, 1)
	go func() {
		cred, err := s.Vend(t.Context(), r)
		if err != nil {
			t.Error(err)
		}
		stays <- cred
	}()
	close(answer)
	if got := tokenOf(<-stays); got != "canary-access-1" || p.asked() != 1 {
		t.Errorf("the caller who stays: token %q after %d calls", got, p.asked())
	}
}

// TestAnotherProcessRefreshes leaves the lease with somebody else.
func TestAnotherProcessRefreshes(t *testing.T) {
	storetest.DirectAtOnce(t, testAnotherProcessRefreshes)
}

func testAnotherProcessRefreshes(t *testing.T) {
	p := startProvider(t)
	dir := t.TempDir()
	store, other := openStore(t, dir), openStore(t, dir)
	s := newSource(t, p, store, func(o *Options) {
		o.RefreshTimeout, o.Lease = 2*time.Second, time.Second
	})
	lease := func(id string) { leaseToOther(t, other, id, connect.MaxLease) }

	ended := importApp(t, store, "gmail", grantFor(-time.Second))
	lease(ended)
	_, err := s.Vend(t.Context(), request(ended))
	wantLeased(t, "ended", err, connect.MaxLease)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = s.Vend(ctx, request(ended))
	wantLeased(t, "ended, and the caller has less time than the refresh", err, connect.MaxLease)
	ending := importApp(t, store, "gmail", grantFor(30*time.Second))
	lease(ending)
	if cred, err := s.Vend(t.Context(), request(ending)); err != nil || tokenOf(cred) != "canary-access-0" {
		t.Errorf("ending: %q, %v", tokenOf(cred), err)
	}

	patient := newSource(t, p, store, func(o *Options) { o.RefreshTimeout = time.Minute })
	vended := make(chan vending.Credential, 1)
	go func() {
		cred, err := patient.Vend(t.Context(), request(ended))
		if err != nil {
			t.Error(err)
		}
		vended <- cred
	}()
	v := grantFor(time.Hour)
	v.AccessToken = "canary-access-other"
	if _, err := other.UpdateGrant(t.Context(), ended, 1, connect.NewGrant(v), false); err != nil {
		t.Fatal(err)
	}
	if got := tokenOf(<-vended); got != "canary-access-other" {
		t.Errorf("token %q, want the other process's", got)
	}
	if n := p.asked(); n != 0 {
		t.Errorf("the provider was called %d times", n)
	}
}

// TestDeletedDuringRefresh deletes the connection while the provider answers.
func TestDeletedDuringRefresh(t *testing.T) { storetest.DirectAtOnce(t, testDeletedDuringRefresh) }

func testDeletedDuringRefresh(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	// Still valid: even so nothing may be vended of a connection that is gone.
	id := importApp(t, store, "gmail", grantFor(30*time.Second))
	p.beforeAnswer(func(int) {
		if err := store.DeleteConnection(context.Background(), tenant, id); err != nil {
			t.Error(err)
		}
	})
	if cred, err := s.Vend(t.Context(), request(id)); codeOf(err) != vending.ConnectionDeleted || !cred.IsZero() {
		t.Errorf("error %v, want %s", err, vending.ConnectionDeleted)
	}
}

// TestReplacedDuringRefresh replaces the grant while the provider answers, well or that it has
// ended: the caller gets what replaced it, and nothing of the answer is kept.
func TestReplacedDuringRefresh(t *testing.T) { storetest.DirectAtOnce(t, testReplacedDuringRefresh) }

func testReplacedDuringRefresh(t *testing.T) {
	for name, refresh := range map[string]string{"refreshed": "canary-refresh-0", "ended": "canary-refresh-unknown"} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			dir := t.TempDir()
			store, operator := openStore(t, dir), openStore(t, dir)
			s := newSource(t, p, store)
			old := grantFor(-time.Minute)
			old.RefreshToken = refresh
			id := importApp(t, store, "gmail", old)
			replacement := grantFor(time.Hour)
			replacement.AccessToken, replacement.RefreshToken = "canary-replaced", "canary-refresh-replaced"
			p.beforeAnswer(func(int) {
				seen, _ := stored(t, operator, id)
				_, err := operator.ReplaceGrant(context.Background(), seen, connect.NewGrant(replacement), "")
				if err != nil {
					t.Error(err)
				}
			})
			cred, err := s.Vend(t.Context(), request(id))
			if err != nil || tokenOf(cred) != "canary-replaced" {
				t.Errorf("vended another token, %v", err)
			}
			c, v := stored(t, store, id)
			if c.Version != 2 || c.NeedsReconnection || v.RefreshToken != "canary-refresh-replaced" || p.asked() != 1 {
				t.Errorf("%d calls; stored %+v", p.asked(), c)
			}
		})
	}
}

// TestEndedByAnotherCall has a call that read the row before another call's refresh found that the
// grant has ended, and that came too late to share that refresh: its own has nothing left to do.
func TestEndedByAnotherCall(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	r := request(importApp(t, store, "gmail", grantFor(-time.Second)))
	late, err := s.read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	p.current = "another"
	if _, err := s.Vend(t.Context(), r); codeOf(err) != vending.NeedsReconnection {
		t.Fatal(err)
	}
	if err := s.refresh(t.Context(), late); err != nil {
		t.Fatal(err)
	}
	held, err := s.read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.afterRefresh(r, time.Now(), nil); codeOf(err) != vending.NeedsReconnection || p.asked() != 1 {
		t.Errorf("%v after %d calls, want %s after 1", err, p.asked(), vending.NeedsReconnection)
	}
}
