package store

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestCompleteTogether has 50 browsers complete one link, in two stores over one directory.
func TestCompleteTogether(t *testing.T) { storetest.EachAtOnce(t, testCompleteTogether) }

func testCompleteTogether(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{openStore(t, dir), openStore(t, dir)}
	for name, l := range map[string]func() connect.Link{
		"new":     func() connect.Link { return createLink(t, stores[0]) },
		"renewal": func() connect.Link { return renewLink(t, stores[0], importGmail(t, stores[0], "ya29.old")) },
	} {
		t.Run(name, func(t *testing.T) {
			link := l()
			var mu sync.Mutex
			var won []int
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					browser := connect.DigestOf(fmt.Sprint("browser ", i))
					c, err := stores[i%2].CompleteLink(t.Context(), digestOf(link), browser, vending.OAuth,
						oauthGrant(fmt.Sprint("ya29.", i), ""))
					if err == nil {
						mu.Lock()
						won = append(won, i)
						mu.Unlock()
					} else if !errors.Is(err, connect.ErrLinkEnded) || c != (connect.Connection{}) {
						t.Errorf("browser %d: %v, want %v", i, err, connect.ErrLinkEnded)
					}
				})
			}
			wg.Wait()
			if len(won) != 1 {
				t.Fatalf("%v won, want one", won)
			}
			wantAccess(t, stores[1], link.Connection.ID, fmt.Sprint("ya29.", won[0]))
			if got := must[connect.LinkState](t)(stores[1].Link(t.Context(), digestOf(link))); !got.EndedBy(
				connect.DigestOf(fmt.Sprint("browser ", won[0]))) || got.Connection.Version != link.Connection.Version+1 {
				t.Errorf("%+v does not name the winner, or counts more than one grant", got)
			}
			if _, total, err := stores[0].Audit(t.Context(), connect.AuditFilter{Connection: link.Connection.ID}); err != nil ||
				total > 3 {
				t.Errorf("%d rows of the audit trail, %v", total, err)
			}
		})
	}
}

// TestEndTogether completes, rejects, replaces and deletes at once: whoever is first decides, and
// nothing is left half done.
func TestEndTogether(t *testing.T) { storetest.EachAtOnce(t, testEndTogether) }

func testEndTogether(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{openStore(t, dir), openStore(t, dir)}
	for round := range 10 {
		l := createLink(t, stores[0])
		id := l.Connection.ID
		var wg sync.WaitGroup
		for i, f := range []func(s *Store) error{
			func(s *Store) error { return linkUses["complete"](t, s, digestOf(l)) },
			func(s *Store) error { return linkUses["reject"](t, s, digestOf(l)) },
			func(s *Store) error { return linkUses["authorization request"](t, s, digestOf(l)) },
			func(s *Store) error { _, err := s.RenewLink(t.Context(), "acme", "", id); return err },
			func(s *Store) error { return s.DeleteConnection(t.Context(), "acme", id) },
		} {
			wg.Go(func() {
				err := f(stores[(i+round)%2])
				if e := new(vending.Error); err != nil && !errors.Is(err, connect.ErrLinkEnded) &&
					(!errors.As(err, &e) || e.Code != vending.ConnectionDeleted) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for _, table := range []string{"connections", "links", "attempts"} {
		var n int
		if err := stores[0].queryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 0 {
			t.Errorf("%d rows are left in %s, %v", n, table, err)
		}
	}
}

// TestCompleteLinkRefuses checks that what cannot be stored leaves the link as it was, to be tried
// again.
func TestCompleteLinkRefuses(t *testing.T) { storetest.DirectAtOnce(t, testCompleteLinkRefuses) }

func testCompleteLinkRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		authType vending.AuthType
		grant    connect.GrantValues
	}{
		"no token":      {vending.OAuth, connect.GrantValues{TokenType: "Bearer"}},
		"no fields":     {vending.APIKey, connect.GrantValues{AccessToken: "canary"}},
		"an empty one":  {vending.Basic, connect.GrantValues{Fields: []vending.Field{{Name: "username"}}}},
		"too large":     {vending.OAuth, connect.GrantValues{AccessToken: strings.Repeat("canary", 20000)}},
		"unknown type":  {"magic", connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "canary"}}}},
		"no type":       {"", connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "canary"}}}},
		"nothing given": {vending.OAuth, connect.GrantValues{}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			l := createLink(t, s)
			_, err := s.CompleteLink(t.Context(), digestOf(l), alices, c.authType, connect.NewGrant(c.grant))
			if wantCode(t, err, vending.InvalidRequest); err != nil && strings.Contains(err.Error(), "canary") {
				t.Error("the error repeats the grant")
			}
			if got := describe(t, s, l.Connection.ID); got != l.Connection {
				t.Errorf("%+v, want %+v", got, l.Connection)
			}
			wantEvents(t, s, connect.AuditFilter{}, connect.LinkCreated)
			completeLink(t, s, l, "ya29.right")
		})
	}
}

// TestSweep has two stores sweep at once, with more links than a batch takes.
func TestSweep(t *testing.T) { storetest.EachAtOnce(t, testSweep) }

