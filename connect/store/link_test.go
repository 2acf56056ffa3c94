package store

import (
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// linkUses are all calls that a link can serve, each by its error.
var linkUses = map[string]func(t *testing.T, s *Store, d connect.Digest) error{
	"open": func(t *testing.T, s *Store, d connect.Digest) error { _, err := s.OpenLink(t.Context(), d); return err },
	"accept": func(t *testing.T, s *Store, d connect.Digest) error {
		_, err := s.AcceptLink(t.Context(), d)
		return err
	},
	"authorization request": func(t *testing.T, s *Store, d connect.Digest) error {
		return s.CreateAuthRequest(t.Context(), connect.DigestOf("state "+string(d[:])), alices, connect.AuthRequest{Link: d})
	},
	"complete": func(t *testing.T, s *Store, d connect.Digest) error {
		_, err := s.CompleteLink(t.Context(), d, alices, vending.OAuth, oauthGrant("ya29.used", ""))
		return err
	},
	"reject": func(t *testing.T, s *Store, d connect.Digest) error {
		_, err := s.RejectLink(t.Context(), d, alices)
		return err
	},
}

func TestCreateLink(t *testing.T) { storetest.EachAtOnce(t, testCreateLink) }

func testCreateLink(t *testing.T) {
	s := openStore(t, t.TempDir())
	c := gmail(" Alice@Example.com ")
	// What a caller must not choose.
	c.ID, c.Version, c.NeedsReconnection, c.RefreshPending, c.Status = "conn_mine", 7, true, true, connect.Active
	l := must[connect.Link](t)(s.CreateLink(t.Context(), c))
	if !regexp.MustCompile(`^[0-9A-Za-z]{33}$`).MatchString(l.Token.Reveal()) {
		t.Error("a token of another form")
	}
	want := connect.Connection{
		ID: l.Connection.ID, Tenant: "acme", User: "alice@example.com", App: "gmail", Name: "Work Gmail",
		Status:   connect.Pending,
		AuthType: vending.OAuth, ViaLink: true, CreatedAt: epoch, UpdatedAt: epoch,
		LinkExpiresAt: epoch.Add(connect.LinkLifetime),
		Version:       1,
	}
	if l.Connection != want || !strings.HasPrefix(want.ID, "conn_") || want.ID == "conn_mine" ||
		!l.ExpiresAt.Equal(want.LinkExpiresAt) || l.Renews {
		t.Errorf("%+v, want %+v", l.Connection, want)
	}
	if got := describe(t, s, want.ID); got != want {
		t.Errorf("Describe: %+v, want %+v", got, want)
	}
	if _, g, err := s.Grant(t.Context(), "acme", "alice@example.com", want.ID); err != nil || !g.IsZero() {
		t.Errorf("a pending connection has a grant, or %v", err)
	}
}

func TestCreateLinkRefuses(t *testing.T) { storetest.EachAtOnce(t, testCreateLinkRefuses) }

func testCreateLinkRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	for name, c := range map[string]struct {
		change func(*connect.Connection)
		want   vending.Code
	}{
		"no user":      {func(c *connect.Connection) { c.User = "" }, vending.InvalidUserEmail},
		"no tenant":    {func(c *connect.Connection) { c.Tenant = "" }, vending.InvalidRequest},
		"no app":       {func(c *connect.Connection) { c.App = "" }, vending.InvalidRequest},
		"long name":    {func(c *connect.Connection) { c.Name = strings.Repeat("x", 201) }, vending.InvalidRequest},
		"turned name":  {func(c *connect.Connection) { c.Name = "moc.live\u202e" }, vending.InvalidRequest},
		"unknown type": {func(c *connect.Connection) { c.AuthType = "magic" }, vending.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			conn := gmail("alice@example.com")
			c.change(&conn)
			l, err := s.CreateLink(t.Context(), conn)
			if wantCode(t, err, c.want); !l.Token.IsZero() {
				t.Error("a token was handed out")
			}
		})
	}
	wantEvents(t, s, connect.AuditFilter{})
}

