package local

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestHandOut: what is known to be refused is handed out no more, and is vended for calls while it
// lasts.
func TestHandOut(t *testing.T) { storetest.DirectAtOnce(t, testHandOut) }

func testHandOut(t *testing.T) {
	p := startProvider(t)
	p.current = "another"
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	flagged := func(c *connect.Connection) { c.NeedsReconnection = true }
	for name, c := range map[string]struct {
		r    vending.Request
		code vending.Code
	}{
		"valid":   {request(importApp(t, store, "gmail", grantFor(time.Hour))), ""},
		"flagged": {request(importApp(t, store, "gmail", grantFor(time.Hour), flagged)), gone},
		"flagged, no expiry": {
			request(importApp(t, store, "gmail", connect.GrantValues{AccessToken: "canary-access-0"}, flagged)), gone},
		"found out, while it lasts": {request(importApp(t, store, "gmail", grantFor(30*time.Second))), gone},
	} {
		r := c.r
		r.HandOut = true
		for range 2 {
			if _, err := s.Vend(t.Context(), r); codeOf(err) != c.code {
				t.Errorf("%s: %v, want %q", name, err, c.code)
			}
		}
		if cred, err := s.Vend(t.Context(), c.r); err != nil || tokenOf(cred) != "canary-access-0" {
			t.Errorf("%s, for a call: %v", name, err)
		}
	}
	if n := p.asked(); n != 1 {
		t.Errorf("%d token calls, want 1", n)
	}
}

// keyed stores a connection of one key.
func keyed(t *testing.T, store *store.Store, key string) vending.Request {
	t.Helper()
	return request(importApp(t, store, "gmail",
		connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: key}}},
		func(c *connect.Connection) { c.AuthType = vending.APIKey }))
}

// TestDoubt follows a key through refusals and accepted calls.
func TestDoubt(t *testing.T) { storetest.DirectAtOnce(t, testDoubt) }

func testDoubt(t *testing.T) {
	store := openStore(t, t.TempDir())
	now := time.Now()
	s := newSource(t, startProvider(t), store, func(o *Options) { o.Now = func() time.Time { return now } })
	r := keyed(t, store, "canary-key")
	held := func() vending.Credential {
		t.Helper()
		c, err := s.Vend(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	refuse := func(c vending.Credential) {
		t.Helper()
		forced := r
		forced.Force, forced.Refused = true, c
		if same, err := s.Vend(t.Context(), forced); err != nil || !same.Equal(held()) {
			t.Errorf("a forced vend: %v", err)
		}
	}
	expect := func(what string, doubted bool) {
		t.Helper()
		if c, _ := stored(t, store, r.Connection); c.NeedsReconnection != doubted || held().Doubted() != doubted ||
			c.Version != 1 {
			t.Errorf("%s: flagged %t, doubted %t, version %d; want %t", what, c.NeedsReconnection, held().Doubted(), c.Version,
				doubted)
		}
	}
	other := vending.NewFields("gmail", vending.APIKey, []vending.Field{{Name: "api_key", Value: "canary-before"}})
	expect("at first", false)
	refuse(other)
	expect("a key of before", false)
	refuse(held())
	expect("refused", true)
	s.Accepted(t.Context(), r, other)
	expect("another key is accepted", true)
	s.Accepted(t.Context(), r, held())
	expect("accepted", false)
	for _, pause := range []time.Duration{time.Minute, 2 * time.Minute} {
		refuse(held())
		now = now.Add(pause - time.Second)
		s.Accepted(t.Context(), r, held())
		expect("accepted too soon", true)
		now = now.Add(time.Second)
		s.Accepted(t.Context(), r, held())
		expect("accepted after the pause", false)
	}
}

// TestDoubtIsNotTheTokenEndpoints: an accepted call does not lift what a token endpoint said.
func TestDoubtIsNotTheTokenEndpoints(t *testing.T) {
	storetest.Each(t, testDoubtIsNotTheTokenEndpoints)
}

func testDoubtIsNotTheTokenEndpoints(t *testing.T) {
	store := openStore(t, t.TempDir())
	s := newSource(t, startProvider(t), store)
	r := request(importApp(t, store, "gmail", grantFor(time.Hour), func(c *connect.Connection) {
		c.NeedsReconnection = true
	}))
	cred, err := s.Vend(t.Context(), r)
	if err != nil || cred.Doubted() {
		t.Fatalf("%v, doubted %t", err, cred.Doubted())
	}
	s.Accepted(t.Context(), r, cred)
	if c, _ := stored(t, store, r.Connection); !c.NeedsReconnection {
		t.Error("the flag is lifted")
	}
}

// TestUnknownRefusalPauses: the token endpoint is asked again after a pause, or for another grant.
func TestUnknownRefusalPauses(t *testing.T) { storetest.DirectAtOnce(t, testUnknownRefusalPauses) }

func testUnknownRefusalPauses(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		answer{400, `{"error":"computer_says_no"}`, nil}.ServeHTTP(w, r)
	}))
	defer server.Close()
	store := openStore(t, t.TempDir())
	now := time.Now()
	s := newSource(t, startProvider(t), store, func(o *Options) {
		o.Catalog, o.Transport, o.Now = appsAt(server.URL), through(server.Client().Transport), func() time.Time {
			return now
		}
	})
	r := request(importApp(t, store, "gmail", grantFor(-time.Second)))
	for i, pause := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute} {
		for range 5 {
			if _, err := s.Vend(t.Context(), r); codeOf(err) != broken {
				t.Errorf("%v, want %s", err, broken)
			}
		}
		if calls != i+1 {
			t.Errorf("%d token calls, want %d", calls, i+1)
		}
		now = now.Add(pause)
	}
	c, v := stored(t, store, r.Connection)
	v.RefreshToken = "canary-refresh-x"
	if _, err := store.UpdateGrant(t.Context(), r.Connection, c.Version, connect.NewGrant(v), false); err != nil {
		t.Fatal(err)
	}
	now = now.Add(-time.Minute)
	if _, err := s.Vend(t.Context(), r); codeOf(err) != broken || calls != 4 {
		t.Errorf("another grant: %v after %d calls", err, calls)
	}
}
