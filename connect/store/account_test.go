package store

import (
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestAccount follows what a provider called the account through the grants of a connection.
func TestAccount(t *testing.T) { storetest.DirectAtOnce(t, testAccount) }

func testAccount(t *testing.T) {
	s := openStore(t, t.TempDir())
	wants := func(what, id, account string) {
		t.Helper()
		c := describe(t, s, id)
		listed, _, err := s.Connections(t.Context(), connect.Filter{Tenant: "acme"})
		if err != nil || c.Account != account || listed[0].Account != account {
			t.Errorf("%s: account %q, listed %q, %v", what, c.Account, listed[0].Account, err)
		}
	}
	complete := func(l connect.Link, g connect.Grant) connect.Connection {
		t.Helper()
		return must[connect.Connection](t)(s.CompleteLink(t.Context(), digestOf(l), alices, vending.APIKey, g))
	}
	of := func(account string) connect.Grant { return keyGrant("k").Verify().OfAccount(account) }
	l := createLink(t, s)
	id := l.Connection.ID
	wants("pending", id, "")
	if c := complete(l, of("alice@example.com")); c.Account != "alice@example.com" {
		t.Errorf("completed as %q", c.Account)
	}
	wants("connected", id, "alice@example.com")
	renewed := renewLink(t, s, id)
	wants("while a link is open", id, "alice@example.com")
	c := complete(renewed, of("bob@example.com"))
	wants("as another", id, "bob@example.com")
	version := must[int64](t)(s.UpdateGrant(t.Context(), id, c.Version, keyGrant("k2").Verify(), false))
	wants("refreshed", id, "bob@example.com")
	if err := s.EraseGrant(t.Context(), id, version, connect.GrantErased, "test"); err != nil {
		t.Fatal(err)
	}
	wants("erased", id, "")
	complete(renewLink(t, s, id), of("carol"))
	wants("connected again", id, "carol")
	seen := describe(t, s, id)
	if c := must[connect.Connection](t)(s.ReplaceGrant(t.Context(), seen, keyGrant("k3").Verify(), "")); c.Account != "" {
		t.Errorf("replaced by what has no account, it is %q", c.Account)
	}
	key := gmail("alice@example.com")
	key.App, key.AuthType = "openai", vending.APIKey
	imported := must[string](t)(s.ImportConnection(t.Context(), key, of("dave")))
	if got := describe(t, s, imported).Account; got != "dave" {
		t.Errorf("imported as %q", got)
	}
	if rows, _, err := s.Audit(t.Context(), connect.AuditFilter{}); err != nil ||
		strings.Contains(rows[0].Detail, "dave") {
		t.Errorf("the trail says %+v, %v", rows[0], err)
	}
}

// TestAccountNames: what a provider sends is kept only where it is a short line of plain text.
func TestAccountNames(t *testing.T) {
	long := strings.Repeat("a", 254)
	for given, want := range map[string]string{
		"alice": "alice", " alice\n": "alice", "Müller & <b>Sons</b>": "Müller & <b>Sons</b>", long: long, long + "a": "",
		"a\x00b": "", "a\nb": "", "a\u0085b": "", "a\u202eb": "", "a\xff": "", "": "", "  ": "",
	} {
		if got := keyGrant("k").OfAccount(given).Account(); got != want {
			t.Errorf("%q is kept as %q, want %q", given, got, want)
		}
	}
	if got := (connect.Grant{}).OfAccount("alice").Account(); got != "" {
		t.Errorf("no grant is of %q", got)
	}
}
