package store

import (
	"cmp"
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
)

// TestEraseUserInterrupted: an erasure that ended half way through the trail is brought to its end,
// under the same pseudonym, and is then on record once.
func TestEraseUserInterrupted(t *testing.T) { storetest.EachAtOnce(t, testEraseUserInterrupted) }

func testEraseUserInterrupted(t *testing.T) {
	s := openStore(t, t.TempDir())
	const user = "alice@example.com"
	id := importGmail(t, s, "ya29.one")
	if _, err := s.EraseUser(t.Context(), "acme", user); !errors.Is(err, connect.ErrUserConnected) {
		t.Fatalf("with a connection: %v", err)
	}
	if err := s.DropConnection(t.Context(), "acme", id, 2); !errors.Is(err, connect.ErrStale) {
		t.Fatalf("another version: %v", err)
	}
	if err := s.DropConnection(t.Context(), "acme", id, 1); err != nil {
		t.Fatal(err)
	}
	var e connect.Erasure
	if _, err := s.beginErasure(t.Context(), "acme", user, &e); err != nil {
		t.Fatal(err)
	}
	execSQL(t, s, "UPDATE audit SET end_user = '"+e.Pseudonym+"'") // and here the process died
	again, err := s.EraseUser(t.Context(), "acme", user)
	if err != nil || again.Pseudonym != e.Pseudonym || !again.Before.IsZero() {
		t.Errorf("%+v, %v", again, err)
	}
	last, err := s.EraseUser(t.Context(), "acme", user)
	if err != nil || last.Before.IsZero() || last.AuditRows != 0 {
		t.Errorf("%+v, %v", last, err)
	}
	if rows, total, err := s.Audit(t.Context(), connect.AuditFilter{Event: connect.UserErased}); err != nil ||
		total != 1 ||
		rows[0].User != e.Pseudonym {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestEraseUserAlone: the text of other rows stays, though an end user's name is a part of it.
func TestEraseUserAlone(t *testing.T) { storetest.EachAtOnce(t, testEraseUserAlone) }

func testEraseUserAlone(t *testing.T) {
	s := openStore(t, t.TempDir())
	ctx := t.Context()
	if _, err := s.CreateTenant(ctx, connect.Tenant{ID: "acme", Email: "dev@acme.example"}); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"joann@example.com's": "", "ann@example.com.au": "", "ann@example.company": "", "x-ann@example.com": "",
		"for Ann@Example.com.":                "for PSEUDONYM.",
		"ann@example.com, ann@example.com ":   "PSEUDONYM, PSEUDONYM ",
		"<ann@example.com>'ann@example.com'":  "<PSEUDONYM>'PSEUDONYM'",
		"joann@example.com: ann@example.com!": "joann@example.com: PSEUDONYM!",
	}
	for text := range texts {
		row := connect.AuditRow{Event: connect.LinkFailed, Tenant: "acme", User: "bob@example.com", Detail: text}
		if err := s.Record(ctx, row); err != nil {
			t.Fatal(err)
		}
	}
	for _, user := range []string{"1", "e", "key"} {
		if e, err := s.EraseUser(ctx, "acme", user); !errors.Is(err, connect.ErrUserUnknown) {
			t.Errorf("%s, who never was there: %+v, %v", user, e, err)
		}
	}
	e, err := s.EraseUser(ctx, "acme", "ann@example.com")
	if err != nil || e.AuditRows != 4 {
		t.Fatalf("%+v, %v", e, err)
	}
	rows, _, err := s.Audit(ctx, connect.AuditFilter{Tenant: "acme", Event: connect.LinkFailed, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	left := make(map[string]bool)
	for _, r := range rows {
		left[r.Detail] = true
	}
	for text, want := range texts {
		if want = cmp.Or(strings.ReplaceAll(want, "PSEUDONYM", e.Pseudonym), text); !left[want] {
			t.Errorf("%q is not %q", text, want)
		}
	}
}

// TestPresentTrail: a tenant does not read the trail of one that had its name before.
func TestPresentTrail(t *testing.T) { storetest.EachAtOnce(t, testPresentTrail) }

func testPresentTrail(t *testing.T) {
	s := openStore(t, t.TempDir())
	for range 2 {
		if _, err := s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "dev@acme.example"}); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteTenant(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "dev@acme.example"}); err != nil {
		t.Fatal(err)
	}
	f := connect.AuditFilter{Tenant: "acme"}
	if _, total, err := s.Audit(t.Context(), f); err != nil || total != 8 {
		t.Errorf("the operator reads %d rows, %v", total, err)
	}
	f.Present = true
	if rows, total, err := s.Audit(t.Context(), f); err != nil || total != 2 || rows[1].Event != connect.TenantCreated {
		t.Errorf("the tenant reads %+v, %v", rows, err)
	}
}
