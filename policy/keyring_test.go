package policy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// newKeyring returns a keyring with the configured key "conf" of tenant acme, and its log.
func newKeyring(t *testing.T, store KeyStore) (*Keyring, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	configured := map[Digest]*Tenant{DigestOf("conf"): {ID: "acme", Source: "static"}}
	k := NewKeyring(configured, store, admit, slog.New(slog.NewTextHandler(&log, nil)))
	if err := k.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return k, &log
}

// wantTenants checks the tenant of each key, or the code of an error; "" for none.
func wantTenants(t *testing.T, k *Keyring, want map[string]string) {
	t.Helper()
	for key, id := range want {
		got := ""
		if tenant, err := k.Lookup(t.Context(), DigestOf(key)); err != nil {
			got = string(vending.AsError(err).Code)
		} else if tenant != nil {
			got = tenant.ID
		}
		if got != id {
			t.Errorf("key %s: tenant %q, want %q", key, got, id)
		}
	}
}

func TestKeyringWithoutStore(t *testing.T) {
	k, _ := newKeyring(t, nil)
	wantTenants(t, k, map[string]string{"conf": "acme", "conf\t": "", "Conf": "", "": "", "other": ""})
	k.Watch(context.Background()) // returns at once: there is nothing to watch
}

func TestKeyringChanges(t *testing.T) {
	disabled := stored("acme", "a1")
	disabled.Disabled = true
	off := stored("beta", "b1")
	off.Disabled = true
	for name, c := range map[string]struct {
		before, after []StoredTenant
		want          map[string]string // after a second
	}{
		"new tenant": {nil, []StoredTenant{stored("beta", "b1")},
			map[string]string{"b1": "beta", "conf": "acme"}},
		"rotated, both work": {[]StoredTenant{stored("beta", "b1")}, []StoredTenant{stored("beta", "b1", "b2")},
			map[string]string{"b1": "beta", "b2": "beta"}},
		"promoted, the old one is retired": {[]StoredTenant{stored("beta", "b1", "b2")}, []StoredTenant{stored("beta", "b2")},
			map[string]string{"b1": "", "b2": "beta"}},
		"disabled": {[]StoredTenant{stored("beta", "b1")}, []StoredTenant{off},
			map[string]string{"b1": "", "conf": "acme"}},
		"disabled loses configured keys": {[]StoredTenant{stored("acme", "a1")}, []StoredTenant{disabled},
			map[string]string{"a1": "", "conf": ""}},
		"enabled has them again": {[]StoredTenant{disabled}, []StoredTenant{stored("acme", "a1")},
			map[string]string{"a1": "acme", "conf": "acme"}},
		"gone": {[]StoredTenant{stored("beta", "b1")}, nil,
			map[string]string{"b1": "", "conf": "acme"}},
		"key of another tenant": {[]StoredTenant{stored("beta", "b1")}, []StoredTenant{stored("gamma", "b1")},
			map[string]string{"b1": "gamma"}},
		"the configured key wins": {nil, []StoredTenant{stored("beta", "conf", "b1")},
			map[string]string{"conf": "acme", "b1": "beta"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				store.put(c.before...)
				k, log := newKeyring(t, store)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go k.Watch(ctx)
				store.put(c.after...)
				time.Sleep(pollEvery)
				synctest.Wait()
				wantTenants(t, k, c.want)
				if log.Len() > 0 {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

// TestNewKeyAtOnce: no poll stands between minting a key and its first use.
func TestNewKeyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		k, _ := newKeyring(t, store)
		start := time.Now()
		store.put(stored("beta", "b1"))
		wantTenants(t, k, map[string]string{"b1": "beta"})
		if time.Since(start) != 0 {
			t.Errorf("found after %v", time.Since(start))
		}
		// After a miss, as long as misses must wait; not a poll.
		wantTenants(t, k, map[string]string{"unknown": ""})
		store.put(stored("beta", "b1", "b2"))
		time.Sleep(missEvery + 1)
		wantTenants(t, k, map[string]string{"b2": "beta"})
	})
}

// TestMissesAreBounded: wrong keys ask the store at most every 100 ms, right ones never (hostile
// case 39).
func TestMissesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		k, _ := newKeyring(t, store)
		for range 1000 {
			wantTenants(t, k, map[string]string{"conf": "acme"})
		}
		if versions, loads := store.asked(); versions != 0 || loads != 1 {
			t.Errorf("hits asked %d times and loaded %d times", versions, loads)
		}
		var wg sync.WaitGroup
		for i := range 1000 {
			wg.Go(func() { wantTenants(t, k, map[string]string{fmt.Sprint("wrong", i): ""}) })
		}
		wg.Wait()
		if versions, loads := store.asked(); versions != 1 || loads != 1 {
			t.Errorf("1000 misses at once asked %d times and loaded %d times", versions, loads)
		}
		for i := range 1000 { // one every millisecond
			time.Sleep(time.Millisecond)
			wantTenants(t, k, map[string]string{fmt.Sprint("wrong", i): ""})
		}
		if versions, loads := store.asked(); versions != 1+9 || loads != 1 {
			t.Errorf("a second of misses asked %d times and loaded %d times", versions-1, loads-1)
		}
	})
}