// ends are all ways in which a link ends.
var ends = map[string]struct {
	end        func(t *testing.T, s *Store, clock *ticker, l connect.Link)
	link, conn connect.Status
	events     []connect.Event
}{
	"completed": {func(t *testing.T, s *Store, _ *ticker, l connect.Link) { completeLink(t, s, l, "ya29.new") },
		connect.Active, connect.Active, []connect.Event{connect.LinkCreated, connect.ConnectionCreated}},
	"rejected": {func(t *testing.T, s *Store, _ *ticker, l connect.Link) {
		if got := must[connect.LinkState](t)(s.RejectLink(t.Context(), digestOf(l),
			alices)); got.Status != connect.Rejected ||
			got.Connection.Status != connect.Rejected {
			t.Errorf("RejectLink returned %s of a connection that is %s", got.Status, got.Connection.Status)
		}
	}, connect.Rejected, connect.Rejected, []connect.Event{connect.LinkCreated, connect.LinkRejected}},
	"run out": {func(_ *testing.T, _ *Store, clock *ticker, _ connect.Link) { clock.add(connect.LinkLifetime) },
		connect.Expired, connect.Expired, []connect.Event{connect.LinkCreated}},
	"swept": {func(t *testing.T, s *Store, clock *ticker, _ connect.Link) {
		clock.add(connect.LinkLifetime)
		if n := must[int](t)(s.Sweep(t.Context())); n != 1 {
			t.Errorf("%d links were swept, want 1", n)
		}
	}, connect.Expired, connect.Expired, []connect.Event{connect.LinkCreated, connect.LinkExpired}},
	"replaced": {func(t *testing.T, s *Store, _ *ticker, l connect.Link) { renewLink(t, s, l.Connection.ID) },
		connect.Expired, connect.Pending, []connect.Event{connect.LinkCreated, connect.LinkReplaced, connect.LinkCreated}},
}

// TestEndedLink checks that of a link that has ended the status is all that can be had, and that
// nobody learns how it ended.
func TestEndedLink(t *testing.T) { storetest.DirectAtOnce(t, testEndedLink) }

func testEndedLink(t *testing.T) {
	for name, c := range ends {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			s := openStoreAt(t, t.TempDir(), clock.now)
			l := createLink(t, s)
			c.end(t, s, &clock, l)
			for use, try := range linkUses {
				err, unknown := try(t, s, digestOf(l)), try(t, s, connect.DigestOf("guessed"))
				if !errors.Is(err, connect.ErrLinkEnded) || !errors.Is(unknown, connect.ErrLinkEnded) ||
					err.Error() != unknown.Error() {
					t.Errorf("%s: %v, and of an unknown link %v", use, err, unknown)
				}
			}
			got := must[connect.LinkState](t)(s.Link(t.Context(), digestOf(l)))
			if got.Status != c.link || got.Connection.Status != c.conn || !got.ExpiresAt.Equal(epoch.Add(connect.LinkLifetime)) {
				t.Errorf("a link that is %s of a connection that is %s, want %s and %s", got.Status, got.Connection.Status, c.link,
					c.conn)
			}
			if d := describe(t, s, l.Connection.ID); d != got.Connection || c.conn == connect.Expired &&
				!d.LinkExpiresAt.Equal(epoch.Add(connect.LinkLifetime)) {
				t.Errorf("Describe: %+v, and by the link %+v", d, got.Connection)
			}
			wantEvents(t, s, connect.AuditFilter{}, c.events...)
		})
	}
	s := openStore(t, t.TempDir())
	if _, err := s.Link(t.Context(), connect.DigestOf("guessed")); !errors.Is(err, connect.ErrLinkEnded) {
		t.Errorf("status of an unknown link: %v, want %v", err, connect.ErrLinkEnded)
	}
}

func TestLinkEndsAtItsMillisecond(t *testing.T) {
	storetest.DirectAtOnce(t, testLinkEndsAtItsMillisecond)
}

