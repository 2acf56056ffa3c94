package store

import (
	"errors"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestRenewLink renews the link of connections in every state that there is.
func TestRenewLink(t *testing.T) { storetest.DirectAtOnce(t, testRenewLink) }

func testRenewLink(t *testing.T) {
	const later = time.Hour
	imported := func(status connect.Status) func(*testing.T, *Store, *ticker) string {
		return func(t *testing.T, s *Store, _ *ticker) string {
			c, g := gmail("alice@example.com"), connect.Grant{}
			if c.Status = status; status == connect.Active {
				g = oauthGrant("ya29.imported", "")
			}
			return must[string](t)(s.ImportConnection(t.Context(), c, g))
		}
	}
	linked := func(end func(*testing.T, *Store, *ticker, connect.Link)) func(*testing.T, *Store, *ticker) string {
		return func(t *testing.T, s *Store, clock *ticker) string {
			l := createLink(t, s)
			end(t, s, clock, l)
			return l.Connection.ID
		}
	}
	for name, c := range map[string]struct {
		make            func(*testing.T, *Store, *ticker) string
		renews, viaLink bool
		events          []connect.Event // of the renewal
	}{
		"pending": {linked(func(*testing.T, *Store, *ticker, connect.Link) {}), false, true,
			[]connect.Event{connect.LinkReplaced, connect.LinkCreated}},
		"active":   {linked(ends["completed"].end), true, true, []connect.Event{connect.LinkCreated}},
		"rejected": {linked(ends["rejected"].end), false, true, []connect.Event{connect.LinkCreated}},
		"run out":  {linked(ends["run out"].end), false, true, []connect.Event{connect.LinkExpired, connect.LinkCreated}},
		"swept":    {linked(ends["swept"].end), false, true, []connect.Event{connect.LinkCreated}},
		"active with a link": {func(t *testing.T, s *Store, clock *ticker) string {
			id := imported(connect.Active)(t, s, clock)
			renewLink(t, s, id)
			return id
		}, true, false, []connect.Event{connect.LinkReplaced, connect.LinkCreated}},
		"active whose link ran out": {func(t *testing.T, s *Store, clock *ticker) string {
			id := imported(connect.Active)(t, s, clock)
			renewLink(t, s, id)
			clock.add(connect.LinkLifetime)
			return id
		}, true, false, []connect.Event{connect.LinkExpired, connect.LinkCreated}},
		"imported":            {imported(connect.Active), true, false, []connect.Event{connect.LinkCreated}},
		"imported as pending": {imported(connect.Pending), false, false, []connect.Event{connect.LinkCreated}},
		"imported as expired": {imported(connect.Expired), false, false, []connect.Event{connect.LinkCreated}},
	} {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			s := openStoreAt(t, t.TempDir(), clock.now)
			id := c.make(t, s, &clock)
			clock.add(later)
			_, before, err := s.Audit(t.Context(), connect.AuditFilter{})
			if err != nil {
				t.Fatal(err)
			}
			stood := describe(t, s, id)
			l := renewLink(t, s, id)
			want := stood
			want.Status, want.RefreshPending, want.LinkExpiresAt = connect.Pending, c.renews, clock.now().Add(
				connect.LinkLifetime)
			if c.renews {
				want.Status = connect.Active
			}
			want.UpdatedAt = l.Connection.UpdatedAt
			if l.Renews != c.renews || l.Connection != want || l.Connection.ViaLink != c.viaLink ||
				!l.ExpiresAt.Equal(want.LinkExpiresAt) {
				t.Errorf("renews %v: %+v, want %+v", l.Renews, l.Connection, want)
			}
			if c.renews && !l.Connection.UpdatedAt.Equal(stood.UpdatedAt) {
				t.Error("updated_at moved, though the grant is the old one: its token would be refreshed later than it should")
			}
			if rows, _, err := s.Audit(t.Context(), connect.AuditFilter{}); err != nil || len(rows)-before != len(c.events) ||
				rows[0].Event != connect.LinkCreated || rows[len(c.events)-1].Event != c.events[0] {
				t.Errorf("audit trail %+v, %v; want %v", rows[:len(rows)-before], err, c.events)
			}
			if made := completeLink(t, s, l, "ya29.renewed"); made.Status != connect.Active || made.RefreshPending ||
				made.ViaLink != (c.viaLink || !c.renews) {
				t.Errorf("completed: %+v", made)
			}
			wantAccess(t, s, id, "ya29.renewed")
		})
	}
}

// TestRenewedConnectionWorksMeanwhile follows a connection whose grant has ended through the link
// that renews it.
func TestRenewedConnectionWorksMeanwhile(t *testing.T) {
	storetest.EachAtOnce(t, testRenewedConnectionWorksMeanwhile)
}

