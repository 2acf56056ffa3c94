package store

import (
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

func keyGrant(key string) connect.Grant {
	return connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: key}}})
}

// TestVerified follows a connection through grants that its provider confirmed and did not.
func TestVerified(t *testing.T) { storetest.EachAtOnce(t, testVerified) }

func testVerified(t *testing.T) {
	s := openStore(t, t.TempDir())
	const detail = "not verified: the provider has not confirmed the credentials"
	wants := func(what, id string, verified bool) {
		t.Helper()
		if c := describe(t, s, id); c.Verified != verified {
			t.Errorf("%s: verified %t", what, c.Verified)
		}
		listed, _, err := s.Connections(t.Context(), connect.Filter{Tenant: "acme"})
		if err != nil || listed[0].Verified != verified {
			t.Errorf("%s: listed as verified %t, %v", what, listed[0].Verified, err)
		}
	}
	said := func(what, id, want string) {
		t.Helper()
		rows, _, err := s.Audit(t.Context(), connect.AuditFilter{Connection: id})
		if err != nil || rows[0].Detail != want {
			t.Errorf("%s: the trail says %+v, %v", what, rows[0], err)
		}
	}
	complete := func(l connect.Link, g connect.Grant) {
		t.Helper()
		must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(l), alices, vending.APIKey, g))
	}
	l := createLink(t, s)
	id := l.Connection.ID
	wants("pending", id, false)
	complete(l, keyGrant("one").Verify())
	wants("accepted", id, true)
	said("accepted", id, "")
	complete(renewLink(t, s, id), keyGrant("two"))
	wants("renewed, not confirmed", id, false)
	said("renewed, not confirmed", id, detail)
	complete(renewLink(t, s, id), keyGrant("three").Verify())
	wants("renewed", id, true)
	renewLink(t, s, id)
	wants("while a link is open", id, true)

	key := gmail("alice@example.com")
	key.App, key.AuthType = "openai", vending.APIKey
	imported := must[string](t)(s.ImportConnection(t.Context(), key, keyGrant("k")))
	if c := describe(t, s, imported); c.Verified {
		t.Error("an import that was not tried is verified")
	}
	said("imported", imported, detail)
	if id := must[string](t)(s.ImportConnection(t.Context(), key, keyGrant("k").Verify())); !describe(t, s, id).Verified {
		t.Error("an import that was accepted is not verified")
	}

	token := must[string](t)(s.ImportConnection(t.Context(), gmail("alice@example.com"), oauthGrant("a", "r")))
	version := must[int64](t)(s.UpdateGrant(t.Context(), token, 1, oauthGrant("b", "r").Verify(), false))
	if !describe(t, s, token).Verified {
		t.Error("a token that was refreshed is not verified")
	}
	must[int64](t)(s.UpdateGrant(t.Context(), token, version, oauthGrant("b", "r"), true))
	if c := describe(t, s, token); !c.Verified || !c.NeedsReconnection {
		t.Errorf("flagged, it is %+v", c)
	}
	if (connect.Grant{}).Verify().Verified() {
		t.Error("no grant is verified")
	}
}

// TestVerifiedOfOldRows: of what was stored before, tokens are the provider's own, and of the rest
// nobody knows.
func TestVerifiedOfOldRows(t *testing.T) {
	dir := t.TempDir()
	old, ids, _ := openSchema1(t, dir)
	execSQL(t, old, `UPDATE connections SET auth_type = 'api_key' WHERE id = ?`, ids[connect.Pending])
	execSQL(t, old, `UPDATE connections SET status = 'active', auth_type = 'api_key', sealed = x'00' WHERE id = ?`,
		ids[connect.Rejected])
	s := openStore(t, dir)
	for status, want := range map[connect.Status]bool{connect.Active: true, connect.Pending: false,
		connect.Rejected: false, connect.Expired: false} {
		if c := describe(t, s, ids[status]); c.Verified != want {
			t.Errorf("%s: verified %t", status, c.Verified)
		}
	}
}

func TestUnconfirmedOfATenant(t *testing.T) { storetest.EachAtOnce(t, testUnconfirmedOfATenant) }

func testUnconfirmedOfATenant(t *testing.T) {
	s := openStore(t, t.TempDir())
	must[string](t)(s.CreateTenant(t.Context(),
		connect.Tenant{ID: "acme", Email: "ops@acme.example", Brand: connect.Brand{Unconfirmed: connect.RefuseUnconfirmed}}))
	if got := must[connect.Tenant](t)(s.Tenant(t.Context(), "acme")); got.Brand.Unconfirmed != connect.RefuseUnconfirmed {
		t.Errorf("it is %+v", got.Brand)
	}
	if err := s.SetBrand(t.Context(), "acme", connect.Brand{Unconfirmed: connect.AskUnconfirmed}); err != nil {
		t.Fatal(err)
	}
	if got := must[connect.Tenant](t)(s.Tenant(t.Context(), "acme")); got.Brand.Unconfirmed != connect.AskUnconfirmed {
		t.Errorf("it is %+v", got.Brand)
	}
	if err := s.SetBrand(t.Context(), "acme", connect.Brand{Unconfirmed: "never"}); err == nil ||
		vending.AsError(err).Text() != "unconfirmed: write ask or refuse" {
		t.Errorf("error %v", err)
	}
}
