package policy

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vendgate/vendgate/vending"
)

func caller(id, tenant string) *CallerKey {
	return &CallerKey{ID: id, Tenant: tenant, User: "alice@example.com", Connection: "c1"}
}

func codeOf(err error) vending.Code {
	if err == nil {
		return ""
	}
	return vending.AsError(err).Code
}

func TestCallerKeyIsNoTenantKey(t *testing.T) {
	random := strings.Repeat("aZ9", 15)
	for key, want := range map[string]bool{
		CallerKeyPrefix + random: true, "ck_": true,
		KeyPrefix + random: false, "CK_" + random: false, " ck_" + random: false, "ck" + random: false, "": false,
		KeyPrefix + "ck_" + random: false,
	} {
		if IsCallerKey(key) != want {
			t.Errorf("%.12q: %t", key, !want)
		}
		if want && CheckKey(key) == nil {
			t.Errorf("%.12q passes for a tenant key", key)
		}
	}
}

func TestCallerKeyIdentify(t *testing.T) {
	k := caller("k1", "acme")
	for name, c := range map[string]struct {
		named, connection string
		code              vending.Code
	}{
		"its own":               {"", "c1", ""},
		"its own, named":        {"alice@example.com", "c1", ""},
		"another connection":    {"", "c2", vending.ConnectionDeleted},
		"another user":          {"bob@example.com", "c1", vending.ConnectionDeleted},
		"both":                  {"bob@example.com", "c2", vending.ConnectionDeleted},
		"another, by its user":  {"alice@example.com", "c2", vending.ConnectionDeleted},
		"a prefix":              {"", "c", vending.ConnectionDeleted},
		"more":                  {"", "c1 ", vending.ConnectionDeleted},
		"other case":            {"", "C1", vending.ConnectionDeleted},
		"none":                  {"", "", vending.ConnectionDeleted},
		"user in another case":  {"Alice@example.com", "c1", vending.ConnectionDeleted},
		"connection's wildcard": {"", "*", vending.ConnectionDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			user, err := k.Identify(c.named, c.connection)
			if codeOf(err) != c.code || (user == "alice@example.com") != (c.code == "") {
				t.Errorf("%q, %v; want %q", user, err, c.code)
			}
		})
	}
}

