package connect

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

func TestUpdateGrant(t *testing.T) {
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
	if _, err := b.UpdateGrant(t.Context(), id, 1, oauthGrant("ya29.stale", ""), false); !errors.Is(err, ErrStale) {
		t.Errorf("stale version: %v, want %v", err, ErrStale)
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

func TestUpdateGrantOnce(t *testing.T) {
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
			case errors.Is(err, ErrStale):
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
	big := NewGrant(GrantValues{AccessToken: strings.Repeat("x", 60000)})
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
