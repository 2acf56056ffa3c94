package tokenendpoint

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// The client's authentication, in the header and at the beginning of a form.
const (
	inHeader = "Basic Y2xpZW50JTNBaWQ6Y2FuYXJ5K2NsaWVudCUyQnNlY3JldA=="
	inRaw    = "Basic Y2xpZW50LWlkOmNhbmFyeSArLz06c2VjcmV0"
	inBody   = "client_id=client%3Aid&client_secret=canary+client%2Bsecret&"
	form     = "application/x-www-form-urlencoded"
)

// TestCalls looks at the very bytes that the provider gets.
func TestCalls(t *testing.T) {
	refresh := func(t *testing.T, e *Endpoint) (connect.GrantValues, error) { return e.Refresh(t.Context(), held) }
	redeem := func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
		return redeemed(e.Redeem(t.Context(), "canary code", "https://gate.example.com/connect/callback?a=b",
			vending.NewSecret("canary-verifier")))
	}
	const code = "code=canary+code&"
	const redirect = "grant_type=authorization_code&redirect_uri=https%3A%2F%2Fgate.example.com%2Fconnect%2Fcallback%3Fa%3Db"
	own := func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
		return e.ClientCredentials(t.Context(), held)
	}
	for name, c := range map[string]struct {
		ask    func(*testing.T, *Endpoint) (connect.GrantValues, error)
		header bool
		scopes []string
		form   string
	}{
		"refresh, body":   {refresh, false, nil, inBody + "grant_type=refresh_token&refresh_token=canary-refresh-0"},
		"refresh, header": {refresh, true, nil, "grant_type=refresh_token&refresh_token=canary-refresh-0"},
		"code, body":      {redeem, false, nil, inBody + code + "code_verifier=canary-verifier&" + redirect},
		"code, header":    {redeem, true, nil, code + "code_verifier=canary-verifier&" + redirect},
		"code without PKCE": {func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
			return redeemed(e.Redeem(t.Context(), "canary code", "https://gate.example.com/connect/callback?a=b",
				vending.Secret{}))
		}, true, nil, code + redirect},
		"client credentials, body":   {own, false, nil, inBody + "grant_type=client_credentials"},
		"client credentials, header": {own, true, nil, "grant_type=client_credentials"},
		"client credentials, scopes": {own, true, []string{"a", "b"}, "grant_type=client_credentials&scope=a%2Cb"},
		"refresh, scopes are not repeated": {refresh, true, []string{"a"},
			"grant_type=refresh_token&refresh_token=canary-refresh-0"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: answer{200, `{"access_token":"n","token_type":"bearer"}`, nil}}
			want := call{"POST /token?tenant=a", "", form, c.form}
			e := start(t, rec, func(o *catalog.OAuth2) {
				o.Scopes, o.ScopeSeparator = c.scopes, ","
				if c.header {
					o.ClientAuth, want.authorization = "header", inHeader
				}
			})
			if got, err := c.ask(t, e); err != nil || got.AccessToken != "n" {
				t.Errorf("token %q, %v", got.AccessToken, err)
			}
			if !reflect.DeepEqual(rec.calls, []call{want}) {
				t.Errorf("the provider got\n%q\nwant\n%q", rec.calls, want)
			}
		})
	}
}

// TestRawHeader has the client whose secret is not encoded, in each of the calls. Vimeo's own
// client does so (https://github.com/vimeo/vimeo.js/blob/master/lib/vimeo.js, whose secrets hold
// "+" and "/"), and Epic Games takes nothing else (https://github.com/supabase/auth/issues/2623).
func TestRawHeader(t *testing.T) {
	for name, ask := range map[string]func(*testing.T, *Endpoint) error{
		"code":    func(t *testing.T, e *Endpoint) error { _, err := redeemPlain(t, e); return err },
		"refresh": func(t *testing.T, e *Endpoint) error { _, err := e.Refresh(t.Context(), held); return err },
		"client credentials": func(t *testing.T, e *Endpoint) error {
			_, err := e.ClientCredentials(t.Context(), held)
			return err
		},
		"revocation": func(t *testing.T, e *Endpoint) error {
			return e.Revoke(t.Context(), vending.NewSecret("canary-token"), AccessToken)
		},
	} {
		rec := &recorder{answer: answer{200, `{"access_token":"n"}`, nil}}
		e := start(t, rec, func(o *catalog.OAuth2) { o.ClientAuth = "header_raw" })
		e.client = connect.OAuthClient{ID: "client-id", Secret: vending.NewSecret("canary +/=:secret")}
		if err := ask(t, e); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(rec.calls) != 1 || rec.calls[0].authorization != inRaw ||
			strings.Contains(rec.calls[0].body, "client") != (name == "client credentials") {
			t.Errorf("%s: the provider got %q", name, rec.calls)
		}
	}
	e := New(&catalog.OAuth2{TokenURL: "https://auth.example.com", ClientAuth: "header_raw"}, testClient, nil,
		func() time.Time {
			return now
		})
	if _, err := e.Refresh(t.Context(), held); err == nil {
		t.Error("a token without a transport")
	}
}

