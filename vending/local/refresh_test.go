package local

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// TestOneRefresh has two hundred callers, through two sources on two stores, which act as two
// processes. A provider that rotates would end the grant at the second call.
func TestOneRefresh(t *testing.T) {
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
func TestFirstCallerLeaves(t *testing.T) {
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
	p := startProvider(t)
	dir := t.TempDir()
	store, other := openStore(t, dir), openStore(t, dir)
	s := newSource(t, p, store, func(o *Options) { o.RefreshTimeout = 200 * time.Millisecond })
	lease := func(id string) {
		if ok, err := other.AcquireRefresh(t.Context(), id, "other", time.Hour); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}

	ended := importApp(t, store, "gmail", grantFor(-time.Second))
	lease(ended)
	if _, err := s.Vend(t.Context(), request(ended)); codeOf(err) != vending.UpstreamUnavailable || !errors.Is(err, errLeased) {
		t.Errorf("ended: %v", err)
	}
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
func TestDeletedDuringRefresh(t *testing.T) {
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

// breakStore makes every change of a grant fail, as a full disk would, until mend is called.
func breakStore(t *testing.T, dir string) (mend func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "vendgate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	exec := func(query string) {
		if _, err := db.Exec(query); err != nil {
			t.Error(err)
		}
	}
	exec(`CREATE TRIGGER disk_full BEFORE UPDATE OF sealed ON connections BEGIN SELECT RAISE(ABORT, 'disk full'); END`)
	return func() { exec(`DROP TRIGGER IF EXISTS disk_full`) }
}

// onLog calls a function at each record.
type onLog struct {
	slog.Handler
	f func(slog.Record)
}

func (onLog) Enabled(context.Context, slog.Level) bool { return true }

func (h onLog) Handle(_ context.Context, r slog.Record) error {
	h.f(r)
	return nil
}

// TestUnsavedRotation makes the store fail after the provider has rotated. The new token must not be
// vended unless it could be stored after all.
func TestUnsavedRotation(t *testing.T) {
	for name, c := range map[string]struct {
		lifetime time.Duration
		mendAt   int
		token    string
		code     vending.Code
		tries    int
	}{
		"for good":                     {-time.Second, 99, "", vending.InternalError, 4},
		"for good, old token is valid": {30 * time.Second, 99, "canary-access-0", "", 4},
		"until the second try":         {-time.Second, 1, "canary-access-1", "", 1},
		"until the last try":           {-time.Second, 3, "canary-access-1", "", 3},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			dir := t.TempDir()
			store := openStore(t, dir)
			id := importApp(t, store, "gmail", grantFor(c.lifetime))
			mend := breakStore(t, dir)
			tries := 0
			s := newSource(t, p, store, func(o *Options) {
				o.Logger = slog.New(onLog{slog.DiscardHandler, func(r slog.Record) {
					if r.Message != "storing a refreshed grant" {
						t.Errorf("logged %q", r.Message)
					}
					if tries++; tries == c.mendAt {
						mend()
					}
				}})
			})
			cred, err := s.Vend(t.Context(), request(id))
			if tokenOf(cred) != c.token || codeOf(err) != c.code || tries != c.tries || p.asked() != 1 {
				t.Errorf("token %q, %v, %d failed tries, %d calls; want %q, %q, %d, 1", tokenOf(cred), err, tries, p.asked(), c.token, c.code, c.tries)
			}
			want := "canary-refresh-1"
			if c.mendAt == 99 {
				want = "canary-refresh-0"
			}
			if _, v := stored(t, store, id); v.RefreshToken != want {
				t.Errorf("refresh token %q is stored, want %q", v.RefreshToken, want)
			}
		})
	}
}
