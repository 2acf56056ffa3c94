package authorization

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// TestMovedClient gives a tenant a client of its own, for another shop than that of the client of
// all tenants: what the first shop granted is neither used nor refreshed nor revoked at the second.
// With the client of before all is as before.
func TestMovedClient(t *testing.T) {
	s := newStage(t)
	q := newQuirky(t, s.provider)
	app := strings.Replace(q.app(), "field shop Shop\n", "field shop Shop {\nfrom client\n}\n", 1)
	g := harness.Start(t, s.local("margin 5s")+app, site)
	set := func(tenant, shop string) {
		t.Helper()
		err := s.store.SetOAuthClient(t.Context(), tenant, "books", connect.OAuthClient{
			ID: s.provider.ClientID, Secret: vending.NewSecret(s.provider.ClientSecret),
			Fields: []connect.ClientField{{Name: "shop", Value: vending.NewSecret(shop)},
				{Name: "developer", Value: vending.NewSecret(developer)}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	set("", "acme")
	granted := s.provider.grant()
	id, err := s.store.ImportConnection(t.Context(), connect.Connection{Tenant: "acme", User: harness.Alice, App: "books",
		AuthType: vending.OAuth}, connect.NewGrant(connect.GrantValues{
		AccessToken: granted.Access, RefreshToken: granted.Refresh, Expiry: time.Now().Add(-time.Second),
		Fields: []vending.Field{{Name: "shop", Value: "acme"}, {Name: "plan", Value: "paid"}, {Name: "realm", Value: "9130"},
			{Name: "instance", Value: "eu7"}, {Name: "account", Value: "42"}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, "at the shop that granted", invoices(t, g, id), "200")

	set("acme", "other")
	before := len(q.seen())
	expect(t, "a valid token, at another shop", invoices(t, g, id), "401 needs_reconnection vending")
	s.expire(id)
	expect(t, "an ended token, at another shop", invoices(t, g, id), "401 needs_reconnection vending")
	if lines := q.seen()[before:]; len(lines) != 0 {
		t.Errorf("asked for %q", lines)
	}

	set("acme", "acme")
	expect(t, "at the shop that granted, again", invoices(t, g, id), "200")
	set("acme", "other")
	before = len(q.seen())
	res, err := g.Client.Do(g.Request(http.MethodDelete, "/platform/v1/connections/"+id, nil))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if lines := q.seen()[before:]; res.StatusCode != http.StatusOK || len(lines) != 0 {
		t.Errorf("deleting answered %d and asked for %q", res.StatusCode, lines)
	}
	if rows, _, err := s.store.Audit(t.Context(),
		connect.AuditFilter{Connection: id, Event: connect.RevocationFailed}); err != nil || len(rows) != 1 {
		t.Errorf("%d rows of a failed revocation, %v", len(rows), err)
	}
}

// seen is every request line so far.
func (q *quirky) seen() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lines
}
