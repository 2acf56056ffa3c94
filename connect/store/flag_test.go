package store

import (
	"errors"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestSetRefused: the flag comes and goes without a new version, and the first time is recorded.
func TestSetRefused(t *testing.T) { storetest.EachAtOnce(t, testSetRefused) }

func testSetRefused(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	for _, refused := range []bool{true, true, false, false, true} {
		if err := s.SetRefused(t.Context(), id, 1, refused, "refused in a call"); err != nil {
			t.Fatal(err)
		}
		c, err := s.Connection(t.Context(), "acme", "alice@example.com", id)
		if err != nil || c.NeedsReconnection != refused || c.Version != 1 {
			t.Errorf("%+v, %v; want version 1 and refused %t", c, err, refused)
		}
	}
	wantAccess(t, s, id, "ya29.one")
	rows, _, err := s.Audit(t.Context(), connect.AuditFilter{Tenant: "acme", Event: connect.VendFailed})
	if err != nil || len(rows) != 2 || rows[0].Detail != "refused in a call" || rows[0].Connection != id ||
		rows[0].App != "gmail" {
		t.Errorf("%+v, %v; want two rows", rows, err)
	}
	if err := s.SetRefused(t.Context(), id, 2, false, ""); !errors.Is(err, connect.ErrStale) {
		t.Errorf("another version: %v", err)
	}
	if err := s.SetRefused(t.Context(), "conn_x", 1, false, ""); vending.AsError(err).Code != vending.ConnectionDeleted {
		t.Errorf("unknown connection: %v", err)
	}
}

// TestEndGrant: the reason stands in the audit trail, once.
func TestEndGrant(t *testing.T) { storetest.EachAtOnce(t, testEndGrant) }

func testEndGrant(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	for i := range 2 {
		if version, err := s.EndGrant(t.Context(), id, int64(i+1), oauthGrant("ya29.one", ""), "why\x1b[2J"); err != nil ||
			version != int64(i+2) {
			t.Fatalf("version %d, %v", version, err)
		}
	}
	rows, _, err := s.Audit(t.Context(), connect.AuditFilter{Tenant: "acme", Event: connect.VendFailed})
	if err != nil || len(rows) != 1 || rows[0].Detail != "why[2J" {
		t.Errorf("%+v, %v", rows, err)
	}
}
