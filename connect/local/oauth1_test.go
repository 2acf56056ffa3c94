package local

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// TestOAuth1: the client that signs is the tenant's of the moment, or the one that came with the
// token. There is nothing to refresh.
func TestOAuth1(t *testing.T) { storetest.DirectAtOnce(t, testOAuth1) }

func testOAuth1(t *testing.T) {
	p := startProvider(t)
	store := openStore(t, t.TempDir())
	var client connect.OAuthClient
	var clientErr error
	s := newSource(t, p, store, func(o *Options) {
		o.Catalog = func(slug string) (*catalog.App, bool) {
			return &catalog.App{Slug: slug, AuthType: "o_auth", OAuth1: &catalog.OAuth1{}}, true
		}
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) { return client, clientErr }
	})
	token := connect.GrantValues{AccessToken: "canary-token",
		Fields: []vending.Field{{Name: "oauth_token_secret", Value: "canary-secret"}}}
	byTenant := importApp(t, store, "gmail", token)
	token.Fields = append(token.Fields, vending.Field{Name: "consumer_key", Value: "own"},
		vending.Field{Name: "consumer_secret", Value: "canary-own"})
	byOwn := importApp(t, store, "gmail", token)
	vended := func(id string, force bool) map[string]string {
		t.Helper()
		r := request(id)
		if force {
			cred, err := s.Vend(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			r.Force, r.Refused = true, cred
		}
		cred, err := s.Vend(t.Context(), r)
		if err != nil || tokenOf(cred) != "canary-token" || !cred.Expiry.IsZero() {
			t.Fatalf("another token, or %v", err)
		}
		return fieldsOf(cred)
	}
	for _, key := range []string{"first", "second"} {
		client = connect.OAuthClient{ID: key, Secret: vending.NewSecret("canary-" + key)}
		want := map[string]string{"oauth_token_secret": "canary-secret", "consumer_key": key,
			"consumer_secret": "canary-" + key}
		if got := vended(byTenant, key == "second"); !reflect.DeepEqual(got, want) {
			t.Error("other fields than those of the grant and of the tenant's client")
		}
	}
	clientErr = errors.New("no client is needed")
	own := map[string]string{"oauth_token_secret": "canary-secret", "consumer_key": "own", "consumer_secret": "canary-own"}
	if got := vended(byOwn, true); !reflect.DeepEqual(got, own) {
		t.Error("other fields than the grant's own")
	}
	client, clientErr = connect.OAuthClient{ID: "public"}, nil
	if _, err := s.Vend(t.Context(), request(byTenant)); vending.AsError(err).Code != vending.InternalError {
		t.Errorf("a client that cannot sign: %v", err)
	}
	clientErr = connect.ErrNoOAuthClient
	if _, err := s.Vend(t.Context(), request(byTenant)); vending.AsError(err).Code != vending.InternalError ||
		!errors.Is(err, connect.ErrNoOAuthClient) {
		t.Errorf("no client: %v", err)
	}
	if p.asked() != 0 {
		t.Error("the provider was called")
	}
}
