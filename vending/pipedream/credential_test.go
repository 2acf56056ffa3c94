package pipedream_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// accountOf is alice's live account of an app, with credentials.
func accountOf(app, credentials string) string {
	return fmt.Sprintf(`{"id":"apn_1","external_id":"alice@example.com","app":{"name_slug":%q},"credentials":%s}`, app,
		credentials)
}

// TestCredential: which of Pipedream's properties become which fields.
func TestCredential(t *testing.T) {
	named := map[string]pipedream.App{
		"mail": {NameSlug: "mail", Fields: map[string]string{"login": "username", "username": "password"}},
		"shop": {NameSlug: "shop", Fields: map[string]string{"shop_id": "shop"}},
		"live": {NameSlug: "live", Fields: map[string]string{"oauth_client_id": "client_id"}},
		"signed": {NameSlug: "signed", Fields: map[string]string{"oauth_client_id": "consumer_key",
			"secret": "consumer_secret", "other": "oauth_token_secret"}},
	}
	for name, tt := range map[string]struct {
		app, credentials string
		apps             map[string]pipedream.App
		auth             vending.AuthType
		want             []string
	}{
		"token alone": {"google-sheets", `{"oauth_access_token":"t"}`, nil, vending.OAuth,
			[]string{"access_token", "t", "token_type", "Bearer"}},
		"no declared field beside it": {"google-sheets", `{"oauth_access_token":"t","extra":"x","token_type":"mac"}`, nil,
			vending.OAuth, []string{"access_token", "t", "token_type", "Bearer"}},
		"a declared field": {"shop", `{"oauth_access_token":"t","shop":"acme","oauth_uid":"u"}`, nil,
			vending.OAuth, []string{"access_token", "t", "token_type", "Bearer", "shop", "acme"}},
		"a declared field, named": {"shop", `{"oauth_access_token":"t","shop_id":"acme"}`, named, vending.OAuth,
			[]string{"access_token", "t", "token_type", "Bearer", "shop", "acme"}},
		"a client's id, named": {"live", `{"oauth_access_token":"t","oauth_client_id":"c"}`, named, vending.OAuth,
			[]string{"access_token", "t", "token_type", "Bearer", "client_id", "c"}},
		"what signs, named": {"signed",
			`{"oauth_access_token":"t","oauth_client_id":"c","secret":"s","other":"o"}`, named, vending.OAuth,
			[]string{"access_token", "t", "token_type", "Bearer", "consumer_key", "c", "consumer_secret", "s",
				"oauth_token_secret", "o"}},
		"key by its name": {"openai", `{"api_key":"k"}`, nil, vending.APIKey, []string{"api_key", "k"}},
		"key by its name among others": {"openai", `{"org":"o","api_key":"k"}`, nil, vending.APIKey,
			[]string{"api_key", "k"}},
		"the only key": {"openai", `{"apikey":"k"}`, nil, vending.APIKey, []string{"api_key", "k"}},
		"the only key beside nulls": {"openai", `{"apikey":"k","org":null,"oauth_uid":null}`, nil, vending.APIKey,
			[]string{"api_key", "k"}},
		"number and boolean": {"mail", `{"username":12345678901234567890,"password":true}`, nil, vending.Basic,
			[]string{"username", "12345678901234567890", "password", "true"}},
		"empty among others": {"mail", `{"username":"u","password":""}`, nil, vending.Basic,
			[]string{"username", "u", "password", ""}},
		"names that cross": {"mail", `{"login":"u","username":"p"}`, named, vending.Basic,
			[]string{"username", "u", "password", "p"}},
		"escapes": {"openai", `{"api_key":"a\"\u00e9\\"}`, nil, vending.APIKey,
			[]string{"api_key", `a"é\`}},
	} {
		t.Run(name, func(t *testing.T) {
			account := accountOf(strings.ReplaceAll(tt.app, "-", "_"), tt.credentials)
			for _, answer := range []string{account, `{"data":` + account + `}`} {
				source := newSource(t, serve(t, nil, says(200, answer), nil), func(o *pipedream.Options) { o.Apps = tt.apps })
				r := request()
				r.App = tt.app
				cred, err := vend(source, r)
				vended(t, cred, err, tt.want...)
				if cred.App != tt.app || cred.AuthType != tt.auth {
					t.Errorf("%s %s", cred.App, cred.AuthType)
				}
			}
		})
	}
}

// TestUnusable: an account without what the app needs ends the vend; no request goes out bare.
func TestUnusable(t *testing.T) {
	const live, failing = ``, `"healthy":false,"error":"invalid_grant canary",`
	for name, tt := range map[string]struct {
		app, state, credentials string
		code                    vending.Code
	}{
		"empty token": {"google-sheets", live, `{"oauth_access_token":""}`, vending.UpstreamUnavailable},
		"blank token": {"google-sheets", live, `{"oauth_access_token":" "}`, vending.UpstreamUnavailable},
		"token of another type": {"google-sheets", live, `{"oauth_access_token":{"canary":1}}`,
			vending.UpstreamUnavailable},
		"no field for the host": {"shop", live, `{"oauth_access_token":"canary","other":"canary"}`, vending.InternalError},
		"null for the host":     {"shop", live, `{"oauth_access_token":"canary","shop":null}`, vending.InternalError},
		"no field for a header": {"live", live, `{"oauth_access_token":"canary","oauth_client_id":"canary"}`,
			vending.InternalError},
		"nothing to sign with": {"signed", live, `{"oauth_access_token":"canary","oauth_client_id":"canary"}`,
			vending.InternalError},
		"a key for an OAuth app": {"google-sheets", live, `{"api_key":"canary"}`, vending.InternalError},
		"a key, and a null token": {"google-sheets", live, `{"api_key":"canary","oauth_access_token":null}`,
			vending.InternalError},
		"a token for a key app":  {"openai", live, `{"oauth_access_token":"canary"}`, vending.InternalError},
		"no token for a key app": {"openai", live, `{"oauth_uid":"canary"}`, vending.UpstreamUnavailable},
		"a token and something": {"openai", live, `{"oauth_access_token":"canary","team":"canary"}`,
			vending.InternalError},
		"two keys, neither ours":   {"openai", live, `{"key":"canary","other":"canary"}`, vending.InternalError},
		"one of two fields":        {"mail", live, `{"password":"canary"}`, vending.InternalError},
		"the only one of two":      {"mail", live, `{"token":"canary"}`, vending.InternalError},
		"the only one, of another": {"mail", live, `{"username":"canary"}`, vending.InternalError},
		"the signer of a key app": {"openai", live, `{"oauth_signer_uri":"https://canary.example"}`,
			vending.UpstreamUnavailable},
		"one of theirs, to come": {"openai", live, `{"oauth_Canary":"canary"}`, vending.UpstreamUnavailable},
		"an address for a key":   {"openai", live, `{"base_url":"https://canary.example"}`, vending.InternalError},
		"a host for a key":       {"openai", live, `{"domain":"canary.example"}`, vending.InternalError},
		"a token's secret": {"signed", live,
			`{"oauth_access_token":"canary","oauth_client_id":"canary","consumer_secret":"canary","oauth_token_secret":"canary"}`, vending.InternalError},
		"an object for a key":     {"openai", live, `{"api_key":{"canary":1}}`, vending.UpstreamUnavailable},
		"an empty key":            {"openai", live, `{"api_key":""}`, vending.UpstreamUnavailable},
		"credentials of a string": {"openai", live, `"canary"`, vending.UpstreamUnavailable},
		"credentials of a list":   {"openai", live, `["canary"]`, vending.UpstreamUnavailable},
		"failing without a token": {"google-sheets", failing, `{"oauth_access_token":null,"oauth_uid":"canary"}`,
			vending.NeedsReconnection},
		"failing, none exposed": {"google-sheets", failing, `null`, vending.NeedsReconnection},
		"failing, an empty key": {"openai", failing, `{"api_key":""}`, vending.NeedsReconnection},
		"dead": {"google-sheets", `"dead":true,`, `{"oauth_access_token":"canary"}`,
			vending.NeedsReconnection},
		"dead, none exposed": {"google-sheets", `"dead":true,`, `null`, vending.NeedsReconnection},
		"dead of another type": {"google-sheets", `"dead":"yes",`, `{"oauth_access_token":"canary"}`,
			vending.UpstreamUnavailable},
		"healthy of another type": {"google-sheets", `"healthy":"canary",`, `{"oauth_access_token":"canary"}`,
			vending.UpstreamUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			theirs := strings.ReplaceAll(tt.app, "-", "_")
			account := fmt.Sprintf(`{"id":"apn_1",%s"external_id":"alice@example.com","app":{"name_slug":%q},"credentials":%s}`,
				tt.state, theirs, tt.credentials)
			r := request()
			r.App = tt.app
			cred, err := vend(newSource(t, serve(t, nil, says(200, account), nil)), r)
			_ = refused(t, cred, err, tt.code)
		})
	}
}

// TestFailingButUsable: an error that may have passed does not withhold a token that is there.
func TestFailingButUsable(t *testing.T) {
	for _, state := range []string{
		`"healthy":false,"error":"x"`, `"healthy":false`, `"healthy":null,"dead":null,"error":null`, `"error":{"code":1}`,
	} {
		account := `{"id":"apn_1",` + state +
			`,"external_id":"alice@example.com","app":{"name_slug":"google_sheets"},"credentials":{"oauth_access_token":"t"}}`
		cred, err := vend(newSource(t, serve(t, nil, says(200, account), nil)), request())
		vended(t, cred, err, "access_token", "t", "token_type", "Bearer")
	}
}

// TestExpiry: expires_at is a hint, in whatever form.
func TestExpiry(t *testing.T) {
	for text, want := range map[string]time.Time{
		`"2030-01-02T03:04:05.678Z"`: time.Date(2030, 1, 2, 3, 4, 5, 678e6, time.UTC), `1893553445`: time.Unix(1893553445, 0),
		`null`: {}, `"soon"`: {}, `-1`: {}, `{}`: {}, `1e400`: {},
	} {
		account := `{"id":"apn_1","expires_at":` + text +
			`,"external_id":"alice@example.com","app":{"name_slug":"google_sheets"},"credentials":{"oauth_access_token":"t"}}`
		cred, err := vend(newSource(t, serve(t, nil, says(200, account), nil)), request())
		if err != nil || !cred.Expiry.Equal(want) {
			t.Errorf("%s: %v, %v", text, cred.Expiry, err)
		}
	}
}

// TestMissingFieldIsNamed: the log tells an operator which line to write.
func TestMissingFieldIsNamed(t *testing.T) {
	for _, c := range []struct{ app, credentials, field string }{
		{"mail", `{"user":"canary","password":"canary"}`, "username"},
		{"shop", `{"oauth_access_token":"canary"}`, "shop"},
		{"live", `{"oauth_access_token":"canary"}`, "client_id"},
		{"signed", `{"oauth_access_token":"canary"}`, "consumer_key"},
	} {
		r := request()
		r.App = c.app
		cred, err := vend(newSource(t, serve(t, nil, says(200, accountOf(c.app, c.credentials)), nil)), r)
		e := refused(t, cred, err, vending.InternalError)
		want := fmt.Sprintf("the account has no field %q of app %s: map the account's own field to it in the source, "+
			"app %[2]s NAME_SLUG THEIR_FIELD=%[1]s", c.field, c.app)
		if e.Err == nil || e.Err.Error() != want {
			t.Errorf("cause %v", e.Err)
		}
		if strings.Contains(e.Text(), c.app) {
			t.Errorf("the caller is told: %s", e.Text())
		}
	}
}

// TestNameTaken: a custom field that the operator gave to one field of the app is no other's,
// whatever its name.
func TestNameTaken(t *testing.T) {
	for theirs, credentials := range map[string]string{"password": `{"password":"canary"}`,
		"login": `{"login":"canary"}`} {
		s := serve(t, nil, says(200, accountOf("mail", credentials)), nil)
		source := newSource(t, s, func(o *pipedream.Options) {
			o.Apps = map[string]pipedream.App{"mail": {NameSlug: "mail", Fields: map[string]string{theirs: "username"}}}
		})
		r := request()
		r.App = "mail"
		cred, err := vend(source, r)
		if e := refused(t, cred, err, vending.InternalError); !strings.Contains(e.Err.Error(), `no field "password"`) {
			t.Errorf("%s: cause %v", theirs, e.Err)
		}
	}
}

// TestLongLivedAWSKeys: they have no session token, and are called without one.
func TestLongLivedAWSKeys(t *testing.T) {
	c, err := catalog.New(catalog.App{
		Slug: "aws", AuthType: "api_key", Upstream: "https://s3.example.com",
		Fields: []catalog.Field{{Name: "access_key_id"}, {Name: "secret_access_key", Secret: true},
			{Name: "session_token", Secret: true}},
		Sign: &catalog.Sign{Scheme: "aws_sigv4", Service: "s3", Region: "us-east-1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, nil, says(200, accountOf("aws", `{"access_key_id":"AK","secret_access_key":"canary"}`)), nil)
	r := request()
	r.App = "aws"
	cred, err := vend(newSource(t, s, func(o *pipedream.Options) { o.Catalog = c }), r)
	if secret, _ := cred.Field("secret_access_key"); err != nil || secret != "canary" {
		t.Fatalf("vended %t, %v", !cred.IsZero(), err)
	}
}
