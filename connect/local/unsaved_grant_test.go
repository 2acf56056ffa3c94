package local

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// breakStore makes every change of a grant fail, as a full disk would, until repair is called.
func breakStore(t *testing.T, dir string) (repair func()) {
	t.Helper()
	return storetest.Refuse(t, storetest.At(t, dir), "connections", "UPDATE OF sealed")
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

// TestUnsavedRotation makes the store fail after the provider has rotated. The new token must not
// be vended unless it could be stored after all.
func TestUnsavedRotation(t *testing.T) { storetest.DirectAtOnce(t, testUnsavedRotation) }

func testUnsavedRotation(t *testing.T) {
	for name, c := range map[string]struct {
		lifetime time.Duration
		patience time.Duration
		repairAt int
		token    string
		code     vending.Code
	}{
		"for good":                     {-time.Second, 2 * time.Second, 0, "", vending.InternalError},
		"for good, old token is valid": {50 * time.Second, 2 * time.Second, 0, "canary-access-0", ""},
		"until the second try":         {-time.Second, time.Minute, 1, "canary-access-1", ""},
		"for more than a second":       {-time.Second, time.Minute, 5, "canary-access-1", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startProvider(t)
			dir := t.TempDir()
			store := openStore(t, dir)
			id := importApp(t, store, "gmail", grantFor(c.lifetime))
			repair := breakStore(t, dir)
			tries := 0
			s := newSource(t, p, store, func(o *Options) {
				o.RefreshTimeout = c.patience
				o.Logger = slog.New(onLog{slog.DiscardHandler, func(r slog.Record) {
					if tries++; tries == c.repairAt {
						repair()
					}
				}})
			})
			cred, err := s.Vend(t.Context(), request(id))
			if tokenOf(cred) != c.token || codeOf(err) != c.code || p.asked() != 1 || c.repairAt != 0 && tries != c.repairAt {
				t.Errorf("token %q, %v, %d failed tries, %d calls; want %q, %q, %d, 1", tokenOf(cred), err, tries, p.asked(),
					c.token, c.code, c.repairAt)
			}
			want := "canary-refresh-1"
			if c.repairAt == 0 {
				want = "canary-refresh-0"
			}
			if _, v := stored(t, store, id); v.RefreshToken != want {
				t.Errorf("refresh token %q is stored, want %q", v.RefreshToken, want)
			}
		})
	}
}

// rotateUnsaved has a source whose provider has rotated while the store takes nothing. It takes the
// whole RefreshTimeout, so that tests run it in parallel.
func rotateUnsaved(t *testing.T, change ...func(*Options)) (p *provider, store *store.Store, s *Source, id string,
	repair func()) {
	t.Helper()
	p = startProvider(t)
	dir := t.TempDir()
	store = openStore(t, dir)
	id = importApp(t, store, "gmail", grantFor(-time.Second))
	repair = breakStore(t, dir)
	s = newSource(t, p, store, append([]func(*Options){func(o *Options) {
		o.RefreshTimeout = 2 * time.Second
		o.Lease = connect.MaxLease // so that the keeper leaves it alone
	}}, change...)...)
	for range 2 { // the second must not send the spent token
		if cred, err := s.Vend(t.Context(), request(id)); codeOf(err) != vending.InternalError || !cred.IsZero() {
			t.Fatalf("token %q, %v; want nothing", tokenOf(cred), err)
		}
	}
	if n := p.asked(); n != 1 {
		t.Fatalf("%d calls, want 1", n)
	}
	if state, err := store.RefreshState(t.Context(), id); err != nil || !state.Leased() {
		t.Fatalf("%+v, %v: another process may send the spent token", state, err)
	}
	return p, store, s, id, repair
}

func (u *unsavedGrants) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.grants)
}

// TestRetrySave repairs the store: the unsaved grant must be stored before it is vended, and
// forgotten.
func TestRetrySave(t *testing.T) { storetest.Each(t, testRetrySave) }

func testRetrySave(t *testing.T) {
	t.Parallel()
	p, store, s, id, repair := rotateUnsaved(t)
	repair()
	if cred, err := s.Vend(t.Context(), request(id)); err != nil || tokenOf(cred) != "canary-access-1" {
		t.Errorf("token %q, %v; want canary-access-1", tokenOf(cred), err)
	}
	c, v := stored(t, store, id)
	if v.RefreshToken != "canary-refresh-1" || c.Version != 2 || c.NeedsReconnection || p.asked() != 1 ||
		s.unsaved.count() != 0 {
		t.Errorf("refresh token %q at version %d, %d calls, %d unsaved", v.RefreshToken, c.Version, p.asked(),
			s.unsaved.count())
	}
}

// TestRetrySaveForNobody has no caller who would read the row again.
func TestRetrySaveForNobody(t *testing.T) { storetest.Each(t, testRetrySaveForNobody) }

func testRetrySaveForNobody(t *testing.T) {
	t.Parallel()
	_, store, s, id, repair := rotateUnsaved(t)
	repair()
	h, err := s.read(t.Context(), request(id))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.runRefresh(t.Context(), h); err != nil || s.unsaved.count() != 0 {
		t.Errorf("%v, %d unsaved", err, s.unsaved.count())
	}
	if state, err := store.RefreshState(t.Context(), id); err != nil || state != (connect.RefreshState{Version: 2}) {
		t.Errorf("%+v, %v; want version 2 and no lease", state, err)
	}
}

