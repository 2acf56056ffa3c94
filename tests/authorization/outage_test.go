package authorization

import (
	"net/http"
	"testing"
	"time"
)

// TestProviderDown: within the margin the old token is used, after its end the call can be tried
// again later.
func TestProviderDown(t *testing.T) {
	tests := map[string]struct {
		lifetime time.Duration
		want     string
	}{
		"valid, within margin": {50 * time.Second, "200"},
		"valid, before margin": {10 * time.Minute, "200"},
		"expired":              {-time.Second, "503 upstream_unavailable vending"},
	}
	s := newStage(t)
	g := s.start("2m")
	s.front.Close() // connections are refused from now on; the upstream still asks the provider itself
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			granted := s.provider.grant()
			id := s.connect(granted, tt.lifetime)
			s.api.requests()
			a := get(t, g, id)
			expect(t, "a call", a, tt.want)
			if a.status == 200 && a.digest != bearer(granted.Access) {
				t.Error("the upstream got another token than the stored one")
			}
			if forwarded := len(s.api.requests()); (a.status == 200) != (forwarded == 1) {
				t.Errorf("the upstream got %d calls", forwarded)
			}
			if c, held := s.held(id); held.RefreshToken != granted.Refresh || c.NeedsReconnection {
				t.Error("an outage changed what is stored")
			}
		})
	}
	s.provider.counted("nothing reached the provider", tally{})
}

// TestProviderFails counts the tries: at most three in all, and only as many as it takes.
func TestProviderFails(t *testing.T) {
	tests := map[string]struct {
		status, times int
		lifetime      time.Duration
		want          string
		calls         int
	}{
		"once":                      {503, 1, -time.Second, "200", 2},
		"twice":                     {500, 2, -time.Second, "200", 3},
		"three times":               {503, 3, -time.Second, "503 upstream_unavailable vending", 3},
		"always":                    {502, 1000, -time.Second, "503 upstream_unavailable vending", 3},
		"always, and the old lasts": {503, 1000, 50 * time.Second, "200", 1},
		"too many requests":         {429, 1000, -time.Second, "429 rate_limited vending", 1},
	}
	s := newStage(t)
	g := s.start("1m")
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id := s.connect(s.provider.grant(), tt.lifetime)
			s.api.requests()
			before := s.provider.counters()
			s.provider.fail(tt.status, tt.times)
			defer s.provider.fail(tt.status, 0)
			a := get(t, g, id)
			expect(t, "a call", a, tt.want)
			if n := s.provider.counters().TokenCalls - before.TokenCalls; n != tt.calls {
				t.Errorf("%d token calls, want %d", n, tt.calls)
			}
			if forwarded := len(s.api.requests()); (a.status == 200) != (forwarded == 1) {
				t.Errorf("the upstream got %d calls", forwarded)
			}
			if retry := a.header.Get("Retry-After"); (a.status == 429) != (retry == "1") {
				t.Errorf("Retry-After %q", retry)
			}
			s.provider.fail(tt.status, 0)
			expect(t, "a call after the outage", get(t, g, id), "200")
		})
	}
	if reuse := s.provider.counters().RefreshReuse; reuse != 0 {
		t.Errorf("%d refresh tokens came twice", reuse)
	}
}

// TestRetryAfter: what the provider says of its limit reaches the caller, in whole seconds and
// within a day.
func TestRetryAfter(t *testing.T) {
	s := newStage(t)
	g := s.start("5s")
	tests := map[string]struct{ said, want string }{
		"seconds":      {"7", "7"},
		"absent":       {"", "1"},
		"a past date":  {"Wed, 21 Oct 2015 07:28:00 GMT", "1"},
		"a far date":   {"Fri, 31 Dec 9999 23:59:59 GMT", "86400"},
		"over a day":   {"1000000", "86400"},
		"no such time": {"soon", "1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			id := s.connect(s.provider.grant(), -time.Second)
			s.front.takeOver(func(c *tokenCall) {
				if tt.said != "" {
					c.w.Header().Set("Retry-After", tt.said)
				}
				c.w.WriteHeader(http.StatusTooManyRequests)
			})
			sent := len(s.front.refreshTokens())
			a := get(t, g, id)
			expect(t, "a call", a, "429 rate_limited vending")
			if got := a.header.Get("Retry-After"); got != tt.want {
				t.Errorf("Retry-After %q, want %q", got, tt.want)
			}
			if n := len(s.front.refreshTokens()) - sent; n != 1 {
				t.Errorf("%d token calls, want 1: a limit is not to be pressed", n)
			}
		})
	}
}
