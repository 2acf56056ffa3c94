package store

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/vending"
)

var state = connect.DigestOf("state")

func authRequestOf(l connect.Link) connect.AuthRequest {
	return connect.AuthRequest{
		Link: digestOf(l), Verifier: vending.NewSecret("canary-verifier"),
		RedirectURI: "https://gate.example/connect/callback",
		Fields:      []vending.Field{{Name: "subdomain", Value: "canary-field"}, {Name: "site", Value: "é\x00\n\"<"}},
	}
}

func createAuthRequest(t testing.TB, s *Store, l connect.Link) connect.AuthRequest {
	t.Helper()
	a := authRequestOf(l)
	if err := s.CreateAuthRequest(t.Context(), state, alices, a); err != nil {
		t.Fatal(err)
	}
	return a
}

func wantAuthRequest(t testing.TB, s *Store, want connect.AuthRequest) {
	t.Helper()
	got, err := s.ConsumeAuthRequest(t.Context(), state, alices)
	if err != nil || !reflect.DeepEqual(got, want) || got.Verifier.Reveal() != want.Verifier.Reveal() {
		t.Errorf("another request than was created, or %v", err)
	}
}

func TestAuthRequestWorksOnce(t *testing.T) { storetest.EachAtOnce(t, testAuthRequestWorksOnce) }

func testAuthRequestWorksOnce(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{openStore(t, dir), openStore(t, dir)}
	want := createAuthRequest(t, stores[0], createLink(t, stores[0]))
	if _, err := stores[1].ConsumeAuthRequest(t.Context(), state, connect.DigestOf("mallory's browser")); !errors.Is(err,
		connect.ErrNoAuthRequest) {
		t.Errorf("another browser: %v, want %v", err, connect.ErrNoAuthRequest)
	}
	wantAuthRequest(t, stores[1], want)
	for _, s := range stores {
		if a, err := s.ConsumeAuthRequest(t.Context(), state, alices); !errors.Is(err, connect.ErrNoAuthRequest) ||
			!a.Verifier.IsZero() {
			t.Errorf("again: %v, want %v", err, connect.ErrNoAuthRequest)
		}
	}
	wantEvents(t, stores[0], connect.AuditFilter{}, connect.LinkCreated)
}

// TestTakeTogether has callbacks of one state arrive at once, in two stores.
func TestTakeTogether(t *testing.T) { storetest.EachAtOnce(t, testTakeTogether) }

func testTakeTogether(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{openStore(t, dir), openStore(t, dir)}
	createAuthRequest(t, stores[0], createLink(t, stores[0]))
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := stores[i%2].ConsumeAuthRequest(t.Context(), state, alices); err == nil {
				won.Add(1)
			} else if !errors.Is(err, connect.ErrNoAuthRequest) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d took it, want one", won.Load())
	}
}

// TestEndedAuthRequest checks that a request ends with its hour and with its link.
func TestEndedAuthRequest(t *testing.T) { storetest.DirectAtOnce(t, testEndedAuthRequest) }

func testEndedAuthRequest(t *testing.T) {
	wait := func(d time.Duration) func(*testing.T, *Store, *ticker, connect.Link) {
		return func(_ *testing.T, _ *Store, clock *ticker, _ connect.Link) { clock.add(d) }
	}
	for name, c := range map[string]struct {
		begun time.Duration
		after func(t *testing.T, s *Store, clock *ticker, l connect.Link)
		lives bool
	}{
		"at once":              {0, wait(0), true},
		"nearly an hour":       {0, wait(authRequestLifetime - time.Millisecond), true},
		"an hour":              {0, wait(authRequestLifetime), false},
		"the link's last hour": {connect.LinkLifetime - time.Minute, wait(time.Minute - time.Millisecond), true},
		"the link ran out":     {connect.LinkLifetime - time.Minute, wait(time.Minute), false},
		"completed":            {0, ends["completed"].end, false},
		"rejected":             {0, ends["rejected"].end, false},
		"replaced":             {0, ends["replaced"].end, false},
		"deleted": {0, func(t *testing.T, s *Store, _ *ticker, l connect.Link) {
			if err := s.DeleteConnection(t.Context(), "acme", l.Connection.ID); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			s := openStoreAt(t, t.TempDir(), clock.now)
			l := createLink(t, s)
			clock.set(c.begun)
			want := createAuthRequest(t, s, l)
			c.after(t, s, &clock, l)
			if c.lives {
				wantAuthRequest(t, s, want)
				return
			}
			if _, err := s.ConsumeAuthRequest(t.Context(), state, alices); !errors.Is(err, connect.ErrNoAuthRequest) {
				t.Errorf("error %v, want %v", err, connect.ErrNoAuthRequest)
			}
			must[int](t)(s.Sweep(t.Context()))
			if left := fmt.Sprint(rowsOf(t, s, `SELECT count(*) FROM attempts`)); left != "[[0]]" {
				t.Errorf("%s authorization requests are left behind, with what is sealed in them", left)
			}
		})
	}
}