func testSweep(t *testing.T) {
	var clock ticker
	dir := t.TempDir()
	stores := []*Store{openStoreAt(t, dir, clock.now), openStoreAt(t, dir, clock.now)}
	const due = 2*sweepBatch + 7
	for range due {
		createLink(t, stores[0])
	}
	renewed := importGmail(t, stores[0], "ya29.old")
	renewLink(t, stores[0], renewed)
	clock.add(time.Millisecond)
	late := createLink(t, stores[0])
	if err := stores[0].BeginSession(t.Context(), connect.DigestOf("cookie"),
		connect.Session{Tenant: "acme"}); err != nil {
		t.Fatal(err)
	}
	if err := stores[0].CreateAuthRequest(t.Context(), connect.DigestOf("state"), alices,
		connect.AuthRequest{Link: digestOf(late)}); err != nil {
		t.Fatal(err)
	}
	clock.set(connect.LinkLifetime)
	swept := make([]int, 2)
	var wg sync.WaitGroup
	for i, s := range stores {
		wg.Go(func() {
			var err error
			if swept[i], err = s.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if swept[0]+swept[1] != due+1 {
		t.Errorf("%v were swept, want %d", swept, due+1)
	}
	for event, want := range map[connect.Event]int{connect.LinkExpired: due + 1, connect.SignedOut: 0} {
		if _, n, err := stores[0].Audit(t.Context(), connect.AuditFilter{Event: event}); err != nil || n != want {
			t.Errorf("%d times %s, %v; want %d", n, event, err, want)
		}
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM attempts`: 0, `SELECT count(*) FROM sessions`: 0,
		`SELECT count(*) FROM links WHERE status = 'pending'`:       1,
		`SELECT count(*) FROM connections WHERE status = 'expired'`: due,
	} {
		var n int
		if err := stores[1].queryRow(t.Context(), query).Scan(&n); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", query, n, err, want)
		}
	}
	wantAccess(t, stores[1], renewed, "ya29.old")
	if n := must[int](t)(stores[0].Sweep(t.Context())); n != 0 {
		t.Errorf("%d were swept a second time", n)
	}
	completeLink(t, stores[1], late, "ya29.late")
}

// TestWhoseChange checks that a connection can be changed by its own tenant and end user only, and
// that a tenant that was forgotten is none.
func TestWhoseChange(t *testing.T) { storetest.EachAtOnce(t, testWhoseChange) }

func testWhoseChange(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	for name, c := range map[string]struct{ tenant, user, id string }{
		"unknown":        {"acme", "alice@example.com", "conn_x"},
		"other tenant":   {"evil", "alice@example.com", id},
		"other end user": {"acme", "mallory@example.com", id},
		"no tenant":      {"", "alice@example.com", id},
		"nobody":         {"", "", id},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := s.RenewLink(t.Context(), c.tenant, c.user, c.id)
			if wantCode(t, err, vending.ConnectionDeleted); !l.Token.IsZero() {
				t.Error("a token was handed out")
			}
			_, g, err := s.TakeConnection(t.Context(), c.tenant, c.user, c.id)
			if wantCode(t, err, vending.ConnectionDeleted); !g.IsZero() {
				t.Error("a grant was handed out")
			}
			_, err = s.Hold(t.Context(), c.tenant, c.user, c.id, "sync")
			wantCode(t, err, vending.ConnectionDeleted)
			_, err = s.Release(t.Context(), c.tenant, c.user, c.id, "sync")
			wantCode(t, err, vending.ConnectionDeleted)
			if c.tenant != "acme" {
				wantCode(t, s.DeleteConnection(t.Context(), c.tenant, c.id), vending.ConnectionDeleted)
			}
		})
	}
	wantAccess(t, s, id, "ya29.one")
	wantEvents(t, s, connect.AuditFilter{}, connect.ConnectionImported)
	if l := must[connect.Link](t)(s.RenewLink(t.Context(), "acme", "", id)); !l.Renews {
		t.Error("a tenant without an end user renews nothing")
	}
}

// TestEndedLinkStaysAsItEnded checks that what becomes of later links says nothing new of an
// earlier one.
func TestEndedLinkStaysAsItEnded(t *testing.T) { storetest.EachAtOnce(t, testEndedLinkStaysAsItEnded) }

func testEndedLinkStaysAsItEnded(t *testing.T) {
	s := openStore(t, t.TempDir())
	used := createLink(t, s)
	completeLink(t, s, used, "ya29.one")
	rejected := renewLink(t, s, used.Connection.ID)
	bobs := connect.DigestOf("bob's browser")
	must[connect.LinkState](t)(s.RejectLink(t.Context(), digestOf(rejected), bobs))
	replaced := renewLink(t, s, used.Connection.ID)
	must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(renewLink(t, s, used.Connection.ID)), bobs,
		vending.OAuth,
		oauthGrant("ya29.two", "")))
	for name, c := range map[string]struct {
		link    connect.Link
		status  connect.Status
		browser connect.Digest
	}{"used": {used, connect.Active, alices}, "rejected": {rejected, connect.Rejected, bobs},
		"replaced": {replaced, connect.Expired, connect.Digest{}}} {
		if got := must[connect.LinkState](t)(s.Link(t.Context(), digestOf(c.link))); got.Status != c.status ||
			got.Browser != c.browser {
			t.Errorf("the %s link is now %s, or another browser's", name, got.Status)
		}
	}
}
