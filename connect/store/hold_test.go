package store

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func hold(t testing.TB, s *Store, id string, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := s.Hold(t.Context(), "acme", "alice@example.com", id, name); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHolds follows a connection that is held: what blocks its deletion is named, and released it
// goes.
func TestHolds(t *testing.T) { storetest.EachAtOnce(t, testHolds) }

func testHolds(t *testing.T) {
	for name, c := range map[string]struct {
		names   []string
		message string
	}{
		"one":   {[]string{"invoice-sync"}, "the connection is held by invoice-sync; release that first"},
		"three": {[]string{"c", "a", "b"}, "the connection is held by a, b, c; release that first"},
		"more":  {[]string{"e", "d", "c", "b", "a"}, "the connection is held by a, b, c and others; release that first"},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			id, other := importGmail(t, s, "ya29.one"), importGmail(t, s, "ya29.other")
			hold(t, s, id, c.names...)
			conn, g, err := s.TakeConnection(t.Context(), "acme", "alice@example.com", id)
			if e := new(vending.Error); !errors.As(err, &e) || e.Code != vending.ConnectionInUse || e.Text() != c.message {
				t.Errorf("error %v, want %s", err, c.message)
			}
			if conn != (connect.Connection{}) || !g.IsZero() {
				t.Error("a connection that was not deleted was handed out with its grant")
			}
			wantAccess(t, s, id, "ya29.one")
			if err := s.DeleteConnection(t.Context(), "acme", other); err != nil {
				t.Errorf("a hold on another connection: %v", err)
			}
			for _, name := range c.names {
				if stood := must[bool](t)(s.Release(t.Context(), "acme", "alice@example.com", id, name)); !stood {
					t.Errorf("%s did not stand", name)
				}
			}
			if _, g, err := s.TakeConnection(t.Context(), "acme", "alice@example.com", id); err != nil ||
				g.Reveal().AccessToken != "ya29.one" {
				t.Errorf("released, it was not handed out: %v", err)
			}
		})
	}
}

func TestHoldIsIdempotent(t *testing.T) { storetest.EachAtOnce(t, testHoldIsIdempotent) }

func testHoldIsIdempotent(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	id := importGmail(t, s, "ya29.one")
	want := connect.Hold{Name: "sync", CreatedAt: epoch}
	for range 2 {
		if got, err := s.Hold(t.Context(), "acme", "", id, "sync"); err != nil || got != want {
			t.Errorf("%+v, %v; want %+v", got, err, want)
		}
		clock.add(time.Minute)
	}
	if holds, err := s.Holds(t.Context(), id); err != nil || len(holds) != 1 || holds[0] != want {
		t.Errorf("%+v, %v; want %+v alone", holds, err, want)
	}
	for _, stood := range []bool{true, false} {
		if got := must[bool](t)(s.Release(t.Context(), "acme", "", id, "sync")); got != stood {
			t.Errorf("it stood: %v, want %v", got, stood)
		}
	}
	wantEvents(t, s, connect.AuditFilter{}, connect.ConnectionImported, connect.HoldPlaced, connect.HoldReleased)
}

func TestHoldNames(t *testing.T) { storetest.EachAtOnce(t, testHoldNames) }

func testHoldNames(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	for name, c := range map[string]struct {
		hold string
		ok   bool
	}{
		"empty":       {"", false},
		"a line":      {"canary\n", false},
		"escape":      {"canary\x1b[2J", false},
		"turned":      {"canary\u202e", false},
		"not UTF-8":   {"canary\xff", false},
		"101 bytes":   {strings.Repeat("x", 101), false},
		"100 bytes":   {strings.Repeat("x", 100), true},
		"with spaces": {"Invoices, every Monday", true},
		"SQL":         {`'; DROP TABLE holds; --`, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Hold(t.Context(), "acme", "", id, c.hold)
			_, released := s.Release(t.Context(), "acme", "", id, c.hold)
			if c.ok {
				if err != nil || released != nil {
					t.Errorf("%v, %v", err, released)
				}
				return
			}
			wantCode(t, err, vending.InvalidRequest)
			wantCode(t, released, vending.InvalidRequest)
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Error("the error repeats the name")
			}
		})
	}
}

func TestHoldsAreBounded(t *testing.T) { storetest.EachAtOnce(t, testHoldsAreBounded) }

func testHoldsAreBounded(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	execSQL(t, s, `WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO holds (connection, name, created_at) SELECT ?, 'hold ' || i, 0 FROM n`, maxHolds, id)
	h, err := s.Hold(t.Context(), "acme", "", id, "one too many")
	if wantCode(t, err, vending.InvalidRequest); h != (connect.Hold{}) {
		t.Errorf("%+v was placed", h)
	}
	hold(t, s, id, "hold 7") // it stands
	if !must[bool](t)(s.Release(t.Context(), "acme", "", id, fmt.Sprint("hold ", maxHolds))) {
		t.Error("it did not stand")
	}
	hold(t, s, id, "one too many")
	if holds, err := s.Holds(t.Context(), id); err != nil || len(holds) != 100 {
		t.Errorf("%d holds, %v; want the first 100", len(holds), err)
	}
}