// TestManyAuthRequests creates more requests than a link may have pending.
func TestManyAuthRequests(t *testing.T) { storetest.EachAtOnce(t, testManyAuthRequests) }

func testManyAuthRequests(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	l, other := createLink(t, s), createLink(t, s)
	wantOther := createAuthRequest(t, s, other)
	const begun = maxAuthRequests + 5
	for i := range begun {
		clock.add(time.Second)
		if err := s.CreateAuthRequest(t.Context(), connect.DigestOf(fmt.Sprint(i)), alices, authRequestOf(l)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range begun {
		_, err := s.ConsumeAuthRequest(t.Context(), connect.DigestOf(fmt.Sprint(i)), alices)
		if gone := i < begun-maxAuthRequests; gone != errors.Is(err, connect.ErrNoAuthRequest) || !gone && err != nil {
			t.Errorf("request %d of %d: %v", i+1, begun, err)
		}
	}
	wantAuthRequest(t, s, wantOther)
}

func TestAuthRequestRefuses(t *testing.T) { storetest.EachAtOnce(t, testAuthRequestRefuses) }

func testAuthRequestRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	l := createLink(t, s)
	a := authRequestOf(l)
	a.Fields = []vending.Field{{Name: "site", Value: strings.Repeat("canary", 20000)}}
	err := s.CreateAuthRequest(t.Context(), state, alices, a)
	if wantCode(t, err, vending.InvalidRequest); err != nil && strings.Contains(err.Error(), "canary") {
		t.Error("the error repeats the field")
	}
	wantAuthRequest(t, s, createAuthRequest(t, s, l))
}

// TestMovedAuthRequest checks that somebody who can write the database cannot make a request
// another's.
func TestMovedAuthRequest(t *testing.T) { storetest.DirectAtOnce(t, testMovedAuthRequest) }

func testMovedAuthRequest(t *testing.T) {
	mallorys := connect.DigestOf("mallory's browser")
	for name, c := range map[string]struct {
		move           string
		by             func(other connect.Link) connect.Digest
		state, browser connect.Digest
	}{
		"to a browser": {`UPDATE attempts SET browser = ?`, func(connect.Link) connect.Digest {
			return mallorys
		}, state, mallorys},
		"to a link": {`UPDATE attempts SET link = ?`, digestOf, state, alices},
		"to a state": {`UPDATE attempts SET state = ?`, func(connect.Link) connect.Digest {
			return connect.DigestOf("other")
		}, connect.DigestOf("other"), alices},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			createAuthRequest(t, s, createLink(t, s))
			to := c.by(createLink(t, s))
			execSQL(t, s, c.move, to[:])
			if a, err := s.ConsumeAuthRequest(t.Context(), c.state, c.browser); !errors.Is(err, vault.ErrSealed) ||
				!a.Verifier.IsZero() {
				t.Errorf("error %v, want %v", err, vault.ErrSealed)
			}
		})
	}
}

// TestAuthRequestSurvivesRotation rotates the keys while the end user is at the provider.
func TestAuthRequestSurvivesRotation(t *testing.T) {
	storetest.EachAtOnce(t, testAuthRequestSurvivesRotation)
}

func testAuthRequestSurvivesRotation(t *testing.T) {
	dir := t.TempDir()
	server, tool := openStore(t, dir), openStore(t, dir)
	l := createLink(t, server)
	want := createAuthRequest(t, server, l)
	if _, err := tool.RotateKeyset(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantAuthRequest(t, server, want)
	if _, err := tool.RotateKeyset(t.Context()); err != nil {
		t.Fatal(err)
	}
	createAuthRequest(t, server, l)
	if sealed := rowsOf(t, server, `SELECT sealed FROM attempts`)[0][0].([]byte); !bytes.HasPrefix(sealed,
		tool.vault.Prefix()) {
		t.Error("sealed by a key that was retired before")
	}
	execSQL(t, server, `DELETE FROM attempts`)
	// Sealed by the new key, taken where it was not heard of.
	third := openStore(t, dir)
	if _, err := tool.RotateKeyset(t.Context()); err != nil {
		t.Fatal(err)
	}
	want = createAuthRequest(t, tool, l)
	wantAuthRequest(t, third, want)
}