// TestMissesShareAnAnswer: who comes while another asks waits for the answer: its key may be in it.
func TestMissesShareAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{gate: make(chan struct{})}
		k, _ := newKeyring(t, store)
		store.put(stored("beta", "b1"))
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { wantTenants(t, k, map[string]string{"b1": "beta"}) })
		}
		synctest.Wait() // all of them wait
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if tenant, _ := k.Lookup(gone, DigestOf("b1")); tenant != nil {
			t.Error("a caller that is gone got an answer before there was one")
		}
		time.Sleep(time.Second) // a slow store must not be asked by each of them in turn
		close(store.gate)
		wg.Wait()
		if versions, loads := store.asked(); versions != 1 || loads != 2 {
			t.Errorf("asked %d times, loaded %d times", versions, loads)
		}
	})
}

// TestStoreErrors: a store that cannot be read takes no key away, and of one that it did not have
// it is not said that it is wrong. The log says so once.
func TestStoreErrors(t *testing.T) {
	down := errors.New("disk on fire")
	for name, c := range map[string]struct{ version, load error }{"version": {down, nil}, "load": {nil, down},
		"both": {down, down}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				store.put(stored("beta", "b1"))
				k, log := newKeyring(t, store)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go k.Watch(ctx)
				store.put()
				store.fail(c.version, c.load)
				time.Sleep(10 * pollEvery)
				synctest.Wait()
				wantTenants(t, k, map[string]string{"b1": "beta", "conf": "acme", "b2": "upstream_unavailable"})
				if strings.Count(log.String(), "\n") != 1 ||
					!strings.Contains(log.String(), `level=ERROR msg="the store cannot be read`) ||
					!strings.Contains(log.String(), "disk on fire") {
					t.Errorf("log: %s", log)
				}
				log.Reset()
				store.fail(nil, nil)
				time.Sleep(pollEvery)
				synctest.Wait()
				wantTenants(t, k, map[string]string{"b1": "", "conf": "acme"})
				if strings.Count(log.String(), "\n") != 1 ||
					!strings.Contains(log.String(), `msg="the store can be read again" after=9s`) {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

// TestKeysLast: without the store, keys that were read are good for five minutes, and calls are
// refused then, whatever their key. With the store they are good again, by themselves.
func TestKeysLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		store.put(stored("beta", "b1"))
		store.putCallers(map[Digest]*CallerKey{DigestOf("k1"): caller("k1", "beta")})
		k, log := newKeyring(t, store)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go k.Watch(ctx)
		time.Sleep(pollEvery) // the last answer
		synctest.Wait()
		store.fail(errors.New("disk on fire"), nil)
		good := func(when, beta, code string) {
			t.Helper()
			wantTenants(t, k, map[string]string{"b1": beta})
			_, byID, err := k.Caller(t.Context(), DigestOf("k1"))
			if err == nil && byID.ID != beta || err != nil && string(vending.AsError(err).Code) != code {
				t.Errorf("%s: caller key of %v, %v", when, byID, err)
			}
			byName, err := k.Tenant(t.Context(), "beta")
			if err == nil && byName.ID != beta || err != nil && string(vending.AsError(err).Code) != code {
				t.Errorf("%s: tenant %v, %v", when, byName, err)
			}
		}
		time.Sleep(KeysLast - time.Nanosecond)
		good("just before", "beta", "")
		time.Sleep(time.Nanosecond)
		good("five minutes later", "upstream_unavailable", "upstream_unavailable")
		wantTenants(t, k, map[string]string{"conf": "upstream_unavailable", "none": "upstream_unavailable"})
		_, err := k.Lookup(t.Context(), DigestOf("b1"))
		e := vending.AsError(err)
		if e.Origin != vending.FromVending || e.RetryAfter == 0 || !e.Logged || errors.Is(err, ErrKeyUnread) {
			t.Errorf("%+v", e)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := strings.Count(log.String(), "\n"); n != 2 || !strings.Contains(log.String(), "calls are refused") {
			t.Errorf("log: %s", log)
		}
		store.fail(nil, nil)
		time.Sleep(pollEvery)
		synctest.Wait()
		good("with the store", "beta", "")
		wantTenants(t, k, map[string]string{"none": "", "conf": "acme"})
	})
}

// TestKeysAfterSleep: a process that did not run for long asks the store before it takes a key.
func TestKeysAfterSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		store.put(stored("beta", "b1"))
		k, _ := newKeyring(t, store) // not followed meanwhile
		time.Sleep(KeysLast)
		wantTenants(t, k, map[string]string{"b1": "beta"})
		store.put()
		time.Sleep(KeysLast)
		wantTenants(t, k, map[string]string{"b1": ""})
		store.fail(errors.New("disk on fire"), nil)
		time.Sleep(missEvery + 1)
		if _, err := k.Lookup(t.Context(), DigestOf("b1")); !errors.Is(err, ErrKeyUnread) {
			t.Errorf("error %v", err)
		}
	})
}

