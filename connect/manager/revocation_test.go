package manager

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// revokerFunc is a Revoker.
type revokerFunc func(connect.Grant) error

func (f revokerFunc) Revoke(_ context.Context, _ string, _ *catalog.App, g connect.Grant) (bool, error) {
	return true, f(g)
}

// revoking returns a manager whose provider is f, its store, and a connection of it.
func revoking(t *testing.T, f revokerFunc) (m *Manager, s *store.Store, id string) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	apps, err := catalog.New(catalog.App{
		Slug: "crm", Name: "CRM", AuthType: "o_auth", Upstream: "https://api.example.com",
		OAuth2: &catalog.OAuth2{TokenURL: "https://auth.example.com/token", RevokeURL: "https://auth.example.com/revoke"},
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err = s.ImportConnection(t.Context(), connect.Connection{Tenant: "acme", User: "a@example.com", App: "crm",
		AuthType: vending.OAuth}, connect.NewGrant(connect.GrantValues{RefreshToken: "rt-1"}))
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Store: s, Catalog: apps, Revoker: f}), s, id
}

// TestRevokeWaitsForRefresh: while a server refreshes, nothing is revoked; and then it is the new
// token that is.
func TestRevokeWaitsForRefresh(t *testing.T) {
	var got atomic.Value
	m, s, id := revoking(t, func(g connect.Grant) error {
		got.Store(g.Reveal().RefreshToken)
		return nil
	})
	seen, err := s.RefreshState(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := s.AcquireRefresh(t.Context(), id, seen, "server", time.Minute); err != nil || !ok {
		t.Fatal(ok, err)
	}
	done := make(chan error, 1)
	go func() { done <- m.Revoke(context.WithoutCancel(t.Context()), Revocation{Tenant: "acme"}) }()
	select {
	case <-done:
		t.Error("it did not wait")
	case <-time.After(5 * leasePoll): // long enough for it to have looked
	}
	if _, err := s.UpdateGrant(t.Context(), id, 1,
		connect.NewGrant(connect.GrantValues{RefreshToken: "rt-2"}), false); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || got.Load() != "rt-2" {
		t.Errorf("revoked %v, %v", got.Load(), err)
	}
}

// TestRevokeKeepsServersOut: while the provider is asked, no server can take the refresh lease.
func TestRevokeKeepsServersOut(t *testing.T) {
	var s *store.Store
	var id string
	m, s, id := revoking(t, func(connect.Grant) error {
		seen, err := s.RefreshState(t.Context(), id)
		if err != nil || !seen.Leased() {
			t.Errorf("the lease is free: %+v, %v", seen, err)
		}
		return nil
	})
	if err := m.Revoke(t.Context(), Revocation{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	if c, g, err := s.Grant(t.Context(), "acme", "a@example.com", id); err != nil || g.Holds() || !c.NeedsReconnection {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestRevokeReconnected: an end user who connects again while their grant is being revoked keeps
// nothing that is not revoked, too.
func TestRevokeReconnected(t *testing.T) {
	var s *store.Store
	var id string
	var calls []string
	m, s, id := revoking(t, func(g connect.Grant) error {
		token := g.Reveal().RefreshToken
		if calls = append(calls, token); len(calls) > 1 {
			return nil
		}
		_, err := s.UpdateGrant(t.Context(), id, 1, connect.NewGrant(connect.GrantValues{RefreshToken: "rt-2"}), false)
		return err
	})
	var ended []Ended
	r := Revocation{Tenant: "acme", Delete: true, Report: func(e Ended) { ended = append(ended, e) }}
	if err := m.Revoke(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if len(calls) != 2 || calls[1] != "rt-2" || len(ended) != 1 || ended[0].Err != nil || ended[0].Grant != Revoked {
		t.Errorf("calls %q, reported %+v", calls, ended)
	}
	if _, err := s.Connection(t.Context(), "acme", "a@example.com",
		id); vending.AsError(err).Code != vending.ConnectionDeleted {
		t.Errorf("it is still there: %v", err)
	}
}

// TestPace: what is tried again, and how long a provider is left alone before.
func TestPace(t *testing.T) {
	limited := func(d time.Duration) error {
		return &vending.Error{Code: vending.RateLimited, RetryAfter: d}
	}
	away := vending.Errorf(vending.UpstreamUnavailable, nil)
	for name, c := range map[string]struct {
		err         error
		try         int
		again       bool
		least, most time.Duration
	}{
		"done":                 {nil, 1, false, 0, 0},
		"asks to wait":         {limited(30 * time.Second), 1, true, 29 * time.Second, 30 * time.Second},
		"does not say":         {limited(0), 4, true, 900 * time.Millisecond, time.Second},
		"asks for too long":    {limited(3 * time.Minute), 1, false, 0, 0},
		"asks again and again": {limited(time.Second), 5, false, 0, 0},
		"is away":              {away, 1, true, 400 * time.Millisecond, 700 * time.Millisecond},
		"stays away":           {away, 3, false, 0, 0},
		"refuses":              {errors.New("400"), 1, false, 0, 0},
		"changed meanwhile":    {connect.ErrStale, 4, true, 0, 0},
		"changes for ever":     {connect.ErrStale, 5, false, 0, 0},
	} {
		p := new(providerPace)
		again := p.again(c.err, c.try)
		if left := max(0, time.Until(p.until)); again != c.again || left > c.most || left < c.least {
			t.Errorf("%s: again %v, after %s", name, again, left)
		}
	}
	p := new(providerPace)
	for range givenUp {
		p.again(away, unavailable)
	}
	if p.again(away, 1) {
		t.Error("one that stays away is asked as often as before")
	}
}
