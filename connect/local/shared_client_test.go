package local

import (
	"context"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestWithheld: a tenant is not told the secrets of a client of all tenants, but what came with its
// own connection.
func TestWithheld(t *testing.T) { storetest.DirectAtOnce(t, testWithheld) }

func testWithheld(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	for name, c := range map[string]struct {
		app    func(string) (*catalog.App, bool)
		shared bool
		fields []vending.Field
		want   map[string]bool
	}{
		"fields, of all": {p.ads, true, []vending.Field{{Name: "site", Value: "acme"}, {Name: "realm", Value: "1"},
			{Name: "client_id", Value: "client:id"}}, map[string]bool{"developer": true}},
		"fields, its own": {p.ads, false, []vending.Field{{Name: "site", Value: "acme"}, {Name: "realm", Value: "1"},
			{Name: "client_id", Value: "client:id"}}, nil},
		"signed, of all": {signed, true, []vending.Field{{Name: "oauth_token_secret", Value: "canary"}},
			map[string]bool{"consumer_secret": true}},
		"signed, its own": {signed, false, []vending.Field{{Name: "oauth_token_secret", Value: "canary"}}, nil},
		"signed, came with": {signed, true, []vending.Field{{Name: "oauth_token_secret", Value: "canary"},
			{Name: "consumer_key", Value: "a"}, {Name: "consumer_secret", Value: "canary-own"}}, nil},
	} {
		s := newSource(t, p, store, func(o *Options) {
			o.Catalog = c.app
			o.Clients = func(ctx context.Context, tenant, app string) (connect.OAuthClient, error) {
				client, err := withDeveloper("canary-dev")(ctx, tenant, app)
				client.Shared = c.shared
				return client, err
			}
		})
		grant := grantFor(time.Hour)
		grant.Fields = c.fields
		cred, err := s.Vend(t.Context(), request(importApp(t, store, "gmail", grant)))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for field := range cred.Fields() {
			if cred.Withholds(field) != c.want[field] {
				t.Errorf("%s: %s is withheld: %v", name, field, cred.Withholds(field))
			}
		}
		for field := range c.want {
			if _, ok := cred.Field(field); !ok {
				t.Errorf("%s: calls lack %s", name, field)
			}
		}
	}
}

func signed(slug string) (*catalog.App, bool) {
	return &catalog.App{Slug: slug, AuthType: "o_auth", OAuth1: &catalog.OAuth1{}}, true
}
