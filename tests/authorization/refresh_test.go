package authorization

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestRefreshWhenExpired: an expired token is refreshed once, and then used for its minute.
func TestRefreshWhenExpired(t *testing.T) {
	s := newStage(t)
	id := s.connect(s.provider.grant(), -time.Second)
	g := s.start("5s")
	first := get(t, g, id)
	expect(t, "the first call", first, "200")
	for range 3 {
		if again := get(t, g, id); again.status != 200 || again.digest != first.digest {
			t.Errorf("a later call is answered %s, want the token of the first", again)
		}
	}
	s.provider.counted("one refresh serves the minute", tally{TokenCalls: 1, RefreshOK: 1})
	_, held := s.held(id)
	if left := time.Until(held.Expiry); left < 50*time.Second || left > time.Minute ||
		bearer(held.AccessToken) != first.digest {
		t.Errorf("the store holds a token that ends in %s, or another one than the upstream got", left)
	}
}

// TestRotationIsDurable: each refresh sends the token that the one before brought, across restarts,
// and none twice.
func TestRotationIsDurable(t *testing.T) {
	s := newStage(t)
	granted := s.provider.grant()
	id := s.connect(granted, -time.Second)
	digests := make(map[string]bool)
	var chain []string
	for run := range 2 {
		t.Run(fmt.Sprintf("run %d", run+1), func(t *testing.T) {
			g := harness.Start(t, s.local("margin 5s"), site)
			for range 3 {
				before := s.expire(id)
				chain = append(chain, before.RefreshToken)
				a := get(t, g, id)
				expect(t, "a call", a, "200")
				digests[a.digest] = true
			}
		})
	}
	if chain[0] != granted.Refresh || len(digests) != 6 {
		t.Errorf("%d access tokens in 6 calls, beginning with the granted refresh token: %t", len(digests),
			chain[0] == granted.Refresh)
	}
	if sent := s.front.refreshTokens(); !slices.Equal(sent, chain) ||
		len(slices.Compact(slices.Sorted(slices.Values(sent)))) != 6 {
		t.Error("the refresh tokens sent are not those stored before, each once")
	}
	s.provider.counted("no refresh token came twice", tally{TokenCalls: 6, RefreshOK: 6})
}

// TestRevoked: a grant ended at the provider is needs_reconnection, whether the token looks expired
// or valid, and is not offered to the provider again.
func TestRevoked(t *testing.T) {
	tests := map[string]struct {
		lifetime time.Duration
		want     string
	}{
		"expired":        {-time.Second, "401 needs_reconnection vending"},
		"within margin":  {4 * time.Second, "401 needs_reconnection upstream"},
		"looks valid":    {time.Minute, "401 needs_reconnection upstream"},
		"expiry unknown": {24 * time.Hour, "401 needs_reconnection upstream"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			granted := s.provider.grant()
			other := s.connect(s.provider.grant(), -time.Second)
			id := s.connect(granted, tt.lifetime)
			g := s.start("5s")
			s.provider.revoke(granted.Refresh)
			expect(t, "the first call", get(t, g, id), tt.want)
			calls := s.provider.counters().TokenCalls
			if calls == 0 {
				t.Error("the provider was not asked at all")
			}
			for range 3 {
				expect(t, "a later call", get(t, g, id), tt.want)
			}
			if more := s.provider.counters(); more.TokenCalls != calls || more.RefreshReuse != 0 {
				t.Errorf("%d token calls at first, then %+v: a refused grant was offered again", calls, more)
			}
			if c, _ := s.held(id); !c.NeedsReconnection {
				t.Error("the store does not say needs_reconnection")
			}
			expect(t, "another connection", get(t, g, other), "200")
		})
	}
}

// TestParallelCallsOneRefresh: 200 callers at an expired token make one token call.
func TestParallelCallsOneRefresh(t *testing.T) {
	s := newStage(t, "-delay", "300ms")
	id := s.connect(s.provider.grant(), -time.Second)
	g := s.start("5s")
	answers := parallel(t, 200, func() (answer, error) {
		return send(g, g.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
	})
	for _, a := range answers {
		if a.status != 200 || a.digest != answers[0].digest {
			t.Errorf("answered %s, want one token for all", a)
		}
	}
	s.provider.counted("one refresh for all", tally{TokenCalls: 1, RefreshOK: 1})
	if got := len(s.api.requests()); got != 200 {
		t.Errorf("the upstream got %d calls, want 200", got)
	}
}

// TestTwoProcessesOneRefresh: the same with two gateway processes over one data directory.
func TestTwoProcessesOneRefresh(t *testing.T) {
	s := newStage(t, "-delay", "300ms")
	id := s.connect(s.provider.grant(), -time.Second)
	one, _ := s.apart("margin 5s")
	two, _ := s.apart("margin 5s")
	gateways := make(chan *harness.Gateway, 40)
	for range 20 {
		gateways <- one
		gateways <- two
	}
	answers := parallel(t, 40, func() (answer, error) {
		g := <-gateways
		return send(g, g.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
	})
	for _, a := range answers {
		if a.status != 200 || a.digest != answers[0].digest {
			t.Errorf("answered %s, want one token for all", a)
		}
	}
	s.provider.counted("one refresh for both processes", tally{TokenCalls: 1, RefreshOK: 1})
}

// parallel runs f n times at once.
func parallel(t testing.TB, n int, f func() (answer, error)) []answer {
	t.Helper()
	answers := make([]answer, n)
	var callers sync.WaitGroup
	begin := make(chan struct{})
	for i := range answers {
		callers.Go(func() {
			<-begin
			a, err := f()
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
			answers[i] = a
		})
	}
	close(begin)
	callers.Wait()
	return answers
}

// TestFirstCallerCancelled: the caller that began a shared refresh goes away while the provider
// works on it; the others get their answer from it.
func TestFirstCallerCancelled(t *testing.T) {
	s := newStage(t)
	id := s.connect(s.provider.grant(), -time.Second)
	g := s.start("5s")
	reached, proceed := make(chan struct{}), make(chan struct{})
	s.front.takeOver(func(c *tokenCall) {
		_, body := c.forward() // rotated: who gives the call up now has lost the grant
		close(reached)
		select {
		case <-proceed:
			c.w.Header().Set("Content-Type", "application/json")
			_, _ = c.w.Write(body) // a lost answer shows in what the callers get
		case <-c.Done():
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	gone := make(chan error, 1)
	go func() {
		_, err := send(g, g.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil).WithContext(ctx))
		gone <- err
	}()
	<-reached
	answers := make(chan []answer, 1)
	go func() {
		answers <- parallel(t, 20, func() (answer, error) {
			return send(g, g.Request(http.MethodGet, "/proxy/"+id+"/crm/me", nil))
		})
	}()
	inFlight := func(n int) func() bool {
		return func() bool { return metric(t, g, "caddy_vendgate_in_flight") == n }
	}
	harness.Within(t, "21 calls under way", 10*time.Second, inFlight(21))
	cancel()
	if err := <-gone; err == nil {
		t.Error("the cancelled caller got an answer")
	}
	harness.Within(t, "the first call's end", 10*time.Second, inFlight(20))
	close(proceed)
	for _, a := range <-answers {
		expect(t, "a caller that stayed", a, "200")
	}
	s.provider.counted("one refresh, begun by a caller that left", tally{TokenCalls: 1, RefreshOK: 1})
}
