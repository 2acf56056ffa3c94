package local

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestVendWithoutProvider has the cases that the store alone decides; none may call the provider.
func TestVendWithoutProvider(t *testing.T) { storetest.DirectAtOnce(t, testVendWithoutProvider) }

func testVendWithoutProvider(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	valid := grantFor(time.Hour)
	with := func(status connect.Status) func(*connect.Connection) {
		return func(c *connect.Connection) { c.Status = status }
	}
	id := importApp(t, store, "gmail", valid)
	noExpiry := importApp(t, store, "gmail", grantFor(0))
	noRefresh := importApp(t, store, "gmail",
		connect.GrantValues{AccessToken: "canary-access-0", Expiry: time.Now().Add(30 * time.Second)})
	ended := importApp(t, store, "gmail",
		connect.GrantValues{AccessToken: "canary-access-0", Expiry: time.Now().Add(-time.Second)})
	flagged := importApp(t, store, "gmail", grantFor(30*time.Second), func(c *connect.Connection) {
		c.NeedsReconnection = true
	})
	flaggedEnded := importApp(t, store, "gmail", grantFor(-time.Second), func(c *connect.Connection) {
		c.NeedsReconnection = true
	})
	left := importApp(t, store, "left", valid)
	stale := vending.NewOAuth("gmail", "canary-access-before", "", time.Time{})
	same := vending.NewOAuth("gmail", "canary-access-0", "", time.Time{})

	for name, c := range map[string]struct {
		r     vending.Request
		token string
		code  vending.Code
	}{
		"valid":            {request(id), "canary-access-0", ""},
		"any app":          {vending.Request{Tenant: tenant, User: user, Connection: id}, "canary-access-0", ""},
		"unknown expiry":   {request(noExpiry), "canary-access-0", ""},
		"no refresh token": {request(noRefresh), "canary-access-0", ""},
		"forced, refreshed since": {vending.Request{Tenant: tenant, User: user, Connection: id, App: "gmail", Force: true,
			Refused: stale}, "canary-access-0", ""},
		"forced, no refresh token": {vending.Request{Tenant: tenant, User: user, Connection: noRefresh, App: "gmail",
			Force: true, Refused: same}, "canary-access-0", ""},
		"ended, no refresh token": {request(ended), "", vending.NeedsReconnection},
		"flagged but valid":       {request(flagged), "canary-access-0", ""},
		"flagged and refused": {vending.Request{Tenant: tenant, User: user, Connection: flagged, App: "gmail",
			Force: true, Refused: same}, "", vending.NeedsReconnection},
		"flagged and ended": {request(flaggedEnded), "", vending.NeedsReconnection},
		"pending": {request(importApp(t, store, "gmail", connect.GrantValues{}, with(connect.Pending))), "",
			vending.ConnectionNotActive},
		"rejected": {request(importApp(t, store, "gmail", valid, with(connect.Rejected))), "",
			vending.ConnectionNotActive},
		"expired link": {request(importApp(t, store, "gmail", valid, with(connect.Expired))), "",
			vending.ConnectionNotActive},
		"another app's path": {vending.Request{Tenant: tenant, User: user, Connection: id, App: "slack"}, "",
			vending.AppMismatch},
		"app left the catalog": {vending.Request{Tenant: tenant, User: user, Connection: left, App: "left"}, "",
			vending.UnknownApp},
		"unknown connection": {request("conn_x"), "", vending.ConnectionDeleted},
		"other tenant": {vending.Request{Tenant: "evil", User: user, Connection: id, App: "gmail"}, "",
			vending.ConnectionDeleted},
		"other end user": {vending.Request{Tenant: tenant, User: "mallory@example.com", Connection: id,
			App: "gmail"}, "", vending.ConnectionDeleted},
		"other tenant, wrong app": {vending.Request{Tenant: "evil", User: user, Connection: id, App: "slack"}, "",
			vending.ConnectionDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			cred, err := s.Vend(t.Context(), c.r)
			if tokenOf(cred) != c.token || codeOf(err) != c.code {
				t.Errorf("token %q, error %v; want %q, %q", tokenOf(cred), err, c.token, c.code)
			}
		})
	}
	if c, _ := stored(t, store, ended); !c.NeedsReconnection {
		t.Error("a grant that has ended was not flagged")
	}
	if n := p.asked(); n != 0 {
		t.Errorf("the provider was called %d times", n)
	}
}

func TestKeyBased(t *testing.T) { storetest.DirectAtOnce(t, testKeyBased) }

func testKeyBased(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	fields := []vending.Field{{Name: "username", Value: "canary-user"}, {Name: "password", Value: "canary-pass"}}
	for _, authType := range []vending.AuthType{vending.APIKey, vending.Basic, vending.Header} {
		id := importApp(t, store, "openai", connect.GrantValues{Fields: fields}, func(c *connect.Connection) {
			c.AuthType = authType
		})
		want := vending.NewFields("openai", authType, fields)
		for _, force := range []bool{false, true} {
			cred, err := s.Vend(t.Context(),
				vending.Request{Tenant: tenant, User: user, Connection: id, App: "openai", Force: force, Refused: want})
			if err != nil || !cred.Equal(want) || cred.App != "openai" || cred.AuthType != authType {
				t.Errorf("%s, force %v: %v, %v", authType, force, cred, err)
			}
		}
	}
	if n := p.asked(); n != 0 {
		t.Errorf("the provider was called %d times", n)
	}
}

