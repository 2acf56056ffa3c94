package authorize

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// hosted is an app of which everybody has a server of their own: the client says which.
func hosted(flow string) *catalog.App {
	app := &catalog.App{
		Slug: "git", Name: "Acme Git", AuthType: "o_auth", Upstream: "http://{host}/api", AllowHTTP: true,
		Fields: []catalog.Field{{Name: "host", From: catalog.FromClient, Kind: catalog.KindHost},
			{Name: "developer", From: catalog.FromClient, Secret: true}},
	}
	if flow == "oauth1" {
		app.OAuth1 = &catalog.OAuth1{RequestTokenURL: "http://{host}/request", AuthorizeURL: "http://{host}/authorize",
			AccessTokenURL: "http://{host}/access"}
		return app
	}
	app.OAuth2 = &catalog.OAuth2{AuthorizeURL: "http://{host}/authorize", TokenURL: "http://{host}/token",
		RevokeURL: "http://{host}/revoke", NoPKCE: flow == "no pkce"}
	return app
}

// servers are two of them, and at is the one that the client of the moment names.
type servers struct {
	*stage
	other *provider
	at    string
}

// newServers names the two by hosts that reach them through a transport: slots take no bare
// addresses.
func newServers(t *testing.T, flow string) *servers {
	t.Helper()
	h := granted
	if flow == "oauth1" {
		h = temporary
	}
	s := &servers{other: startProvider(t, h), at: "a.example.com"}
	s.stage = newStage(t, h, func(o *Options) {
		o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) {
			return connect.OAuthClient{ID: "id", Secret: vending.NewSecret("canary-secret"), Fields: []connect.ClientField{
				{Name: "host", Value: vending.NewSecret(s.at)}, {Name: "developer", Value: vending.NewSecret("canary-of-" + s.at)},
			}}, nil
		}
	})
	s.o.Transport = reaching(map[string]*provider{"a.example.com:80": s.provider, "b.example.com:80": s.other})
	return s
}

// TestFinishElsewhere: what was begun at one server is not finished at another, and a finished
// grant says where it is from.
func TestFinishElsewhere(t *testing.T) {
	for flow, query := range map[string]url.Values{"oauth2": {"code": {"canary-code"}},
		"no pkce": {"code": {"canary-code"}}, "oauth1": callbackQuery()} {
		t.Run(flow, func(t *testing.T) {
			s, app := newServers(t, flow), hosted(flow)
			r, err := s.Begin(t.Context(), tenant, app, redirectURI, nil)
			if err != nil || !strings.HasPrefix(r.URL, "http://a.example.com/authorize?") {
				t.Fatalf("sent to %s, %v", r.URL, err)
			}
			s.calls()
			s.at = "b.example.com"
			_, err = s.Finish(t.Context(), tenant, app, redirectURI, r.FlowState, query, nil)
			s.mustBe(t, err, WrongIssuer)
			_, err = s.Finish(t.Context(), tenant, app, redirectURI, bare(flow), query, nil)
			s.mustBe(t, err, WrongIssuer)
			if a, b := s.calls(), s.other.calls(); len(a)+len(b) != 0 {
				t.Errorf("%d calls at the first server, %d at the second", len(a), len(b))
			}
			s.at = "a.example.com"
			g, err := s.Finish(t.Context(), tenant, app, redirectURI, r.FlowState, query, nil)
			got := s.calls()
			if err != nil || len(got) != 1 {
				t.Fatalf("%d calls at the first server, %v", len(got), err)
			}
			sent, err := url.ParseQuery(got[0].body)
			if err != nil || (flow == "oauth2") != sent.Has("code_verifier") || len(sent.Get("code_verifier")) > 43 ||
				strings.Contains(got[0].body, "at_host") {
				t.Errorf("other parameters than those of the flow, or %v", err)
			}
			held := map[string]string{}
			for _, f := range g.Reveal().Fields {
				held[f.Name] = f.Value
			}
			delete(held, catalog.OAuthTokenSecret)
			if want := map[string]string{"host": "a.example.com"}; !reflect.DeepEqual(held, want) {
				t.Errorf("the grant has other fields than %v", want)
			}
		})
	}
}

// bare is a FlowState that does not say where the flow began.
func bare(flow string) vending.Secret {
	switch flow {
	case "oauth1":
		return temporaryState
	case "no pkce":
		return vending.Secret{}
	}
	return canaryVerifier
}

// TestFinishOtherFlow: an app that has changed from one version of OAuth to the other sends nothing
// of an attempt's secrets.
func TestFinishOtherFlow(t *testing.T) {
	s := newStage(t, granted)
	_, err := s.Finish(t.Context(), tenant, s.consents(), redirectURI, temporaryState, url.Values{"code": {"c"}}, nil)
	s.mustBe(t, err, InvalidCallback)
	_, err = s.Finish(t.Context(), tenant, s.signs(), redirectURI, canaryVerifier, callbackQuery(), fields("site", "acme"))
	s.mustBe(t, err, InvalidCallback)
	if got := s.calls(); len(got) != 0 {
		t.Errorf("%d calls", len(got))
	}
}

// TestRevokeElsewhere: only the server that granted a token is told of it.
func TestRevokeElsewhere(t *testing.T) {
	s, app := newServers(t, "oauth2"), hosted("oauth2")
	here := connect.NewGrant(connect.GrantValues{RefreshToken: "canary refresh", Fields: fields("host", "a.example.com")})
	for _, g := range []connect.Grant{here, both} {
		s.at = "b.example.com"
		if revoked, err := s.Revoke(t.Context(), tenant, app, g); revoked || !errors.Is(err, errMoved) {
			t.Errorf("revoked %v, %v", revoked, err)
		}
	}
	if a, b := s.calls(), s.other.calls(); len(a)+len(b) != 0 {
		t.Errorf("%d calls at the first server, %d at the second", len(a), len(b))
	}
	s.at = "a.example.com"
	if revoked, err := s.Revoke(t.Context(), tenant, app, here); !revoked || err != nil || len(s.calls()) != 1 {
		t.Errorf("revoked %v, %v", revoked, err)
	}
}
