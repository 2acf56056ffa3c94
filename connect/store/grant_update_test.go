package store

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func TestUpdateGrant(t *testing.T) { storetest.EachAtOnce(t, testUpdateGrant) }

func testUpdateGrant(t *testing.T) {
	dir := t.TempDir()
	a, b := openStore(t, dir), openStore(t, dir)
	id := importGmail(t, a, "ya29.one")
	version, err := a.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.two", "1//two"), true)
	if err != nil || version != 2 {
		t.Fatalf("version %d, %v; want 2", version, err)
	}
	wantAccess(t, b, id, "ya29.two")
	c, err := b.Connection(t.Context(), "acme", "alice@example.com", id)
	if err != nil || c.Version != 2 || !c.NeedsReconnection {
		t.Errorf("%+v, %v; want version 2 that needs reconnection", c, err)
	}
	if _, err := b.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.stale", ""), false); !errors.Is(err,
		connect.ErrStale) {
		t.Errorf("stale version: %v, want %v", err, connect.ErrStale)
	}
	wantAccess(t, a, id, "ya29.two")
	if _, err := b.UpdateGrant(t.Context(), id, 2, oauthGrant("ya29.three", ""), false); err != nil {
		t.Fatal(err)
	}
	if c, err = a.Connection(t.Context(), "acme", "alice@example.com", id); err != nil || c.NeedsReconnection {
		t.Errorf("%+v, %v; want one that needs no reconnection", c, err)
	}
	var e *vending.Error
	if _, err := a.UpdateGrant(t.Context(), "conn_x", 1, oauthGrant("x", ""), false); !errors.As(err, &e) ||
		e.Code != vending.ConnectionDeleted {
		t.Errorf("unknown connection: %v", err)
	}
}

func TestUpdateGrantOnce(t *testing.T) { storetest.EachAtOnce(t, testUpdateGrantOnce) }

func testUpdateGrantOnce(t *testing.T) {
	dir := t.TempDir()
	stores := []*Store{openStore(t, dir), openStore(t, dir)}
	id := importGmail(t, stores[0], "ya29.one")
	var won, stale atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			switch _, err := stores[i%2].UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.two", ""), false); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, connect.ErrStale):
				stale.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || stale.Load() != 15 {
		t.Errorf("%d won, %d stale; want 1 and 15", won.Load(), stale.Load())
	}
}

// TestFullDisk bounds the database's pages, which SQLite reports as a full disk.
func TestFullDisk(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	execSQL(t, s, "PRAGMA max_page_count = 1")
	const sqliteFull = 13
	big := connect.NewGrant(connect.GrantValues{AccessToken: strings.Repeat("x", 60000)})
	if _, err := s.UpdateGrant(t.Context(), id, 1, big, false); resultCode(err) != sqliteFull {
		t.Fatalf("error %v, want SQLITE_FULL", err)
	}
	wantAccess(t, s, id, "ya29.one")
	execSQL(t, s, "PRAGMA max_page_count = 1000000")
	if _, err := s.UpdateGrant(t.Context(), id, 1, big, false); err != nil {
		t.Fatal(err)
	}
}

func TestUpdateGrantHonoursContext(t *testing.T) {
	storetest.EachAtOnce(t, testUpdateGrantHonoursContext)
}

func testUpdateGrantHonoursContext(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.UpdateGrant(ctx, id, 1, oauthGrant("ya29.two", ""), false); !errors.Is(err, context.Canceled) {
		t.Errorf("UpdateGrant: %v, want %v", err, context.Canceled)
	}
	if _, _, err := s.Grant(ctx, "acme", "alice@example.com", id); !errors.Is(err, context.Canceled) {
		t.Errorf("Grant: %v, want %v", err, context.Canceled)
	}
	wantAccess(t, s, id, "ya29.one")
}

// keyConnection imports a connection of a key-based app.
func keyConnection(t *testing.T, s *Store, g connect.Grant) connect.Connection {
	t.Helper()
	c := gmail("alice@example.com")
	c.App, c.AuthType = "openai", vending.APIKey
	return describe(t, s, must[string](t)(s.ImportConnection(t.Context(), c, g)))
}