// TestRetrySaveAfterTheTokenEnded repairs the store when the kept access token has ended as well:
// its refresh token still makes the next.
func TestRetrySaveAfterTheTokenEnded(t *testing.T) {
	storetest.Each(t, testRetrySaveAfterTheTokenEnded)
}

func testRetrySaveAfterTheTokenEnded(t *testing.T) {
	t.Parallel()
	later := time.Duration(0)
	p, store, s, id, repair := rotateUnsaved(t, func(o *Options) {
		o.Now = func() time.Time { return time.Now().Add(later) }
	})
	repair()
	later = 2 * time.Hour
	p.beforeAnswer(func(issued int) {
		if _, v := stored(t, store, id); issued == 2 && v.RefreshToken != "canary-refresh-1" {
			t.Errorf("refresh token %q was sent before it was stored", v.RefreshToken)
		}
	})
	cred, err := s.Vend(t.Context(), request(id))
	if err != nil || tokenOf(cred) != "canary-access-2" || p.asked() != 2 {
		t.Errorf("token %q, %v after %d calls; want canary-access-2 after 2", tokenOf(cred), err, p.asked())
	}
}

// TestRetrySaveMovedOn has the end user connect again, or the connection deleted, in the meantime.
func TestRetrySaveMovedOn(t *testing.T) { storetest.DirectAtOnce(t, testRetrySaveMovedOn) }

func testRetrySaveMovedOn(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*store.Store, string) error
		token  string
		code   vending.Code
		kept   int
	}{
		"connected again": {func(s *store.Store, id string) error {
			v := grantFor(time.Hour)
			v.AccessToken = "canary-access-again"
			_, err := s.UpdateGrant(context.Background(), id, 1, connect.NewGrant(v), false)
			return err
		}, "canary-access-again", "", 0},
		"deleted": {func(s *store.Store, id string) error {
			return s.DeleteConnection(context.Background(), tenant, id)
		}, "", vending.ConnectionDeleted, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, store, s, id, repair := rotateUnsaved(t)
			repair()
			if err := c.change(store, id); err != nil {
				t.Fatal(err)
			}
			cred, err := s.Vend(t.Context(), request(id))
			if tokenOf(cred) != c.token || codeOf(err) != c.code || p.asked() != 1 || s.unsaved.count() != c.kept {
				t.Errorf("token %q, %v, %d calls, %d unsaved; want %q, %q, 1, %d", tokenOf(cred), err, p.asked(), s.unsaved.count(),
					c.token, c.code, c.kept)
			}
			s.Close()
			if n := s.unsaved.count(); n != 0 {
				t.Errorf("%d grants are kept by a closed source", n)
			}
		})
	}
}

// TestCloseStoresWhatIsKept reloads the configuration, as it were: the next source must find the
// rotation.
func TestCloseStoresWhatIsKept(t *testing.T) { storetest.Each(t, testCloseStoresWhatIsKept) }

func testCloseStoresWhatIsKept(t *testing.T) {
	t.Parallel()
	p, store, s, id, repair := rotateUnsaved(t)
	repair()
	s.Close()
	if cred, err := newSource(t, p, store).Vend(t.Context(), request(id)); err != nil ||
		tokenOf(cred) != "canary-access-1" || p.asked() != 1 {
		t.Errorf("token %q, %v after %d calls; want canary-access-1 after 1", tokenOf(cred), err, p.asked())
	}
}

// TestUnrotatedIsNotKept: a refresh token that still works is no reason to hold a credential.
func TestUnrotatedIsNotKept(t *testing.T) {
	var u unsavedGrants
	h := connectionGrant{app: &catalog.App{}, values: grantFor(0)}
	if kept := u.add(h, connect.NewGrant(grantFor(time.Hour)), "owner"); kept || u.count() != 0 {
		t.Errorf("%d grants are unsaved, want none", u.count())
	}
}

// TestTooLargeToStore has a grant that no store will ever take: it is tried once, and not kept.
func TestTooLargeToStore(t *testing.T) { storetest.DirectAtOnce(t, testTooLargeToStore) }

func testTooLargeToStore(t *testing.T) {
	server := httptest.NewServer(answer{200, `{"access_token":"n","refresh_token":"` + strings.Repeat("r", 70<<10) + `"}`,
		nil})
	defer server.Close()
	store := openStore(t, t.TempDir())
	tries := 0
	s := New(Options{
		Store: store, Catalog: appsAt(server.URL), Clients: clients, Transport: through(server.Client().Transport),
		RefreshTimeout: generous,
		Logger:         slog.New(onLog{slog.DiscardHandler, func(slog.Record) { tries++ }}),
	})
	defer s.Close()
	_, err := s.Vend(t.Context(), request(importApp(t, store, "gmail", grantFor(-time.Second))))
	if codeOf(err) != vending.InternalError || tries != 1 || s.unsaved.count() != 0 {
		t.Errorf("%v after %d tries, %d unsaved; want %s after 1, none", err, tries, s.unsaved.count(), vending.InternalError)
	}
}
