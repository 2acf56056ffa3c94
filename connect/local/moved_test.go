package local

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/vending"
)

// hosted is an app of which everybody has a server of their own: the client says which.
func hosted(string) (*catalog.App, bool) {
	return &catalog.App{
		Slug: "gmail", AuthType: "o_auth", Upstream: "http://{host}/api", AllowHTTP: true,
		Fields: []catalog.Field{{Name: "host", From: catalog.FromClient, Kind: catalog.KindHost},
			{Name: "developer", From: catalog.FromClient, Secret: true}},
		OAuth2: &catalog.OAuth2{TokenURL: "http://{host}/token"},
	}, true
}

// TestMovedClient: with a client that is for another server than the one which gave a grant,
// nothing of the grant is vended or sent, whether the client is replaced or the tenant given one of
// its own. With the client of before, all is as before.
func TestMovedClient(t *testing.T) { storetest.DirectAtOnce(t, testMovedClient) }

func testMovedClient(t *testing.T) {
	a, b := startProvider(t), startProvider(t)
	sockets := map[string]string{"a.example.com:80": a.Listener.Addr().String(),
		"b.example.com:80": b.Listener.Addr().String()}
	rt := &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			socket, known := sockets[address]
			if !known {
				return nil, errors.New("dialled " + address)
			}
			return new(net.Dialer).DialContext(ctx, network, socket)
		}}
	store := openStore(t, t.TempDir())
	at, developer := "", "canary-1"
	s := newSource(t, a, store, func(o *Options) {
		o.Catalog, o.Transport = hosted, through(rt)
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) {
			return connect.OAuthClient{ID: "id", Secret: vending.NewSecret(clientSecret), Fields: []connect.ClientField{
				{Name: "host", Value: vending.NewSecret(at)}, {Name: "developer", Value: vending.NewSecret(developer)},
			}}, nil
		}
	})
	from := func(lifetime time.Duration, fields ...vending.Field) vending.Request {
		grant := grantFor(lifetime)
		grant.Fields = fields
		return request(importApp(t, store, "gmail", grant))
	}
	here := vending.Field{Name: "host", Value: "a.example.com"}
	valid, ending, ended, older := from(time.Hour, here), from(5*time.Second, here), from(-time.Second,
		here), from(-time.Second)
	forced := valid
	forced.Force = true

	at = "b.example.com"
	for name, r := range map[string]vending.Request{"valid": valid, "forced": forced, "ending": ending, "ended": ended,
		"older": older, "older and valid": from(time.Hour)} {
		cred, err := s.Vend(t.Context(), r)
		if codeOf(err) != vending.NeedsReconnection || !cred.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
	if a.asked()+b.asked() != 0 {
		t.Errorf("the servers were asked, %d times and %d times", a.asked(), b.asked())
	}

	at, developer = "a.example.com", "canary-2"
	for name, r := range map[string]vending.Request{"valid": valid, "ended": ended} {
		cred, err := s.Vend(t.Context(), r)
		if got := fieldsOf(cred); err != nil || len(got) != 2 || got["host"] != at || got["developer"] != developer {
			t.Errorf("%s, after the client is what it was: other fields, or %v", name, err)
		}
	}
	if a.asked() != 1 || b.asked() != 0 {
		t.Errorf("the servers were asked, %d times and %d times", a.asked(), b.asked())
	}
	if _, held := stored(t, store, ended.Connection); held.AccessToken != "canary-access-1" || len(held.Fields) != 1 ||
		held.Fields[0] != here {
		t.Error("the refresh lost where the grant is from")
	}
	if _, err := s.Vend(t.Context(), older); codeOf(err) != vending.NeedsReconnection {
		t.Errorf("a grant that does not say where it is from: %v", err)
	}
}