func TestLoadFails(t *testing.T) {
	down := errors.New("disk on fire")
	k := NewKeyring(nil, &memoryStore{loadErr: down}, admit, slog.New(slog.DiscardHandler))
	if err := k.Load(t.Context()); !errors.Is(err, down) || !strings.HasPrefix(err.Error(), "loading tenants: ") {
		t.Errorf("error %v", err)
	}
}

// TestBeforeLoad: a keyring asks nothing until it is used, and the first lookup knows already whom
// the store has disabled: also of a tenant whose key is configured.
func TestBeforeLoad(t *testing.T) {
	store := &memoryStore{}
	store.put(StoredTenant{ID: "acme", Disabled: true}, StoredTenant{ID: "beta", Keys: []Digest{DigestOf("b1")}})
	configured := map[Digest]*Tenant{DigestOf("conf"): {ID: "acme"}, DigestOf("other"): {ID: "other"}}
	k := NewKeyring(configured, store, admit, slog.New(slog.DiscardHandler))
	if store.versions+store.loads != 0 {
		t.Error("the store was asked by NewKeyring")
	}
	wantTenants(t, k, map[string]string{"conf": "", "b1": "beta", "other": "other"})
	if err := k.Load(t.Context()); err != nil || store.loads != 1 {
		t.Errorf("%d loads, %v", store.loads, err)
	}
	down := NewKeyring(configured, &memoryStore{err: errors.New("disk on fire")}, admit, slog.New(slog.DiscardHandler))
	wantTenants(t, down, map[string]string{"conf": "upstream_unavailable", "other": "upstream_unavailable"})
}

// TestWatch: it asks once a second, loads only what changed, and ends with its context, also in the
// midst of a question.
func TestWatch(t *testing.T) {
	for _, hangs := range []bool{false, true} {
		t.Run(fmt.Sprint("store hangs ", hangs), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &memoryStore{}
				k, log := newKeyring(t, store)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					k.Watch(ctx)
				}()
				time.Sleep(10*pollEvery + pollEvery/2)
				if versions, loads := store.asked(); versions != 10 || loads != 1 {
					t.Errorf("asked %d times, loaded %d times", versions, loads)
				}
				if hangs {
					store.mu.Lock()
					store.gate = make(chan struct{})
					store.mu.Unlock()
					time.Sleep(pollEvery)
				}
				cancel()
				<-ended
				if versions, _ := store.asked(); versions > 11 || log.Len() > 0 {
					t.Errorf("asked %d times, log: %s", versions, log)
				}
			})
		})
	}
}

// TestStoredTenant: what the store says of a tenant reaches admit, once for all of its keys.
func TestStoredTenant(t *testing.T) {
	store := &memoryStore{}
	want := StoredTenant{ID: "beta", Capabilities: []Capability{CapToken}, Keys: []Digest{DigestOf("b1"), DigestOf("b2")}}
	store.put(want)
	k, _ := newKeyring(t, store)
	first, _ := k.Lookup(t.Context(), DigestOf("b1"))
	second, _ := k.Lookup(t.Context(), DigestOf("b2"))
	if first == nil || first != second || first.ID != "beta" || !first.Can(CapToken) || first.Can(CapDelete) {
		t.Errorf("%+v and %+v", first, second)
	}
}

// TestLookupsDuringChanges: a key that both snapshots know is known all the time.
func TestLookupsDuringChanges(t *testing.T) {
	store := &memoryStore{}
	store.put(stored("beta", "b1"))
	k, _ := newKeyring(t, store)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					wantTenants(t, k, map[string]string{"b1": "beta", "conf": "acme"})
				}
			}
		})
	}
	for i := range 500 {
		store.put(stored("beta", "b1", fmt.Sprint(i)))
		if err := k.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantTenants(t, k, map[string]string{fmt.Sprint(i): "beta"})
	}
	close(done)
	wg.Wait()
}

// announcingStore is a KeyStore that tells of changes.
type announcingStore struct {
	memoryStore
	changed chan struct{}
}

func (s *announcingStore) Changed(context.Context) <-chan struct{} { return s.changed }

// TestKeyringAnnounced checks that a change which the store tells of is seen at once, and one that
// it does not tell of within a second.
func TestKeyringAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &announcingStore{changed: make(chan struct{})}
		k := NewKeyring(nil, s, admit, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		watching := make(chan struct{})
		go func() { defer close(watching); k.Watch(ctx) }()
		began := time.Now()
		s.put(stored("acme", "one"))
		s.changed <- struct{}{}
		synctest.Wait()
		if v := k.snapshot.Load().version; v != 1 || time.Since(began) != 0 {
			t.Errorf("version %d after %v, want 1 at once", v, time.Since(began))
		}
		s.put(stored("acme", "two"))
		time.Sleep(pollEvery)
		synctest.Wait()
		if v := k.snapshot.Load().version; v != 2 {
			t.Errorf("version %d after a second, want 2", v)
		}
		cancel()
		<-watching
	})
}
