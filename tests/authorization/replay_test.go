package authorization

import (
	"bytes"
	"crypto/rand"
	"io"
	"net/http"
	"testing"
	"time"
)

// kept is the largest body that is kept for a replay, in bytes.
const kept = 64 << 10

// TestReplay: a token that looks valid and is not costs one forced vend and one replay, with the
// body as it was; a body too large to keep is not sent again, and the next call works.
func TestReplay(t *testing.T) {
	s := newStage(t)
	g := s.start("5s")
	tests := map[string]struct {
		body    int
		chunked bool
		replays bool
	}{
		"no body":                {0, false, true},
		"one byte":               {1, false, true},
		"64 KiB":                 {kept, false, true},
		"64 KiB and a byte":      {kept + 1, false, false},
		"a megabyte":             {1 << 20, false, false},
		"a body of unknown size": {10, true, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			granted := s.provider.grant()
			id := s.connect(granted, time.Minute)
			s.provider.expire(granted.Access)
			before := s.provider.counters()
			s.api.requests()
			body := make([]byte, tt.body)
			_, _ = rand.Read(body)
			r := g.Request(http.MethodPost, "/proxy/"+id+"/crm/messages", body)
			if tt.chunked {
				r.Body, r.GetBody, r.ContentLength = io.NopCloser(bytes.NewReader(body)), nil, -1
			}
			a, err := send(g, r)
			if err != nil {
				t.Fatal(err)
			}
			got := s.api.requests()
			want := []string{bearer(granted.Access)}
			if tt.replays {
				expect(t, "the call", a, "200")
				_, fresh := s.held(id)
				want = append(want, bearer(fresh.AccessToken))
			} else {
				expect(t, "the call", a, "503 upstream_unavailable upstream")
			}
			if len(got) != len(want) {
				t.Fatalf("the upstream got %d calls, want %d", len(got), len(want))
			}
			for i := range got {
				if digest(got[i].authorization) != want[i] || !bytes.Equal(got[i].body, body) {
					t.Errorf("request %d: another token than expected, or a body of %d bytes that differs", i+1, len(got[i].body))
				}
			}
			next := get(t, g, id)
			expect(t, "the next call", next, "200")
			s.provider.counted("one forced vend, one refresh",
				tally{TokenCalls: before.TokenCalls + 1, RefreshOK: before.RefreshOK + 1})
		})
	}
}

// TestNeverTwice: an upstream that refuses every token gets each call twice and never a third time.
func TestNeverTwice(t *testing.T) {
	s := newStage(t)
	granted := s.provider.grant()
	id := s.connect(granted, time.Minute)
	g := s.start("5s")
	s.api.refuses.Store(true)
	expect(t, "a call", get(t, g, id), "401 needs_reconnection upstream")
	got := s.api.requests()
	if len(got) != 2 || got[0].authorization == got[1].authorization {
		t.Errorf("the upstream got %d calls, want two with different tokens", len(got))
	}
	s.provider.counted("one forced vend", tally{TokenCalls: 1, RefreshOK: 1})
	s.api.refuses.Store(false)
	expect(t, "a call when it relents", get(t, g, id), "200")
	s.provider.counted("the grant was not given up", tally{TokenCalls: 1, RefreshOK: 1})
}

// TestRefusedAgainAndAgain: an upstream that no new token satisfies, as for want of a scope, costs
// one refresh, not one a call, and the grant is not given up.
func TestRefusedAgainAndAgain(t *testing.T) {
	s := newStage(t)
	id := s.connect(s.provider.grant(), time.Minute)
	g := s.start("5s")
	s.api.refuses.Store(true)
	for range 10 {
		a := get(t, g, id)
		expect(t, "a call", a, "401 needs_reconnection upstream")
		if !bytes.Contains([]byte(a.body), []byte(`"reason":"fresh_credential_refused"`)) {
			t.Errorf("the reason: %s", a.body)
		}
	}
	for _, a := range parallel(t, 10, func() (answer, error) {
		return send(g, g.Request(http.MethodPost, "/proxy/"+id+"/crm/messages", nil))
	}) {
		expect(t, "a parallel call", a, "401 needs_reconnection upstream")
	}
	s.provider.counted("one forced vend", tally{TokenCalls: 1, RefreshOK: 1})
	if sent := len(s.api.requests()); sent != 21 {
		t.Errorf("the upstream got %d calls, want one each and one replay", sent)
	}
	s.api.refuses.Store(false)
	expect(t, "a call that it does not refuse", get(t, g, id), "200")
	s.provider.counted("the grant lives", tally{TokenCalls: 1, RefreshOK: 1})
}

// TestEndedGrantIsTold: a 401 whose forced vend finds the grant revoked says so.
func TestEndedGrantIsTold(t *testing.T) {
	s := newStage(t)
	granted := s.provider.grant()
	id := s.connect(granted, time.Minute)
	g := s.start("5s")
	s.provider.revoke(granted.Refresh) // and the access token with it
	for range 2 {
		if a := get(t, g, id); !bytes.Contains([]byte(a.body), []byte(`"reason":"grant_ended"`)) {
			t.Errorf("%v: %s", a, a.body)
		}
	}
}

// TestParallelReplays: 50 callers that meet one refused token share one forced refresh.
func TestParallelReplays(t *testing.T) {
	s := newStage(t)
	granted := s.provider.grant()
	id := s.connect(granted, time.Minute)
	g := s.start("5s")
	s.provider.expire(granted.Access)
	for _, a := range parallel(t, 50, func() (answer, error) {
		return send(g, g.Request(http.MethodPost, "/proxy/"+id+"/crm/messages", []byte("hello")))
	}) {
		expect(t, "a call", a, "200")
	}
	s.provider.counted("one refresh for the refused token", tally{TokenCalls: 1, RefreshOK: 1})
}
