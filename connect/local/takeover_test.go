package local

import (
	"database/sql"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// eventually polls until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for end := time.Now().Add(30 * time.Second); !f(); <-poll.C {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// vendLater vends in the background.
func vendLater(t *testing.T, s vending.Source, id string) <-chan string {
	t.Helper()
	tokens := make(chan string, 1)
	go func() {
		cred, err := s.Vend(t.Context(), request(id))
		if err != nil {
			t.Error(err)
		}
		tokens <- tokenOf(cred)
	}()
	return tokens
}

// ownerOf reads who has, or had, the refresh lease of a connection.
func ownerOf(t *testing.T, s *store.Store, id string) string {
	t.Helper()
	state, err := s.RefreshState(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return state.Owner
}

// TestTakeover: what a dead process leaves lapses, and the caller that waits for that gets its
// token.
func TestTakeover(t *testing.T) { storetest.Each(t, testTakeover) }

func testTakeover(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store, func(o *Options) { o.Lease = 3 * time.Second })
	id := importApp(t, store, "gmail", grantFor(-time.Second))
	leaseToOther(t, store, id, 300*time.Millisecond)
	p.beforeAnswer(func(int) {
		if state, err := store.RefreshState(t.Context(), id); err != nil || !state.Leased() ||
			!strings.HasPrefix(state.Owner, s.name) {
			t.Errorf("the provider is called while the row says %+v, %v", state, err)
		}
	})
	cred, err := s.Vend(t.Context(), request(id))
	if err != nil || tokenOf(cred) != "canary-access-1" || p.asked() != 1 {
		t.Errorf("token %q, %v after %d calls; want canary-access-1 after 1", tokenOf(cred), err, p.asked())
	}
}

// TestTakeoverGivesTime takes over from a process that lives, and could not write to the store for
// a while. It stores what it got before the provider is called again.
func TestTakeoverGivesTime(t *testing.T) { storetest.Each(t, testTakeoverGivesTime) }

func testTakeoverGivesTime(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	dir := t.TempDir()
	store, other := openStore(t, dir), openStore(t, dir)
	s := newSource(t, p, store, func(o *Options) { o.Lease = 20 * time.Second })
	id := importApp(t, store, "gmail", grantFor(-time.Second))
	leaseToOther(t, other, id, time.Millisecond)
	token := vendLater(t, s, id)
	eventually(t, "taking the lease over", func() bool { return ownerOf(t, store, id) != "other" })
	v := grantFor(time.Hour)
	v.AccessToken = "canary-access-other"
	if _, err := other.UpdateGrant(t.Context(), id, 1, connect.NewGrant(v), false); err != nil {
		t.Fatal(err)
	}
	if got := <-token; got != "canary-access-other" || p.asked() != 0 {
		t.Errorf("token %q after %d calls, want the other's after none", got, p.asked())
	}
}

// TestTakeoverFromTheLiving takes a lease over from a process whose call of the provider is under
// way, as it may be when the clock is set. That call ends before another begins.
func TestTakeoverFromTheLiving(t *testing.T) { storetest.Each(t, testTakeoverFromTheLiving) }

func testTakeoverFromTheLiving(t *testing.T) {
	t.Parallel()
	calls := make(chan *http.Request, 2)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // the server hears of a client that leaves when the body is read
		calls <- r
		if len(calls) == 1 {
			<-r.Context().Done()
			return
		}
		if first := <-calls; first.Context().Err() == nil {
			t.Error("two calls with one refresh token are under way")
		}
		answer{200, `{"access_token":"canary-access-1","refresh_token":"canary-refresh-1","expires_in":3600}`,
			nil}.ServeHTTP(w, r)
	}))
	defer server.Close()
	dir := t.TempDir()
	mine, other := openStore(t, dir), openStore(t, dir)
	id := importApp(t, mine, "gmail", grantFor(-time.Second))
	at := func(opened *store.Store) vending.Source {
		s := New(Options{
			Store: opened, Catalog: appsAt(server.URL), Clients: clients, Transport: through(server.Client().Transport),
			RefreshTimeout: 30 * time.Second, Lease: 10 * time.Second,
		})
		t.Cleanup(s.Close)
		return vending.WithRetry(s) // as the gateway does
	}
	first := vendLater(t, at(mine), id)
	eventually(t, "the first call", func() bool { return len(calls) == 1 })
	second := vendLater(t, at(other), id)
	lapse(t, dir)
	for _, token := range []<-chan string{first, second} {
		if got := <-token; got != "canary-access-1" {
			t.Errorf("token %q", got)
		}
	}
}

