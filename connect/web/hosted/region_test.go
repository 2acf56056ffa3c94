package hosted_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// regional is an app whose customers live in one of two regions; before, there was one address.
func regional(chosen bool) *catalog.App {
	app := &catalog.App{
		Slug: "mail", Name: "Mail", AuthType: "basic", Upstream: "http://api.mail.example/blog/wp-json", AllowHTTP: true,
		Fields: []catalog.Field{{Name: "username", Label: "User"}, {Name: "password", Label: "Password", Secret: true}},
		Verify: &catalog.Verify{Path: "/wp/v2/users/me"},
	}
	if chosen {
		app.Upstream = "http://{api_host}/blog/wp-json"
		hosts := []string{"api.mail.example", "api.eu.mail.example"}
		app.Fields = append(app.Fields, catalog.Field{Name: "api_host", Label: "API host", Options: hosts, Default: hosts[0]})
	}
	return app
}

// TestRegion: the region from before is what the form has chosen, another one is where the
// credential is tried, and a connection from before keeps its own.
func TestRegion(t *testing.T) {
	s := newSites(t)
	o := newOfficeOf(t, s, regional(false))
	signed := []string{"field.username", "alice", "field.password", "right"}
	older, err := o.store.CreateLink(t.Context(),
		connect.Connection{Tenant: "acme", User: alice, App: "mail", AuthType: vending.Basic})
	o.visit(older, err).Submit("accept").Submit("credentials", signed...).Sees("before", 200, harness.SaysCreated)

	o.app = regional(true)
	l, err := o.store.CreateLink(t.Context(),
		connect.Connection{Tenant: "acme", User: alice, App: "mail", AuthType: vending.Basic})
	v := o.visit(l, err).Submit("accept")
	if !strings.Contains(v.Page, "<option selected>api.mail.example</option>") {
		t.Errorf("the form has chosen no region: %s", v.Page)
	}
	s.asked()
	v.Submit("credentials", append(signed, "field.api_host", "api.eu.mail.example")...).Sees("the EU", 200,
		harness.SaysCreated)
	if asked := s.asked(); !slices.Equal(asked, []string{"GET api.eu.mail.example/blog/wp-json/wp/v2/users/me"}) {
		t.Errorf("the credential was tried at %q", asked)
	}

	v = o.renew(older.Connection.ID).Submit("accept").Sees("the renewal", 200, "This connection keeps its address.")
	v.Submit("credentials", append(signed, "field.api_host", "api.eu.mail.example")...).Sees("another region", 422,
		"is another address")
	if asked := s.asked(); asked != nil {
		t.Errorf("a credential went to %q", asked)
	}
	v.Submit("credentials", append(signed, "field.api_host", "api.mail.example")...).Sees("its own region", 200,
		"Credentials updated")
}