func TestCallerKeyPermit(t *testing.T) {
	for name, c := range map[string]struct {
		apps, methods, paths []string
		app, method, path    string
		overrides            []string
		want                 vending.Code
	}{
		"no bounds":              {nil, nil, nil, "gmail", "DELETE", "/x", nil, ""},
		"app":                    {[]string{"slack", "gmail"}, nil, nil, "gmail", "GET", "/", nil, ""},
		"other app":              {[]string{"slack"}, nil, nil, "gmail", "GET", "/", nil, vending.PolicyDenied},
		"method":                 {nil, []string{"GET", "HEAD"}, nil, "gmail", "HEAD", "/", nil, ""},
		"other method":           {nil, []string{"GET"}, nil, "gmail", "POST", "/", nil, vending.PolicyDenied},
		"method in another case": {nil, []string{"GET"}, nil, "gmail", "get", "/", nil, ""},
		"override": {nil, []string{"GET", "POST"}, nil, "gmail", "POST", "/", []string{"DELETE"},
			vending.PolicyDenied},
		"permitted override": {nil, []string{"GET", "POST"}, nil, "gmail", "POST", "/", []string{"GET"}, ""},
		"path of any method": {nil, nil, []string{"/v1/models"}, "gmail", "DELETE", "/v1/models", nil, ""},
		"path below": {nil, nil, []string{"/v1/models"}, "gmail", "GET", "/v1/models/x", nil,
			vending.PolicyDenied},
		"second path": {nil, nil, []string{"/a", "/v1/**"}, "gmail", "GET", "/v1/models/x", nil, ""},
		"encoded slash": {nil, nil, []string{"/v1/*"}, "gmail", "GET", "/v1/models%2Fx", nil,
			vending.PolicyDenied},
		"parameter":     {nil, nil, []string{"/v1"}, "gmail", "GET", "/v1;x=1", nil, vending.PolicyDenied},
		"encoded twice": {nil, nil, []string{"/v1/**"}, "gmail", "GET", "/v1/%252e", nil, vending.InvalidRequest},
		"other host of the app": {nil, nil, []string{"/v1/**"}, "gmail", "GET", "/~other.example/v1/x", nil,
			vending.PolicyDenied},
		"path and method":       {nil, []string{"GET"}, []string{"/v1"}, "gmail", "GET", "/v1", nil, ""},
		"path and other method": {nil, []string{"GET"}, []string{"/v1"}, "gmail", "PUT", "/v1", nil, vending.PolicyDenied},
		"method and other path": {nil, []string{"GET"}, []string{"/v1"}, "gmail", "GET", "/v2", nil, vending.PolicyDenied},
		"app without its own rule": {[]string{"gmail"}, []string{"GET"}, []string{"/v1"}, "gmail", "GET", "/v2", nil,
			vending.PolicyDenied},
	} {
		t.Run(name, func(t *testing.T) {
			k := &CallerKey{Apps: c.apps, Rules: RulesFor(c.methods, c.paths)}
			var err error
			if !k.MayCall(c.app) {
				err = vending.Refuse(vending.PolicyDenied, "")
			} else {
				err = permitted(k.Rules, c.app, c.method, "", c.path, c.overrides...)
			}
			if codeOf(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// wantCaller checks whom a caller key stands for; "" for nobody.
func wantCaller(t *testing.T, k *Keyring, key, want string) {
	t.Helper()
	got := ""
	c, tenant, err := k.Caller(t.Context(), DigestOf(key))
	if c != nil && tenant != nil && err == nil {
		got = c.ID + " of " + tenant.ID
	} else if c != nil || tenant != nil || codeOf(err) != vending.InvalidTenantKey {
		t.Errorf("half an answer: %v, %v, %v", c, tenant, err)
	}
	if got != want {
		t.Errorf("%s stands for %q, want %q", key, got, want)
	}
}

func TestKeyringCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		store.put(stored("beta", "b1"))
		k, log := newKeyring(t, store)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go k.Watch(ctx)
		poll := func() {
			time.Sleep(pollEvery)
			synctest.Wait()
		}
		mortal := caller("mortal", "acme")
		mortal.Expires = time.Now().Add(3 * time.Second)
		keys := map[Digest]*CallerKey{
			DigestOf("k1"): caller("k1", "acme"), DigestOf("k2"): caller("k2", "beta"), DigestOf("mortal"): mortal,
			DigestOf("orphan"): caller("orphan", "nobody"), DigestOf("conf"): caller("clash", "beta"),
		}
		store.putCallers(keys)
		wantCaller(t, k, "k1", "k1 of acme") // at once, although no poll came between
		wantCaller(t, k, "k2", "k2 of beta")
		wantCaller(t, k, "mortal", "mortal of acme")
		wantCaller(t, k, "orphan", "")
		wantCaller(t, k, "b1", "") // a tenant key is no caller key
		wantTenants(t, k, map[string]string{"k1": "", "k2": "", "b1": "beta", "conf": "acme"})
		time.Sleep(3*time.Second - 1)
		wantCaller(t, k, "mortal", "mortal of acme")
		time.Sleep(time.Nanosecond)
		wantCaller(t, k, "mortal", "")

		delete(keys, DigestOf("k1"))
		store.putCallers(keys)
		poll()
		wantCaller(t, k, "k1", "")
		wantCaller(t, k, "k2", "k2 of beta")
		off := stored("beta", "b1")
		off.Disabled = true
		store.put(off)
		poll()
		wantCaller(t, k, "k2", "")
		store.put() // the tenant is gone
		poll()
		wantCaller(t, k, "k2", "")
		if log.Len() > 0 {
			t.Errorf("log: %s", log)
		}
	})
}

func TestKeyringCallersWithoutStore(t *testing.T) {
	k, _ := newKeyring(t, nil)
	wantCaller(t, k, "k1", "")
	wantCaller(t, k, "conf", "")
}

// TestCallerMissesAreBounded: wrong caller keys ask the store as seldom as wrong tenant keys do,
// and an expired one never.
func TestCallerMissesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		ended := caller("ended", "acme")
		ended.Expires = time.Now().Add(-1)
		store.putCallers(map[Digest]*CallerKey{DigestOf("ended"): ended, DigestOf("live"): caller("live", "acme")})
		k, _ := newKeyring(t, store)
		for range 100 {
			wantCaller(t, k, "ended", "")
			wantCaller(t, k, "live", "live of acme")
		}
		if versions, loads := store.asked(); versions != 0 || loads != 1 {
			t.Errorf("asked %d times, loaded %d times", versions, loads)
		}
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() { wantCaller(t, k, "wrong", "") })
		}
		wg.Wait()
		if versions, _ := store.asked(); versions != 1 {
			t.Errorf("100 misses at once asked %d times", versions)
		}
	})
}