func testRenewedConnectionWorksMeanwhile(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	id := importGmail(t, s, "ya29.old")
	if _, err := s.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.ended", ""), true); err != nil {
		t.Fatal(err)
	}
	l := renewLink(t, s, id)
	if c := describe(t, s, id); !c.RefreshPending || !c.NeedsReconnection || c.Status != connect.Active {
		t.Errorf("with a link: %+v", c)
	}
	wantAccess(t, s, id, "ya29.ended")
	clock.add(time.Minute)
	fields := connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "sk-new"}}})
	got := must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(l), alices, vending.APIKey, fields))
	want := connect.Connection{
		ID: id, Tenant: "acme", User: "alice@example.com", App: "gmail", Name: "Work Gmail", Status: connect.Active,
		AuthType:  vending.APIKey,
		CreatedAt: epoch, UpdatedAt: epoch.Add(time.Minute), Version: 3,
	}
	if got != want || describe(t, s, id) != want {
		t.Errorf("completed: %+v, want %+v", got, want)
	}
	if _, g, err := s.Grant(t.Context(), "acme", "alice@example.com", id); err != nil ||
		g.Reveal().Fields[0].Value != "sk-new" {
		t.Errorf("the new grant does not vend: %v", err)
	}
	wantEvents(t, s, connect.AuditFilter{Connection: id}, connect.ConnectionImported, connect.VendFailed,
		connect.LinkCreated, connect.CredentialsRefreshed)
}

// TestRenewalThatFails checks that a connection stays as it is when its end user refuses to renew
// it, or does not.
func TestRenewalThatFails(t *testing.T) { storetest.EachAtOnce(t, testRenewalThatFails) }

func testRenewalThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*testing.T, *Store, *ticker, connect.Link)
		want []connect.Event
	}{
		"rejected": {func(t *testing.T, s *Store, _ *ticker, l connect.Link) {
			if got := must[connect.LinkState](t)(s.RejectLink(t.Context(), digestOf(l),
				alices)); got.Status != connect.Rejected ||
				!got.EndedBy(alices) || got.Connection.Status != connect.Active {
				t.Errorf("RejectLink: %+v", got)
			}
		}, []connect.Event{connect.LinkRejected}},
		"run out": {ends["run out"].end, nil},
		"swept":   {ends["swept"].end, []connect.Event{connect.LinkExpired}},
	} {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			s := openStoreAt(t, t.TempDir(), clock.now)
			id := importGmail(t, s, "ya29.old")
			want := describe(t, s, id)
			c.end(t, s, &clock, renewLink(t, s, id))
			want.RefreshRejected = name == "rejected" // the tenant must see that
			if got := describe(t, s, id); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			wantAccess(t, s, id, "ya29.old")
			wantEvents(t, s, connect.AuditFilter{},
				append([]connect.Event{connect.ConnectionImported, connect.LinkCreated}, c.want...)...)
		})
	}
}

// TestRefreshMeetsCompletion completes a link while another process refreshes what the connection
// held before.
func TestRefreshMeetsCompletion(t *testing.T) { storetest.EachAtOnce(t, testRefreshMeetsCompletion) }

func testRefreshMeetsCompletion(t *testing.T) {
	dir := t.TempDir()
	server, pages := openStore(t, dir), openStore(t, dir)
	id := importGmail(t, server, "ya29.old")
	if ok := must[bool](t)(server.AcquireRefresh(t.Context(), id, connect.RefreshState{Version: 1}, "server",
		time.Minute)); !ok {
		t.Fatal("no lease")
	}
	l := renewLink(t, pages, id)
	if state, err := server.RefreshState(t.Context(), id); err != nil || state.Version != 1 || !state.Leased() {
		t.Errorf("making a link moved the connection to %+v, %v", state, err)
	}
	completeLink(t, pages, l, "ya29.new")
	if state, err := server.RefreshState(t.Context(), id); err != nil || state != (connect.RefreshState{Version: 2}) {
		t.Errorf("%+v, %v; want version 2 without a lease", state, err)
	}
	for _, ended := range []bool{false, true} {
		if _, err := server.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.late", ""), ended); !errors.Is(err,
			connect.ErrStale) {
			t.Errorf("a late refresh: %v, want %v", err, connect.ErrStale)
		}
	}
	if err := server.ReleaseRefresh(t.Context(), id, "server"); err != nil {
		t.Error(err)
	}
	wantAccess(t, server, id, "ya29.new")
	if c := describe(t, server, id); c.NeedsReconnection {
		t.Error("the refusal of the old grant was taken for one of the new")
	}
	wantEvents(t, server, connect.AuditFilter{}, connect.ConnectionImported, connect.LinkCreated,
		connect.CredentialsRefreshed)
}

// TestRefreshWhileLinkIsOpen refreshes the old grant before the link is completed.
func TestRefreshWhileLinkIsOpen(t *testing.T) { storetest.EachAtOnce(t, testRefreshWhileLinkIsOpen) }

func testRefreshWhileLinkIsOpen(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.old")
	l := renewLink(t, s, id)
	if _, err := s.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.refreshed", ""), false); err != nil {
		t.Fatal(err)
	}
	if c := describe(t, s, id); !c.RefreshPending || c.Version != 2 {
		t.Errorf("%+v, want version 2 whose link is still open", c)
	}
	if c := completeLink(t, s, l, "ya29.new"); c.Version != 3 {
		t.Errorf("version %d, want 3", c.Version)
	}
	wantAccess(t, s, id, "ya29.new")
}
