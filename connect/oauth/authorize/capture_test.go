package authorize

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// accounts is a provider that tells which account it is in three ways.
type accounts struct {
	token, call http.Handler
}

func (p accounts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		p.token.ServeHTTP(w, r)
		return
	}
	p.call.ServeHTTP(w, r)
}

// captures is an app that needs a value from each of the three places.
func (s *stage) captures(change ...func(*catalog.App)) *catalog.App {
	return s.consents(append([]func(*catalog.App){func(a *catalog.App) {
		a.Upstream = "https://{data_centre}.api.example.com"
		a.Fields = []catalog.Field{
			{Name: "data_centre", From: catalog.FromGrant}, {Name: "site", Label: "Site"},
			{Name: "realm", Label: "Company", From: catalog.FromGrant},
			{Name: "account", From: catalog.FromGrant}, {Name: "name", From: catalog.FromGrant},
			{Name: "developer", From: catalog.FromClient, Secret: true},
		}
		a.Placement = &catalog.Placement{
			Header: map[string]string{"Authorization": "{token_type} {access_token}", "X-Realm": "{realm}",
				"X-Developer": "{developer}"}, PathPrefix: "/companies/{account}",
		}
		a.OAuth2.Capture = []catalog.Capture{
			{Field: "data_centre", From: catalog.CaptureToken, Path: "api_endpoint",
				Pattern: `https://([a-z0-9]+)\.api\.example\.com`},
			{Field: "realm", From: catalog.CaptureCallback, Path: "realmId"},
			{Field: "account", From: catalog.CaptureCall, URL: s.URL + "/whoami?all=1", Path: "accounts[is_default=true].id"},
			{Field: "name", From: catalog.CaptureCall, URL: s.URL + "/whoami?all=1", Path: "owners.0.name"},
		}
	}}, change...)...)
}

var (
	withEndpoint = answer{200,
		`{"access_token":"canary-access","token_type":"bearer","api_endpoint":"https://us9.api.example.com","refresh_token":"canary-refresh"}`, nil}
	whoAmI = answer{200, `{"owners":[{"name":"one"}],"accounts":[{"id":1},{"id":42,"is_default":true}]}`, nil}
)

func developed(o *Options) {
	o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) {
		return connect.OAuthClient{ID: "client:id",
			Fields: []connect.ClientField{{Name: "developer", Value: vending.NewSecret("canary-developer")}}}, nil
	}
}