// TestCallerStoreErrors: a store that cannot be read takes no caller key away.
func TestCallerStoreErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memoryStore{}
		store.putCallers(map[Digest]*CallerKey{DigestOf("k1"): caller("k1", "acme")})
		k, _ := newKeyring(t, store)
		store.putCallers(nil)
		store.fail(nil, errors.New("disk on fire"))
		k.refresh(t.Context())
		wantCaller(t, k, "k1", "k1 of acme")
	})
}

// TestLimiterCaller: the key's own budget is the narrowest, and what it refuses costs the tenant
// nothing.
func TestLimiterCaller(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	tenant := known(l, Budgets{Token: 100, Connection: 50})
	one, two, free := caller("one", "acme"), caller("two", "acme"), caller("free", "acme")
	one.Budget, two.Budget = 3, 2
	spend := func(k *CallerKey, n int, accepted bool) (refused int, last Spent) {
		for range n {
			reserved, spent, ok := vend(l, tenant, k, "gmail", "c1", now)
			reserved.Commit(accepted && ok)
			if !ok {
				refused, last = refused+1, spent
			}
		}
		return refused, last
	}
	// No source accepts these: they count all the same, or a dead connection would let the agent spend
	// all that the tenant has.
	if refused, last := spend(one, 10, false); refused != 7 || last.Budget != "caller_key" || last.Wait <= 0 {
		t.Errorf("%d refused, the last by %+v", refused, last)
	}
	if refused, last := spend(two, 10, true); refused != 8 || last.Budget != "caller_key" {
		t.Errorf("another key: %d refused, the last by %+v", refused, last)
	}
	if units, _ := tenant.Usage.token.Left(now); units != 95 {
		t.Errorf("%d of the tenant's units left, want 95", units)
	}
	if refused, _ := spend(nil, 1, true); refused != 0 {
		t.Error("the tenant itself pays for its caller keys")
	}
	if refused, last := spend(free, 60, true); refused != 13 || last.Budget != "connection" {
		t.Errorf("a key without a budget: %d refused, the last by %+v", refused, last)
	}
	if refused, _ := spend(one, 1, true); refused != 1 {
		t.Error("the key's budget is full again")
	}
	now = now.Add(20 * time.Second) // three a minute
	if refused, _ := spend(one, 2, true); refused != 1 {
		t.Errorf("%d of 2 refused after a third of a minute", refused)
	}
}

// TestLimiterCallerParallel: at the last unit exactly as many get through as there are.
func TestLimiterCallerParallel(t *testing.T) {
	l, now := NewMemory(nil), time.Now()
	tenant, k := known(l, Budgets{Token: 700}), caller("one", "acme")
	k.Budget = 600
	passed := make(chan struct{}, 1000)
	var wg sync.WaitGroup
	for range 1000 {
		wg.Go(func() {
			if reserved, _, ok := vend(l, tenant, k, "gmail", "c1", now); ok {
				reserved.Commit(true)
				passed <- struct{}{}
			}
		})
	}
	wg.Wait()
	if len(passed) != 600 {
		t.Errorf("%d of 600 passed", len(passed))
	}
}

// TestTenantKeyCostsNothingMore: a call by tenant key allocates no more for there being caller
// keys.
func TestTenantKeyCostsNothingMore(t *testing.T) {
	store := &memoryStore{}
	store.putCallers(map[Digest]*CallerKey{DigestOf("k1"): caller("k1", "acme")})
	k, _ := newKeyring(t, store)
	l, now, digest := NewMemory(nil), time.Now(), DigestOf("conf")
	tenant := known(l, Budgets{Token: 1 << 30})
	if n := testing.AllocsPerRun(100, func() {
		if tenant, _ := k.Lookup(t.Context(), digest); tenant == nil || IsCallerKey("conf") {
			t.Error("the key is not the tenant's")
		}
		if _, _, ok := vend(l, tenant, nil, "gmail", "c1", now); !ok {
			t.Error("refused")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