// TestAnswers has what becomes of the grant, whether it is new or held.
func TestAnswers(t *testing.T) {
	const all = `{"access_token":"n","token_type":"bearer","expires_in":3600,"refresh_token":"r","scope":"a b"}`
	expiry := now.Add(time.Hour)
	for name, c := range map[string]struct {
		body string
		ask  func(*testing.T, *Endpoint) (connect.GrantValues, error)
		want connect.GrantValues
	}{
		"code, all": {all, redeemPlain,
			connect.GrantValues{AccessToken: "n", RefreshToken: "r", TokenType: "bearer", Scope: "a b", Expiry: expiry}},
		"code, little": {`{"access_token":"n","scope":["a"]}`, redeemPlain,
			connect.GrantValues{AccessToken: "n", Scope: "a"}},
		"refresh, all": {all, func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
			return e.Refresh(t.Context(), held)
		},
			connect.GrantValues{AccessToken: "n", RefreshToken: "r", TokenType: "bearer", Scope: "a b", Expiry: expiry,
				Fields: held.Fields}},
		"refresh, little": {`{"access_token":"n","refresh_token":"","token_type":"","scope":""}`,
			func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
				return e.Refresh(t.Context(), held)
			},
			connect.GrantValues{AccessToken: "n", RefreshToken: "canary-refresh-0", TokenType: "Bearer", Scope: "mail",
				Fields: held.Fields}},
		"client credentials, all": {all, func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
			return e.ClientCredentials(t.Context(), connect.GrantValues{Fields: held.Fields})
		}, connect.GrantValues{AccessToken: "n", TokenType: "bearer", Scope: "a b", Expiry: expiry, Fields: held.Fields}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.ask(t, start(t, answer{200, c.body, nil}))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("another grant than was answered, or %v", err)
			}
		})
	}
}

func redeemPlain(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
	return redeemed(e.Redeem(t.Context(), "canary-code", "https://gate.example.com/cb",
		vending.NewSecret("canary-verifier")))
}

// redeemed leaves out the rest of the answer.
func redeemed(v connect.GrantValues, _ vending.Secret, err error) (connect.GrantValues, error) {
	return v, err
}

// TestLifetimes has what becomes of the expiry.
func TestLifetimes(t *testing.T) {
	urlEncoded := map[string]string{"Content-Type": form}
	for name, c := range map[string]struct {
		lifetime int
		answer   answer
		want     time.Duration
	}{
		"a number":            {0, answer{200, `{"access_token":"n","expires_in":3600}`, nil}, time.Hour},
		"a numeric string":    {0, answer{200, `{"access_token":"n","expires_in":"3600"}`, nil}, time.Hour},
		"absent":              {0, answer{200, `{"access_token":"n"}`, nil}, 0},
		"null":                {0, answer{200, `{"access_token":"n","expires_in":null}`, nil}, 0},
		"zero":                {0, answer{200, `{"access_token":"n","expires_in":0}`, nil}, 0},
		"negative":            {0, answer{200, `{"access_token":"n","expires_in":-5}`, nil}, 0},
		"absent, catalog's":   {1800, answer{200, `{"access_token":"n"}`, nil}, 30 * time.Minute},
		"zero, catalog's":     {1800, answer{200, `{"access_token":"n","expires_in":0}`, nil}, 30 * time.Minute},
		"negative, catalog's": {1800, answer{200, `{"access_token":"n","expires_in":-5}`, nil}, 30 * time.Minute},
		"form-encoded":        {0, answer{200, `access_token=n&expires_in=3600`, urlEncoded}, time.Hour},
		"form-encoded, none":  {1800, answer{200, `access_token=n`, urlEncoded}, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			e := start(t, c.answer, func(o *catalog.OAuth2) { o.TokenLifetime = c.lifetime })
			want := time.Time{}
			if c.want > 0 {
				want = now.Add(c.want)
			}
			for way, ask := range map[string]func() (connect.GrantValues, error){
				"code":               func() (connect.GrantValues, error) { return redeemPlain(t, e) },
				"refresh":            func() (connect.GrantValues, error) { return e.Refresh(t.Context(), held) },
				"client credentials": func() (connect.GrantValues, error) { return e.ClientCredentials(t.Context(), held) },
			} {
				if got, err := ask(); err != nil || !got.Expiry.Equal(want) {
					t.Errorf("%s: expiry %v, %v; want %v", way, got.Expiry, err, want)
				}
			}
		})
	}
}

func TestScope(t *testing.T) {
	app := &catalog.OAuth2{Scopes: []string{"a", "b"}}
	for _, c := range []struct {
		name, separator string
		own             []string
		want            string
	}{
		{"the app's", "", nil, "a b"},
		{"the app's, by comma", ",", nil, "a,b"},
		{"the client's", "", []string{"c", "d"}, "c d"},
		{"the client's, by comma", ",", []string{"c"}, "c"},
	} {
		app.ScopeSeparator = c.separator
		if got := Scope(app, connect.OAuthClient{Scopes: c.own}); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := Scope(&catalog.OAuth2{}, connect.OAuthClient{}); got != "" {
		t.Errorf("none: %q", got)
	}
}