// TestCapture has the three places, the bytes of the call, and what the grant holds afterwards.
func TestCapture(t *testing.T) {
	s := newStage(t, accounts{withEndpoint, whoAmI}, developed)
	app := s.captures()
	query := url.Values{"code": {"c"}, "realmId": {"9130"}}
	g, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.NewSecret("canary-verifier"), query,
		fields("site", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := g.Reveal().Fields, fields("data_centre", "us9", "site", "acme", "realm", "9130", "account", "42",
		"name", "one"); !reflect.DeepEqual(got, want) {
		t.Errorf("the grant holds another %d fields", len(got))
	}
	got := s.calls()
	if len(got) != 2 || got[1].line != "GET /whoami?all=1" || got[1].authorization != "Bearer canary-access" ||
		got[1].header.Get("Accept") != "application/json" ||
		got[1].header.Get("X-Developer") != "canary-developer" || got[1].header.Values("X-Realm") != nil ||
		got[1].body != "" {
		t.Errorf("the provider got %d calls, the last %q", len(got), got[len(got)-1].line)
	}
}

// TestCaptureBare: an app whose token goes where only the upstream wants it still proves itself to
// the captured URL.
func TestCaptureBare(t *testing.T) {
	for name, p := range map[string]*catalog.Placement{
		"by default":     nil,
		"in a path":      {PathPrefix: "/t/{access_token}"},
		"beside a path":  {Header: map[string]string{"X-Developer": "{developer}"}, PathPrefix: "/t/{access_token}"},
		"with the realm": {Header: map[string]string{"X-Token": "{access_token}:{realm}"}},
	} {
		s := newStage(t, accounts{withEndpoint, whoAmI}, developed)
		app := s.captures(func(a *catalog.App) { a.Placement = p })
		if _, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.Secret{},
			url.Values{"code": {"c"}, "realmId": {"9"}}, fields("site", "acme")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := s.calls(); len(got) != 2 || got[1].authorization != "Bearer canary-access" {
			t.Errorf("%s: the provider got %d calls, or no token", name, len(got))
		}
	}
}

// TestCaptureFails: without a value there is no grant, and the page says so.
func TestCaptureFails(t *testing.T) {
	const needed = "realmId=9"
	cut := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"accounts":[`)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	token := func(endpoint string) answer {
		return answer{200, `{"access_token":"canary-access","api_endpoint":` + endpoint + `}`, nil}
	}
	for name, c := range map[string]struct {
		token, call http.Handler
		query       string
		want        Kind
		field       string
		calls       int
	}{
		"not in the token's answer": {answer{200, `{"access_token":"canary-access"}`, nil}, whoAmI, needed, NoAccount,
			"data_centre", 1},
		"of another form": {token(`"https://canary.evil.example"`), whoAmI, needed, UnsupportedAccount, "data_centre",
			1},
		"more than the pattern": {token(`"https://us9.api.example.com/canary"`), whoAmI, needed, UnsupportedAccount,
			"data_centre", 1},
		"an object":             {token(`{"canary":1}`), whoAmI, needed, NoAccount, "data_centre", 1},
		"not in the callback":   {withEndpoint, whoAmI, "", NoAccount, "realm", 0},
		"empty in the callback": {withEndpoint, whoAmI, "realmId=", NoAccount, "realm", 0},
		"twice in the callback": {withEndpoint, whoAmI, "realmId=9&realmId=canary", InvalidCallback, "", 0},
		"long in the callback": {withEndpoint, whoAmI, "realmId=" + strings.Repeat("canary", 400), NoAccount, "realm",
			0},
		"not to be placed": {withEndpoint, whoAmI, "realmId=canary%0d%0aX-Evil:1", UnsupportedAccount, "realm", 2},
		"a path that climbs": {withEndpoint,
			answer{200, `{"owners":[{"name":"one"}],"accounts":[{"id":1},{"id":"..","is_default":true}]}`, nil}, needed,
			UnsupportedAccount, "account", 2},
		"two accounts": {withEndpoint,
			answer{200, `{"owners":[{"name":"one"}],"accounts":[{"id":1,"is_default":true},{"id":2,"is_default":true}]}`, nil},
			needed, NoAccount, "account", 2},
		"two owners": {withEndpoint,
			answer{200, `{"owners":[{"name":"one"},{"name":"two"}],"accounts":[{"id":1,"is_default":true}]}`, nil}, needed,
			NoAccount, "name", 2},
		"none in the call's answer": {withEndpoint, answer{200, `{"accounts":[]}`, nil}, needed, NoAccount, "account", 2},
		"a token no header carries": {
			answer{200, `{"access_token":"canary\u0001access","api_endpoint":"https://us9.api.example.com"}`, nil}, whoAmI,
			needed, Malformed, "", 1},
		"the call refused": {withEndpoint, answer{403, `canary-body`, nil}, needed, NoAccount, "", 2},
		"the call redirected": {withEndpoint, answer{302, ``, map[string]string{"Location": "/canary"}}, needed,
			NoAccount, "", 2},
		"the call failed":           {withEndpoint, answer{502, `canary-body`, nil}, needed, Unreachable, "", 2},
		"the call limited":          {withEndpoint, answer{429, `canary-body`, nil}, needed, Unreachable, "", 2},
		"the call cut":              {withEndpoint, cut, needed, Unreachable, "", 2},
		"the call never answered":   {withEndpoint, hanging(never), needed, Unreachable, "", 2},
		"the call's answer no JSON": {withEndpoint, answer{200, `<html>canary`, nil}, needed, NoAccount, "account", 2},
		"the call's answer too large": {withEndpoint, answer{200, `"` + strings.Repeat("x", maxCaptureAnswer) + `"`, nil},
			needed, NoAccount, "account", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, accounts{c.token, c.call}, developed, func(o *Options) { o.Timeout = timeoutFor(c.call) })
			query, err := url.ParseQuery("code=c&" + c.query)
			if err != nil {
				t.Fatal(err)
			}
			g, err := s.Finish(t.Context(), tenant, s.captures(), redirectURI, vending.NewSecret("canary-verifier"), query,
				fields("site", "acme"))
			got := s.calls() // and no revocation: it could end another connection of the same account
			if p := s.mustBe(t, err, c.want); p.Field != c.field || !g.IsZero() || len(got) != c.calls {
				t.Errorf("field %q, want %q, and %d calls, want %d", p.Field, c.field, len(got), c.calls)
			}
		})
	}
}

// TestClientThatDoesNotFit: without what the app needs of its client, nobody is sent to the
// provider.
func TestClientThatDoesNotFit(t *testing.T) {
	s := newStage(t, accounts{withEndpoint, whoAmI})
	_, err := s.Begin(t.Context(), tenant, s.captures(), redirectURI, fields("site", "acme"))
	if s.mustBe(t, err, NotConfigured); !strings.Contains(s.log.String(),
		"field developer of the oauth client for mail is missing") {
		t.Errorf("log %s", s.log)
	}
	_, err = s.Finish(t.Context(), tenant, s.captures(), redirectURI, vending.Secret{}, url.Values{"code": {"c"}},
		fields("site", "acme"))
	s.mustBe(t, err, NotConfigured)
	if len(s.calls()) != 0 {
		t.Error("the provider was asked")
	}
}

// TestSlots: what the end user entered and what comes with the client fill every address of the
// flow.
func TestSlots(t *testing.T) {
	s := newStage(t, answer{200, `{"access_token":"canary-access","refresh_token":"canary-refresh"}`, nil},
		func(o *Options) {
			o.Clients = func(context.Context, string, string) (connect.OAuthClient, error) {
				return connect.OAuthClient{ID: "client:id",
					Fields: []connect.ClientField{{Name: "directory", Value: vending.NewSecret("dir 1")}}}, nil
			}
		})
	app := s.consents(func(a *catalog.App) {
		a.Fields = []catalog.Field{{Name: "shop", Label: "Shop"}, {Name: "directory", From: catalog.FromClient},
			{Name: "client_id", From: catalog.FromClient}}
		a.Placement = &catalog.Placement{Header: map[string]string{"Authorization": "Bearer {access_token}",
			"X-Client": "{client_id}"}}
		a.OAuth2.AuthorizeURL, a.OAuth2.TokenURL, a.OAuth2.RevokeURL = s.URL+"/{shop}/authorize", s.URL+
			"/{directory}/{shop}/token", s.URL+"/{shop}/revoke"
		a.OAuth2.ClientIDParam = "client_key"
	})
	r, err := s.Begin(t.Context(), tenant, app, redirectURI, fields("shop", " acme "))
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(r.URL); err != nil || u.Path != "/acme/authorize" ||
		u.Query().Get("client_key") != "client:id" || u.Query().Has("client_id") {
		t.Errorf("the browser goes to %s, %v", r.URL, err)
	}
	g, err := s.Finish(t.Context(), tenant, app, redirectURI, r.FlowState, url.Values{"code": {"c"}, "iss": {s.URL}},
		fields("shop", "acme"))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g.Reveal().Fields, fields("shop", "acme", "directory", "dir 1")) {
		t.Error("the grant holds other fields than what was entered and what says where it is from")
	}
	if revoked, err := s.Revoke(t.Context(), tenant, app, g); err != nil || !revoked {
		t.Errorf("revoked: %v, %v", revoked, err)
	}
	lines := []string{}
	for _, c := range s.calls() {
		lines = append(lines, c.line)
	}
	if want := []string{"POST /dir%201/acme/token", "POST /acme/revoke"}; !reflect.DeepEqual(lines, want) {
		t.Errorf("the provider got %q, want %q", lines, want)
	}
	for _, bad := range []string{"..", "../x", ""} {
		_, err := s.Begin(t.Context(), tenant, app, redirectURI, fields("shop", bad))
		var p *Error
		if !errors.As(err, &p) || p.Field != "shop" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestIssuerOfASlot: `iss` is held against the address that the end user was sent to.
func TestIssuerOfASlot(t *testing.T) {
	s := newStage(t, granted)
	app := s.consents(func(a *catalog.App) {
		a.Fields = []catalog.Field{{Name: "site"}}
		a.OAuth2.AuthorizeURL = "https://{site}.auth.example.com/authorize"
	})
	for issuer, want := range map[string]bool{"https://acme.auth.example.com/x": true,
		"https://evil.auth.example.com": false, "https://{site}.auth.example.com": false} {
		_, err := s.Finish(t.Context(), tenant, app, redirectURI, vending.Secret{},
			url.Values{"code": {"c"}, "iss": {issuer}}, fields("site", "acme"))
		if (err == nil) != want {
			t.Errorf("%s: %v", issuer, err)
		}
		if !want {
			s.mustBe(t, err, WrongIssuer)
		}
	}
}