// TestReplaceGrant: what an operator or a tenant's team stores counts from then on, and nothing
// else of the connection changes.
func TestReplaceGrant(t *testing.T) { storetest.EachAtOnce(t, testReplaceGrant) }

func testReplaceGrant(t *testing.T) {
	dir := t.TempDir()
	s, other := openStore(t, dir), openStore(t, dir)
	seen := keyConnection(t, s, keyGrant("old").Verify())
	if err := s.SetRefused(t.Context(), seen.ID, 1, true, "refused in a call"); err != nil {
		t.Fatal(err)
	}
	must[connect.Hold](t)(s.Hold(t.Context(), "acme", "", seen.ID, "sync"))
	l := renewLink(t, s, seen.ID)
	c := must[connect.Connection](t)(s.ReplaceGrant(t.Context(), seen, keyGrant("new").Verify(), ""))
	if c.NeedsReconnection || !c.Verified || c.Version != 2 || c.ViaLink || !c.RefreshPending ||
		c.Status != connect.Active || c.Name != seen.Name || !c.CreatedAt.Equal(seen.CreatedAt) {
		t.Errorf("replaced, it is %+v", c)
	}
	_, g, err := other.Grant(t.Context(), "acme", "alice@example.com", seen.ID)
	if err != nil || g.Reveal().Fields[0].Value != "new" {
		t.Errorf("another process reads %v, %v", g.Reveal().Fields, err)
	}
	if holds, err := s.Holds(t.Context(), seen.ID); err != nil || len(holds) != 1 {
		t.Errorf("holds %v, %v", holds, err)
	}
	wantEvents(t, s, connect.AuditFilter{Connection: seen.ID}, connect.ConnectionImported, connect.VendFailed,
		connect.HoldPlaced, connect.LinkCreated,
		connect.CredentialsUpdated)

	c = must[connect.Connection](t)(s.ReplaceGrant(t.Context(), c, keyGrant("newer"), "from a.example to b.example"))
	if c.Verified || c.Version != 3 {
		t.Errorf("not confirmed, it is %+v", c)
	}
	rows := must2(t)(s.Audit(t.Context(), connect.AuditFilter{Connection: seen.ID, Limit: 2}))
	if rows[0].Event != connect.ConnectionMoved || rows[0].Detail != "from a.example to b.example" ||
		rows[1].Event != connect.CredentialsUpdated ||
		rows[1].Detail != "not verified: the provider has not confirmed the credentials" {
		t.Errorf("the trail says %+v", rows)
	}
	// The link is still the end user's to use.
	if c := must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(l), alices, vending.APIKey,
		keyGrant("by link"))); c.RefreshPending || c.Version != 4 {
		t.Errorf("after the link, it is %+v", c)
	}
}

func must2(t *testing.T) func([]connect.AuditRow, int, error) []connect.AuditRow {
	return func(rows []connect.AuditRow, _ int, err error) []connect.AuditRow {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
}

// TestReplaceGrantAndRefresh: of a refresh under way and a grant that replaces what it refreshes,
// the replacement stays; and one that was made for what was there before changes nothing.
func TestReplaceGrantAndRefresh(t *testing.T) { storetest.EachAtOnce(t, testReplaceGrantAndRefresh) }

func testReplaceGrantAndRefresh(t *testing.T) {
	dir := t.TempDir()
	s, server := openStore(t, dir), openStore(t, dir)
	id := importGmail(t, s, "ya29.one")
	seen := describe(t, s, id)
	if ok, err := server.AcquireRefresh(t.Context(), id, connect.RefreshState{Version: 1}, "owner",
		connect.MaxLease); !ok || err != nil {
		t.Fatal(ok, err)
	}
	must[connect.Connection](t)(s.ReplaceGrant(t.Context(), seen, oauthGrant("ya29.new", "1//new"), ""))
	if ok, err := server.RenewRefresh(t.Context(), id, "owner", connect.MaxLease); ok || err != nil {
		t.Errorf("the refresh keeps its lease: %t, %v", ok, err)
	}
	if _, err := server.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.refreshed", "1//two"), false); !errors.Is(err,
		connect.ErrStale) {
		t.Errorf("the refresh stores: %v", err)
	}
	if _, err := server.EndGrant(t.Context(), id, 1, oauthGrant("ya29.one", ""), "why"); !errors.Is(err,
		connect.ErrStale) {
		t.Errorf("the refresh flags: %v", err)
	}
	if err := server.SetRefused(t.Context(), id, 1, true, "why"); !errors.Is(err, connect.ErrStale) {
		t.Errorf("a call with the old token flags: %v", err)
	}
	wantAccess(t, server, id, "ya29.new")
	if _, err := s.ReplaceGrant(t.Context(), seen, oauthGrant("ya29.late", ""), ""); !errors.Is(err, connect.ErrStale) {
		t.Errorf("made for an earlier grant: %v", err)
	}
	wantAccess(t, server, id, "ya29.new")
	wantEvents(t, s, connect.AuditFilter{Connection: id}, connect.ConnectionImported, connect.CredentialsUpdated)
}

