package authorization

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

const (
	callers        = 64
	callsPerCaller = 25
)

// load makes callers × callsPerCaller calls to a path; each must be answered 200 with the digest
// want.
func load(t *testing.T, g *harness.Gateway, path, key, want string) {
	t.Helper()
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for range callsPerCaller {
				a, err := send(g, g.Request(http.MethodGet, path, nil, "Authorization: Bearer "+key))
				if err != nil || a.status != 200 || a.digest != want {
					t.Errorf("answered %s, %v", a, err)
					return
				}
			}
		})
	}
	running.Wait()
}

// TestEveryCallVends counts under load: as many vends as forwarded requests, for each source.
func TestEveryCallVends(t *testing.T) {
	const calls = callers * callsPerCaller
	anyone := func(*http.Request) bool { return true }
	check := func(t *testing.T, s *stage, g *harness.Gateway, source string) {
		t.Helper()
		if n, forwarded := vends(t, g, source, calls), len(s.api.requests()); n != calls || forwarded != calls {
			t.Errorf("%d calls: %d vends, %d forwarded", calls, n, forwarded)
		}
	}
	t.Run("static", func(t *testing.T) {
		s := &stage{t: t, api: newAPI(t, anyone)}
		g := harness.Start(t, fmt.Sprintf(`
	app crm {
		auth_type api_key
		upstream %s
		field api_key "API key" secret
		header Authorization "Bearer {api_key}"
		allow_http
		allow_private 127.0.0.0/8
	}
	source static {
		connection c1 {
			tenant acme
			app crm
			field api_key %s
		}
	}
	%s`, s.api.URL, harness.Secret(t, "AUTHORIZATION_STATIC", "sk-static"), tenant(t)), proxyOnly)
		load(t, g, "/proxy/c1/crm/me", harness.KeyA, bearer("sk-static"))
		check(t, s, g, "static")
	})
	t.Run("local", func(t *testing.T) {
		s := newStage(t)
		s.api.valid = anyone
		granted := s.provider.grant()
		id := s.connect(granted, time.Hour)
		g := s.start("5s")
		load(t, g, "/proxy/"+id+"/crm/me", harness.KeyA, bearer(granted.Access))
		check(t, s, g, "local")
		s.provider.counted("the token was valid", tally{})
	})
	t.Run("platform", func(t *testing.T) {
		s := newStage(t)
		s.api.valid = anyone
		granted := s.provider.grant()
		id := s.connect(granted, time.Hour)
		g, between := s.chain(harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA))
		load(t, g, "/proxy/"+id+"/crm/me", harness.KeyB, bearer(granted.Access))
		check(t, s, g, "platform")
		if n := between.tokens.Load(); n != calls {
			t.Errorf("%d calls made %d vends at the platform", calls, n)
		}
	})
}

// TestForcedVends: a refused token costs one vend more, seen where a vend is a call of its own. The
// platform has no way to be told that its token was refused, so that the same comes back and
// nothing is replayed.
func TestForcedVends(t *testing.T) {
	s := newStage(t)
	granted := s.provider.grant()
	id := s.connect(granted, time.Minute)
	g, between := s.chain(harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA))
	key := "Authorization: Bearer " + harness.KeyB
	expect(t, "a call", get(t, g, id, key), "200")
	s.provider.expire(granted.Access)
	s.api.requests()
	expect(t, "a call with a refused token", get(t, g, id, key), "401 needs_reconnection upstream")
	if n, forwarded := between.tokens.Load(), len(s.api.requests()); n != 3 || forwarded != 1 {
		t.Errorf("two calls, one of them refused, made %d vends, and the refused one %d requests; want 3 and 1", n, forwarded)
	}
}

// TestNothingIsCached changes what is stored between two calls; the very next call uses it.
func TestNothingIsCached(t *testing.T) {
	for name, chained := range map[string]bool{"local": false, "platform": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			granted := s.provider.grant()
			id := s.connect(granted, time.Hour)
			var g *harness.Gateway
			key := "Authorization: Bearer " + harness.KeyA
			if chained {
				g, _ = s.chain(harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA))
				key = "Authorization: Bearer " + harness.KeyB
			} else {
				g = s.start("5s")
			}
			for i := range 10 {
				if a := get(t, g, id, key); a.status != 200 || a.digest != bearer(granted.Access) {
					t.Fatalf("call %d: answered %s, want the token stored just before", i+1, a)
				}
				granted = s.provider.grant()
				c, _ := s.held(id)
				_, err := s.store.UpdateGrant(t.Context(), id, c.Version, connect.NewGrant(connect.GrantValues{
					AccessToken: granted.Access, RefreshToken: granted.Refresh, Expiry: time.Now().Add(time.Hour),
				}), false)
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := s.store.DeleteConnection(t.Context(), "acme", id); err != nil {
				t.Fatal(err)
			}
			s.api.requests()
			expect(t, "a call of the deleted connection", get(t, g, id, key),
				"404 connection_deleted "+string(vending.FromVending))
			if n := len(s.api.requests()); n != 0 {
				t.Errorf("the upstream got %d calls of the deleted connection", n)
			}
		})
	}
}
