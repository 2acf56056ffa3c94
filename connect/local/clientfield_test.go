package local

import (
	"bytes"
	"context"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// ads is an app whose calls need a token of the OAuth client's, and whose token endpoint depends on
// what was entered and on the client.
func (p *provider) ads(string) (*catalog.App, bool) {
	return &catalog.App{
		Slug: "gmail", AuthType: "o_auth",
		Fields: []catalog.Field{
			{Name: "developer", From: catalog.FromClient, Secret: true}, {Name: "client_id", From: catalog.FromClient},
			{Name: "site"}, {Name: "realm", From: catalog.FromGrant},
		},
		OAuth2: &catalog.OAuth2{TokenURL: p.URL + "/{client_id}/{site}/token"},
	}, true
}

func withDeveloper(token string) func(context.Context, string, string) (connect.OAuthClient, error) {
	return func(context.Context, string, string) (connect.OAuthClient, error) {
		c := connect.OAuthClient{ID: "client:id", Secret: vending.NewSecret(clientSecret)}
		if token != "" {
			c.Fields = []connect.ClientField{{Name: "developer", Value: vending.NewSecret(token)}}
		}
		return c, nil
	}
}

func fieldsOf(c vending.Credential) map[string]string {
	all := map[string]string{}
	for name, value := range c.Fields() {
		if name != vending.AccessToken && name != vending.TokenType {
			all[name] = value
		}
	}
	return all
}

// TestClientFields: what comes with the client is that of the moment, and a refresh keeps what was
// captured.
func TestClientFields(t *testing.T) { storetest.DirectAtOnce(t, testClientFields) }

func testClientFields(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	developer := "canary-1"
	s := newSource(t, p, store, func(o *Options) {
		o.Catalog = p.ads
		o.Clients = func(ctx context.Context, tenant, app string) (connect.OAuthClient, error) {
			return withDeveloper(developer)(ctx, tenant, app)
		}
	})
	grant := grantFor(time.Hour)
	grant.Fields = []vending.Field{{Name: "developer", Value: "canary-entered"}, {Name: "site", Value: "acme"},
		{Name: "realm", Value: "9130"}, {Name: "client_id", Value: "client:id"}}
	id := importApp(t, store, "gmail", grant)
	for _, developer = range []string{"canary-1", "canary-2"} {
		cred, err := s.Vend(t.Context(), request(id))
		if want := map[string]string{"developer": developer, "client_id": "client:id", "site": "acme",
			"realm": "9130"}; err != nil || !reflect.DeepEqual(fieldsOf(cred), want) {
			t.Errorf("other fields than the client's of today and the grant's, or %v", err)
		}
	}
	r := request(id)
	r.Force = true
	cred, err := s.Vend(t.Context(), r)
	if err != nil || tokenOf(cred) != "canary-access-1" || fieldsOf(cred)["realm"] != "9130" ||
		fieldsOf(cred)["developer"] != "canary-2" {
		t.Errorf("token %q after a refresh, %v", tokenOf(cred), err)
	}
	if p.asked() != 1 || p.calls[0].RequestURI != "/client:id/acme/token" {
		t.Errorf("the token endpoint got %d calls, the first at %s", p.asked(), p.calls[0].RequestURI)
	}
	if _, held := stored(t, store, id); !reflect.DeepEqual(held.Fields, grant.Fields) {
		t.Error("the refresh changed the stored fields")
	}
}

// TestClientWithoutItsField: such a client fails the vend, and the log says why.
func TestClientWithoutItsField(t *testing.T) { storetest.DirectAtOnce(t, testClientWithoutItsField) }

func testClientWithoutItsField(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	log := new(bytes.Buffer)
	s := newSource(t, p, store, func(o *Options) {
		o.Catalog, o.Clients, o.Logger = p.ads, withDeveloper(""), slog.New(slog.NewTextHandler(log, nil))
	})
	for name, lifetime := range map[string]time.Duration{"valid": time.Hour, "ended": -time.Second} {
		id := importApp(t, store, "gmail", grantFor(lifetime))
		cred, err := s.Vend(t.Context(), request(id))
		if codeOf(err) != vending.InternalError || !cred.IsZero() ||
			!strings.Contains(log.String(), "field developer of the oauth client for gmail is missing") {
			t.Errorf("%s: %v, log %s", name, err, log)
		}
		log.Reset()
	}
	if p.asked() != 0 {
		t.Error("the provider was asked")
	}
}

// TestEndpointWithoutItsSlot: a connection that lacks what its token endpoint's address takes is
// not refreshed anywhere, and can be connected again. What another address takes is in no refresh's
// way.
func TestEndpointWithoutItsSlot(t *testing.T) { storetest.DirectAtOnce(t, testEndpointWithoutItsSlot) }

func testEndpointWithoutItsSlot(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	for name, c := range map[string]struct {
		change func(*catalog.App)
		want   vending.Code
	}{
		"entered":  {func(*catalog.App) {}, vending.NeedsReconnection},
		"captured": {func(a *catalog.App) { a.OAuth2.TokenURL = p.URL + "/{realm}/token" }, vending.NeedsReconnection},
		"refresh_url": {func(a *catalog.App) {
			a.OAuth2.RefreshURL = p.URL + "/{site}/refresh"
		}, vending.NeedsReconnection},
		"undeclared": {func(a *catalog.App) {
			a.OAuth2.TokenURL = p.URL + "/{undeclared}/token"
		}, vending.InternalError},
		"other addresses": {func(a *catalog.App) { a.OAuth2 = elsewhere(a.OAuth2, p.URL+"/token", "") }, ""},
		"only token_url": {func(a *catalog.App) {
			a.OAuth2 = elsewhere(a.OAuth2, p.URL+"/{site}/token", p.URL+"/refresh")
		}, ""},
	} {
		asked := p.asked()
		s := newSource(t, p, store, func(o *Options) {
			o.Clients = withDeveloper("d")
			o.Catalog = func(slug string) (*catalog.App, bool) {
				app, _ := p.ads(slug)
				c.change(app)
				return app, true
			}
		})
		grant := grantFor(-time.Second)
		grant.RefreshToken = p.current
		grant.Fields = []vending.Field{{Name: "client_id", Value: "client:id"}}
		_, err := s.Vend(t.Context(), request(importApp(t, store, "gmail", grant)))
		if codeOf(err) != c.want || (p.asked() != asked) != (c.want == "") {
			t.Errorf("%s: %v after %d calls, want %q", name, err, p.asked()-asked, c.want)
		}
	}
}

// elsewhere is o with a slot in the addresses that a refresh does not use.
func elsewhere(o *catalog.OAuth2, tokenURL, refreshURL string) *catalog.OAuth2 {
	changed := *o
	changed.AuthorizeURL, changed.RevokeURL = "https://{site}.example.com/authorize", "https://{site}.example.com/revoke"
	changed.TokenURL, changed.RefreshURL = tokenURL, refreshURL
	return &changed
}

// TestWithoutRefreshToken: a provider that gives none is never asked; when the token ends, the end
// user must connect again.
func TestWithoutRefreshToken(t *testing.T) { storetest.DirectAtOnce(t, testWithoutRefreshToken) }

func testWithoutRefreshToken(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	for name, c := range map[string]struct {
		lifetime time.Duration
		want     vending.Code
	}{"no expiry": {0, ""}, "about to end": {5 * time.Second, ""}, "ended": {-time.Second, vending.NeedsReconnection}} {
		grant := grantFor(c.lifetime)
		grant.RefreshToken = ""
		id := importApp(t, store, "gmail", grant)
		if _, err := s.Vend(t.Context(), request(id)); codeOf(err) != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if got, _ := stored(t, store, id); got.NeedsReconnection != (c.want != "") {
			t.Errorf("%s: needs_reconnection is %t", name, got.NeedsReconnection)
		}
	}
	if p.asked() != 0 {
		t.Error("the provider was asked")
	}
}

// TestTokenTypes has what becomes of a provider's spelling.
func TestTokenTypes(t *testing.T) { storetest.DirectAtOnce(t, testTokenTypes) }

func testTokenTypes(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	s := newSource(t, p, store)
	for spelled, want := range map[string]string{"": "Bearer", "bearer": "Bearer", "BEARER": "Bearer", "token": "token",
		"bot": "bot"} {
		grant := grantFor(time.Hour)
		grant.TokenType = spelled
		cred, err := s.Vend(t.Context(), request(importApp(t, store, "gmail", grant)))
		if got, _ := cred.Field(vending.TokenType); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", spelled, got, err, want)
		}
	}
}