func TestReplaceGrantRefuses(t *testing.T) { storetest.EachAtOnce(t, testReplaceGrantRefuses) }

func testReplaceGrantRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	active := keyConnection(t, s, keyGrant("old"))
	pending := createLink(t, s).Connection
	rejected := createLink(t, s)
	if _, err := s.RejectLink(t.Context(), digestOf(rejected), alices); err != nil {
		t.Fatal(err)
	}
	expired := createLink(t, s).Connection
	execSQL(t, s, `UPDATE links SET expires_at = 1 WHERE connection = ?`, expired.ID)
	foreign, typo := active, active
	foreign.Tenant, typo.AuthType = "other", "none"
	anybody := active
	anybody.Tenant = ""
	for name, c := range map[string]struct {
		seen connect.Connection
		g    connect.Grant
		code vending.Code
		text string
	}{
		"pending": {pending, keyGrant("k"), vending.ConnectionNotActive, "the connection is pending"},
		"rejected": {rejected.Connection, keyGrant("k"), vending.ConnectionNotActive,
			"has rejected the connection's link"},
		"expired":           {expired, keyGrant("k"), vending.ConnectionNotActive, "expired before it was used"},
		"another tenant's":  {foreign, keyGrant("k"), vending.ConnectionDeleted, ""},
		"of any tenant":     {anybody, keyGrant("k"), vending.ConnectionDeleted, ""},
		"unknown auth type": {typo, keyGrant("k"), vending.InvalidRequest, "auth_type"},
		"nothing":           {active, connect.Grant{}, vending.InvalidRequest, "needs fields"},
		"an empty value":    {active, keyGrant(""), vending.InvalidRequest, "a name and a value"},
		"too large":         {active, keyGrant(strings.Repeat("x", 65<<10)), vending.InvalidRequest, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.ReplaceGrant(t.Context(), c.seen, c.g, "")
			wantCode(t, err, c.code)
			if err != nil && !strings.Contains(vending.AsError(err).Text(), c.text) {
				t.Errorf("%v, want %s", err, c.text)
			}
		})
	}
	if c := describe(t, s, active.ID); c.Version != 1 {
		t.Errorf("it has changed: %+v", c)
	}
}

// TestReplaceGrantOfTamperedRow: who can write the database must not have a credential sealed for
// another end user by what an operator does next.
func TestReplaceGrantOfTamperedRow(t *testing.T) {
	storetest.EachAtOnce(t, testReplaceGrantOfTamperedRow)
}

func testReplaceGrantOfTamperedRow(t *testing.T) {
	s := openStore(t, t.TempDir())
	seen := keyConnection(t, s, keyGrant("old"))
	execSQL(t, s, `UPDATE connections SET end_user = 'mallory@example.com' WHERE id = ?`, seen.ID)
	if _, err := s.ReplaceGrant(t.Context(), seen, keyGrant("new"), ""); err == nil ||
		!strings.Contains(err.Error(), "opening the grant") {
		t.Error("a tampered row was made genuine")
	}
}
