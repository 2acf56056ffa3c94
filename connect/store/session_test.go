package store

import (
	"errors"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func TestSession(t *testing.T) { storetest.DirectAtOnce(t, testSession) }

func testSession(t *testing.T) {
	cookie, want := connect.DigestOf("cookie"), connect.Session{Tenant: "acme", Key: connect.DigestOf("pk_live_x")}
	for name, c := range map[string]struct {
		then   func(t *testing.T, s *Store, clock *ticker)
		cookie connect.Digest
		lives  bool
	}{
		"at once": {func(*testing.T, *Store, *ticker) {}, cookie, true},
		"nearly over": {func(_ *testing.T, _ *Store, clock *ticker) {
			clock.add(connect.SessionLifetime - time.Millisecond)
		}, cookie, true},
		"over":    {func(_ *testing.T, _ *Store, clock *ticker) { clock.add(connect.SessionLifetime) }, cookie, false},
		"unknown": {func(*testing.T, *Store, *ticker) {}, connect.DigestOf("guessed"), false},
		"zero":    {func(*testing.T, *Store, *ticker) {}, connect.Digest{}, false},
		"swept too early": {func(t *testing.T, s *Store, clock *ticker) {
			clock.add(connect.SessionLifetime - time.Millisecond)
			must[int](t)(s.Sweep(t.Context()))
		}, cookie, true},
		"ended": {func(t *testing.T, s *Store, _ *ticker) {
			if err := s.EndSession(t.Context(), cookie); err != nil {
				t.Fatal(err)
			}
		}, cookie, false},
		"another's ended": {func(t *testing.T, s *Store, _ *ticker) {
			if err := s.EndSession(t.Context(), connect.DigestOf("other")); err != nil {
				t.Fatal(err)
			}
		}, cookie, true},
	} {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			dir := t.TempDir()
			s, other := openStoreAt(t, dir, clock.now), openStoreAt(t, dir, clock.now)
			if err := errors.Join(s.BeginSession(t.Context(), cookie, want),
				s.BeginSession(t.Context(), connect.DigestOf("other"), connect.Session{Tenant: "evil"})); err != nil {
				t.Fatal(err)
			}
			c.then(t, s, &clock)
			got, err := other.Session(t.Context(), c.cookie)
			if c.lives && (err != nil || got != want) {
				t.Errorf("%+v, %v; want %+v", got, err, want)
			}
			if !c.lives && (!errors.Is(err, connect.ErrNoSession) || got != (connect.Session{})) {
				t.Errorf("%+v, %v; want %v", got, err, connect.ErrNoSession)
			}
		})
	}
}

func TestSignOutTwice(t *testing.T) { storetest.EachAtOnce(t, testSignOutTwice) }

func testSignOutTwice(t *testing.T) {
	s := openStore(t, t.TempDir())
	cookie := connect.DigestOf("cookie")
	if err := s.BeginSession(t.Context(), cookie, connect.Session{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.EndSession(t.Context(), cookie), s.EndSession(t.Context(), cookie)); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, s, connect.AuditFilter{Tenant: "acme"}, connect.SignedIn, connect.SignedOut)
}

func TestMCPURL(t *testing.T) { storetest.EachAtOnce(t, testMCPURL) }

func testMCPURL(t *testing.T) {
	var clock ticker
	dir := t.TempDir()
	s, other := openStoreAt(t, dir, clock.now), openStoreAt(t, dir, clock.now)
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	check := func(name string, token vending.Secret, tenant string) {
		t.Helper()
		got, err := other.MCPTenant(t.Context(), connect.DigestOf(token.Reveal()))
		if got != tenant || (err == nil) != (tenant != "") || err != nil && !errors.Is(err, connect.ErrNoMCPURL) {
			t.Errorf("%s is %q's, %v; want %q's", name, got, err, tenant)
		}
	}
	issuedAt := func(tenant string, want time.Time) {
		t.Helper()
		if got := must[time.Time](t)(other.MCPURLIssuedAt(t.Context(), tenant)); !got.Equal(want) {
			t.Errorf("issued at %v, want %v", got, want)
		}
	}
	issuedAt("acme", time.Time{})
	first := must[vending.Secret](t)(s.IssueMCPURL(t.Context(), "acme"))
	// a tenant of the configuration has no row
	configured := must[vending.Secret](t)(s.IssueMCPURL(t.Context(), "configured"))
	check("the first", first, "acme")
	clock.add(time.Minute)
	second := must[vending.Secret](t)(s.IssueMCPURL(t.Context(), "acme"))
	issuedAt("acme", epoch.Add(time.Minute))
	issuedAt("configured", epoch)
	check("the replaced", first, "")
	check("the second", second, "acme")
	check("the configured tenant's", configured, "configured")
	check("a guessed", vending.NewSecret("guessed"), "")
	check("none", vending.Secret{}, "")
	if len(second.Reveal()) != 33 || second.Reveal() == first.Reveal() {
		t.Error("a token of another length, or twice the same")
	}
	if err := s.DisableTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	check("a disabled tenant's", second, "")
	check("the configured tenant's", configured, "configured")
}