// lapse makes all leases lapse, whatever time they had.
func lapse(t *testing.T, dir string) {
	t.Helper()
	storetest.Exec(t, storetest.At(t, dir), `UPDATE connections SET lease_until = 1`)
}

// TestStoppedBeforeItSends stops a process that has the lease and is about to send the refresh
// token, until another has used it up. When it goes on it must not send it, and vend what the other
// one stored.
func TestStoppedBeforeItSends(t *testing.T) { storetest.Each(t, testStoppedBeforeItSends) }

func testStoppedBeforeItSends(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	dir := t.TempDir()
	id := seed(t, dir)
	store := openStoreAt(t, dir, time.Now)
	s := newSource(t, p, store)
	cmd, out, goOn := startChildWith(t, p, dir, id, childStalls+"=1")
	defer func() { _ = cmd.Wait() }()
	defer kill(cmd)
	if line, err := out.ReadString('\n'); err != nil || line != "sending\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if err := cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if got := <-vendLater(t, s, id); got != "canary-access-1" {
		t.Fatalf("token %q, want canary-access-1", got)
	}
	goOn()
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if line, err := out.ReadString('\n'); err != nil || line != "canary-access-1 <nil>\n" {
		t.Errorf("the child vended %q, %v", line, err)
	}
	if n := p.asked(); n != 1 {
		t.Errorf("%d calls of the provider, want 1", n)
	}
}

// TestCloseDoesNotWaitForOthers closes a source that waits for another process, or is about to take
// over from it.
func TestCloseDoesNotWaitForOthers(t *testing.T) {
	storetest.EachAtOnce(t, testCloseDoesNotWaitForOthers)
}

func testCloseDoesNotWaitForOthers(t *testing.T) {
	for name, ttl := range map[string]time.Duration{"waiting": connect.MaxLease, "taking over": time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			store := openStore(t, t.TempDir())
			s := newSource(t, p, store, func(o *Options) { o.RefreshTimeout, o.Lease = time.Minute, time.Minute })
			id := importApp(t, store, "gmail", grantFor(30*time.Second)) // no caller waits
			leaseToOther(t, store, id, ttl)
			if cred, err := s.Vend(t.Context(), request(id)); err != nil || tokenOf(cred) != "canary-access-0" {
				t.Fatalf("token %q, %v; want the one that lasts", tokenOf(cred), err)
			}
			if ttl == time.Millisecond {
				eventually(t, "taking the lease over", func() bool { return ownerOf(t, store, id) != "other" })
			}
			begun := time.Now()
			s.Close()
			if took := time.Since(begun); took > 10*time.Second || p.asked() != 0 {
				t.Errorf("it took %s, and %d calls of the provider", took, p.asked())
			}
			if owner := ownerOf(t, store, id); owner == "" {
				t.Error("the lease was released: the next process would not pause before it calls the provider")
			}
			if _, err := s.Vend(t.Context(), request(id)); err != nil {
				t.Errorf("a token that lasts, from a closed source: %v", err)
			}
		})
	}
}

// TestStoreBusy has the store's lock held by another program: a refresh cannot begin, which is
// nobody's defect.
func TestStoreBusy(t *testing.T) {
	t.Parallel()
	p := startProvider(t)
	dir := t.TempDir()
	store := openStore(t, dir)
	s := newSource(t, p, store, func(o *Options) {
		o.RefreshTimeout, o.Lease = 3*time.Second, 2*time.Second
	})
	id := importApp(t, store, "gmail", grantFor(-time.Second))
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "vendgate.db")+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Vend(t.Context(), request(id)); codeOf(err) != vending.UpstreamUnavailable || p.asked() != 0 {
		t.Errorf("locked: %v after %d calls", err, p.asked())
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if cred, err := s.Vend(t.Context(), request(id)); err != nil || tokenOf(cred) != "canary-access-1" {
		t.Errorf("unlocked: token %q, %v", tokenOf(cred), err)
	}
}
