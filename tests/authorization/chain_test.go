package authorization

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// recorder stands between two gateways and counts the calls of the Platform API by what they ask
// for.
type recorder struct {
	*httptest.Server
	tokens, others atomic.Int64
}

func newRecorder(t *testing.T, to string) *recorder {
	t.Helper()
	target, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 128}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	r := new(recorder)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, in *http.Request) {
		if in.Method == http.MethodPost && strings.HasSuffix(in.URL.Path, "/token") {
			r.tokens.Add(1)
		} else {
			r.others.Add(1)
		}
		proxy.ServeHTTP(w, in)
	}))
	t.Cleanup(func() {
		r.Close()
		transport.CloseIdleConnections()
	})
	return r
}

// chain starts a gateway with the embedded connection manager as a process and, in front of it, one
// in this process that vends from its Platform API. key is the latter's key option.
func (s *stage) chain(key string) (front *harness.Gateway, between *recorder) {
	s.t.Helper()
	back, _ := s.apart("margin 5s")
	between = newRecorder(s.t, back.URL)
	config := fmt.Sprintf("source platform {\nurl %s/platform/v1\nkey %s\nallow_http\nallow_private 127.0.0.0/8\n}\n%s",
		between.URL, key, s.app())
	if key != "passthrough" {
		config += "tenant front {\nkey " + harness.Secret(s.t, "AUTHORIZATION_FRONT", harness.KeyB) +
			"\nbudget token unlimited\n}\n"
	}
	return harness.Start(s.t, config, proxyOnly), between
}

// TestChain calls through two gateways: the first vends from the second's Platform API, which
// refreshes at the provider.
func TestChain(t *testing.T) {
	tests := map[string]struct{ key, callersKey string }{
		"a key of its own": {harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA), harness.KeyB},
		"the caller's key": {"passthrough", harness.KeyA},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			id := s.connect(s.provider.grant(), -time.Second)
			g, between := s.chain(tt.key)
			key := "Authorization: Bearer " + tt.callersKey
			const calls = 25
			for range calls {
				a := get(t, g, id, key)
				_, held := s.held(id)
				if expect(t, "a call", a, "200"); a.digest != bearer(held.AccessToken) {
					t.Fatalf("the upstream got another token than is stored: %s", a)
				}
			}
			if n, others := between.tokens.Load(), between.others.Load(); n != calls || others != 1 {
				t.Errorf("%d calls made %d vends and %d other calls, want %d and 1, to learn the app", calls, n, others, calls)
			}
			if n := vends(t, g, "platform", calls); n != calls {
				t.Errorf("the first gateway counts %d vends", n)
			}
			s.provider.counted("one refresh", tally{TokenCalls: 1, RefreshOK: 1})

			s.api.requests()
			expect(t, "another end user", get(t, g, id, key, "X-User-Email: "+harness.Bob), "404 connection_deleted vending")
			expect(t, "no such connection", get(t, g, "conn_none", key), "404 connection_deleted vending")
			if wrong := get(t, g, id, "Authorization: Bearer pk_live_nobody"); wrong.status != 401 ||
				wrong.code != "invalid_tenant_key" {
				t.Errorf("an unknown key: answered %s", wrong)
			}
			_, held := s.held(id)
			s.provider.revoke(held.RefreshToken)
			refused := get(t, g, id, key)
			expect(t, "a revoked grant", refused, "401 needs_reconnection upstream")
			if got := s.api.requests(); len(got) != 1 || got[0].status != 401 {
				t.Errorf("the upstream got %d calls, want the one with the revoked grant", len(got))
			}
		})
	}
}

// TestChainAfterExpiry: what the second gateway says of a grant reaches the caller of the first.
func TestChainAfterExpiry(t *testing.T) {
	s := newStage(t)
	granted := s.provider.grant()
	revoked, limited := s.connect(granted, -time.Second), s.connect(s.provider.grant(), -time.Second)
	g, between := s.chain(harness.Secret(t, "AUTHORIZATION_BACK", harness.KeyA))
	key := "Authorization: Bearer " + harness.KeyB
	s.provider.revoke(granted.Refresh)
	expect(t, "a revoked grant", get(t, g, revoked, key), "401 needs_reconnection vending")
	expect(t, "a revoked grant, again", get(t, g, revoked, key), "401 needs_reconnection vending")
	s.provider.counted("it was offered once", tally{TokenCalls: 1})
	s.front.takeOver(func(c *tokenCall) {
		c.w.Header().Set("Retry-After", "11")
		c.w.WriteHeader(http.StatusTooManyRequests)
	})
	before := between.tokens.Load()
	a := get(t, g, limited, key)
	expect(t, "a limited provider", a, "429 rate_limited vending")
	if n := between.tokens.Load() - before; a.header.Get("Retry-After") != "11" || n != 1 {
		t.Errorf("Retry-After %q after %d vends", a.header.Get("Retry-After"), n)
	}
	expect(t, "a call when the limit is over", get(t, g, limited, key), "200")
}