// TestRefresh looks at the very bytes that the provider gets, and at what is stored when the
// credential comes.
func TestRefresh(t *testing.T) { storetest.DirectAtOnce(t, testRefresh) }

func testRefresh(t *testing.T) {
	const form = "grant_type=refresh_token&refresh_token=canary-refresh-0"
	for name, c := range map[string]struct {
		app, form, authorization string
	}{
		"client in the body":   {"gmail", "client_id=client%3Aid&client_secret=canary+client%2Bsecret&" + form, ""},
		"client in the header": {"basic-auth", form, "Basic Y2xpZW50JTNBaWQ6Y2FuYXJ5K2NsaWVudCUyQnNlY3JldA=="},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProvider(t)
			dir := t.TempDir()
			store, other := openStore(t, dir), openStore(t, dir)
			s := newSource(t, p, store)
			v := grantFor(30 * time.Second)
			v.Fields = []vending.Field{{Name: "site", Value: "acme"}}
			id := importApp(t, store, c.app, v)
			before := time.Now()
			cred, err := s.Vend(t.Context(), vending.Request{Tenant: tenant, User: user, Connection: id, App: c.app})
			if err != nil || tokenOf(cred) != "canary-access-1" {
				t.Fatalf("token %q, %v", tokenOf(cred), err)
			}
			site, _ := cred.Field("site")
			tokenType, _ := cred.Field(vending.TokenType)
			if site != "acme" || tokenType != "Bearer" || cred.Expiry.Before(before.Add(time.Hour).Truncate(time.Second)) ||
				cred.Expiry.After(time.Now().Add(time.Hour)) {
				t.Errorf("site %q, type %q, expiry %v", site, tokenType, cred.Expiry)
			}
			conn, got := stored(t, other, id)
			want := connect.GrantValues{AccessToken: "canary-access-1", RefreshToken: "canary-refresh-1", TokenType: "bearer",
				Scope: "mail", Expiry: cred.Expiry, Fields: v.Fields}
			if !reflect.DeepEqual(got, want) || conn.Version != 2 || conn.NeedsReconnection {
				t.Errorf("another process finds another grant than was vended, at version %d", conn.Version)
			}
			if p.asked() != 1 || p.forms[0] != c.form || p.calls[0].Header.Get("Authorization") != c.authorization ||
				p.calls[0].URL.Path != "/token" {
				t.Errorf("%d calls, form %q, authorization %q", p.asked(), p.forms, p.calls[0].Header.Get("Authorization"))
			}
		})
	}
}

// TestForce checks that a refused token is replaced though it seems valid, once.
func TestForce(t *testing.T) { storetest.DirectAtOnce(t, testForce) }

func testForce(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	r := request(importApp(t, store, "gmail", grantFor(time.Hour)))
	refused, err := s.Vend(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Force, r.Refused = true, refused
	for range 2 {
		cred, err := s.Vend(t.Context(), r)
		if err != nil || tokenOf(cred) != "canary-access-1" {
			t.Errorf("token %q, %v; want canary-access-1", tokenOf(cred), err)
		}
	}
	if n := p.asked(); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
	// Not knowing what was refused, it can but refresh.
	r.Refused = vending.Credential{}
	if cred, err := s.Vend(t.Context(), r); err != nil || tokenOf(cred) != "canary-access-2" {
		t.Errorf("token %q, %v; want canary-access-2", tokenOf(cred), err)
	}
}

func TestClosedSource(t *testing.T) { storetest.DirectAtOnce(t, testClosedSource) }

func testClosedSource(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	valid, ended := importApp(t, store, "gmail", grantFor(time.Hour)), importApp(t, store, "gmail", grantFor(-time.Hour))
	s.Close()
	s.Close()
	if cred, err := s.Vend(t.Context(), request(valid)); err != nil || tokenOf(cred) != "canary-access-0" {
		t.Errorf("valid: %q, %v", tokenOf(cred), err)
	}
	if _, err := s.Vend(t.Context(), request(ended)); !errors.Is(err, errClosed) ||
		codeOf(err) != vending.UpstreamUnavailable {
		t.Errorf("ended: %v", err)
	}
}

// TestCloseWaits closes while the provider has rotated and not yet answered.
func TestCloseWaits(t *testing.T) { storetest.DirectAtOnce(t, testCloseWaits) }

func testCloseWaits(t *testing.T) {
	p := startProvider(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	p.beforeAnswer(func(int) {
		close(asked)
		<-answer
	})
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	id := importApp(t, store, "gmail", grantFor(-time.Hour))
	vended := make(chan error, 1)
	go func() {
		_, err := s.Vend(t.Context(), request(id))
		vended <- err
	}()
	<-asked
	closed := make(chan struct{})
	go func() {
		s.Close()
		close(closed)
	}()
	select {
	case <-closed:
		t.Error("closed with a refresh under way")
	default:
	}
	close(answer)
	<-closed
	if _, v := stored(t, store, id); v.RefreshToken != "canary-refresh-1" {
		t.Error("closed before the rotation was stored")
	}
	if err := <-vended; err != nil {
		t.Error(err)
	}
}