func testLinkEndsAtItsMillisecond(t *testing.T) {
	for name, c := range map[string]struct {
		since time.Duration
		want  connect.Status
	}{
		"a millisecond before": {connect.LinkLifetime - time.Millisecond, connect.Pending},
		"a nanosecond before":  {connect.LinkLifetime - time.Nanosecond, connect.Pending},
		"at it":                {connect.LinkLifetime, connect.Expired},
		"a nanosecond after":   {connect.LinkLifetime + time.Nanosecond, connect.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			s := openStoreAt(t, t.TempDir(), clock.now)
			l := createLink(t, s)
			clock.set(c.since)
			if got := must[connect.LinkState](t)(s.Link(t.Context(), digestOf(l))); got.Status != c.want ||
				got.Connection.Status != c.want {
				t.Errorf("link %s, connection %s; want %s", got.Status, got.Connection.Status, c.want)
			}
			if page, total, err := s.Connections(t.Context(), connect.Filter{Status: c.want}); err != nil || total != 1 ||
				page[0].Status != c.want {
				t.Errorf("listed %v, %v", page, err)
			}
			swept := 0
			if c.want == connect.Expired {
				swept = 1
			}
			if n := must[int](t)(s.Sweep(t.Context())); n != swept {
				t.Errorf("%d were swept, want %d", n, swept)
			}
			if err := linkUses["complete"](t, s, digestOf(l)); errors.Is(err,
				connect.ErrLinkEnded) != (c.want == connect.Expired) {
				t.Errorf("CompleteLink: %v", err)
			}
		})
	}
}

// TestProgressIsRecordedOnce has many requests open and accept one link, in two stores.
func TestProgressIsRecordedOnce(t *testing.T) { storetest.EachAtOnce(t, testProgressIsRecordedOnce) }

func testProgressIsRecordedOnce(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{openStore(t, dir), openStore(t, dir)}
	l := createLink(t, stores[0])
	if got := must[connect.LinkState](t)(stores[0].OpenLink(t.Context(), digestOf(l))); got.Accepted ||
		got.Status != connect.Pending {
		t.Errorf("opened, it is %+v", got)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := stores[i%2].OpenLink(t.Context(), digestOf(l)); err != nil {
				t.Error(err)
			}
			if got, err := stores[i%2].AcceptLink(t.Context(), digestOf(l)); err != nil || !got.Accepted {
				t.Errorf("accepted %v, %v", got.Accepted, err)
			}
		})
	}
	wg.Wait()
	wantEvents(t, stores[0], connect.AuditFilter{}, connect.LinkCreated, connect.LinkOpened, connect.LinkAccepted)
	if got := must[connect.LinkState](t)(stores[1].Link(t.Context(), digestOf(l))); !got.Accepted {
		t.Error("the link does not know that it was accepted")
	}
}

func TestEndedBy(t *testing.T) { storetest.EachAtOnce(t, testEndedBy) }

func testEndedBy(t *testing.T) {
	s := openStore(t, t.TempDir())
	l, unmarked := createLink(t, s), createLink(t, s)
	completeLink(t, s, l, "ya29.one")
	if _, err := s.RejectLink(t.Context(), digestOf(unmarked), connect.Digest{}); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		link    connect.Link
		browser connect.Digest
		want    bool
	}{
		"that browser":             {l, alices, true},
		"another":                  {l, connect.DigestOf("mallory's browser"), false},
		"none":                     {l, connect.Digest{}, false},
		"none, of none":            {unmarked, connect.Digest{}, false},
		"some, of none":            {unmarked, alices, false},
		"one of a link still open": {createLink(t, s), alices, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := must[connect.LinkState](t)(s.Link(t.Context(), digestOf(c.link)))
			if got.EndedBy(c.browser) != c.want {
				t.Errorf("ended by it: %v, want %v", !c.want, c.want)
			}
		})
	}
}

// TestOldLinksGo renews a link more often than links are kept.
func TestOldLinksGo(t *testing.T) { storetest.EachAtOnce(t, testOldLinksGo) }

func testOldLinksGo(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	links := []connect.Link{createLink(t, s)}
	for range maxLinks + 4 {
		clock.add(time.Minute)
		links = append(links, renewLink(t, s, links[0].Connection.ID))
	}
	for i, l := range links {
		_, err := s.Link(t.Context(), digestOf(l))
		if gone := i < len(links)-maxLinks; gone != errors.Is(err, connect.ErrLinkEnded) || !gone && err != nil {
			t.Errorf("link %d of %d: %v", i+1, len(links), err)
		}
	}
	completeLink(t, s, links[len(links)-1], "ya29.last")
	wantAccess(t, s, links[0].Connection.ID, "ya29.last")
}
