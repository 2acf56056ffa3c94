package tokenendpoint

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// ways are the three calls of a token endpoint.
var ways = map[string]func(*testing.T, *Endpoint) (connect.GrantValues, error){
	"code":    redeemPlain,
	"refresh": func(t *testing.T, e *Endpoint) (connect.GrantValues, error) { return e.Refresh(t.Context(), held) },
	"client credentials": func(t *testing.T, e *Endpoint) (connect.GrantValues, error) {
		return e.ClientCredentials(t.Context(), held)
	},
}

// TestParameters looks at the bytes of requests to providers that want more, or call things
// otherwise.
func TestParameters(t *testing.T) {
	for way, rest := range map[string]string{
		"code":               "code=canary-code&code_verifier=canary-verifier&grant_type=authorization_code&redirect_uri=https%3A%2F%2Fgate.example.com%2Fcb",
		"refresh":            "grant_type=refresh_token&refresh_token=canary-refresh-0",
		"client credentials": "grant_type=client_credentials",
	} {
		rec := &recorder{answer: answer{200, `{"access_token":"n"}`, nil}}
		e := start(t, rec, func(o *catalog.OAuth2) {
			o.ClientIDParam, o.TokenParams = "client_key", map[string]string{"audience": "https://api.example.com",
				"zone": "a b"}
		})
		if _, err := ways[way](t, e); err != nil {
			t.Error(err)
		}
		code, tail, _ := strings.Cut(rest, "code_verifier=")
		if tail == "" {
			code, tail = "", rest
		} else {
			tail = "code_verifier=" + tail
		}
		want := "audience=https%3A%2F%2Fapi.example.com&client_key=client%3Aid&client_secret=canary+client%2Bsecret&" + code +
			tail + "&zone=a+b"
		if len(rec.calls) != 1 || rec.calls[0].body != want {
			t.Errorf("%s: the provider got\n%q\nwant\n%q", way, rec.calls, want)
		}
	}
	rec := &recorder{answer: answer{200, ``, nil}}
	e := start(t, rec, func(o *catalog.OAuth2) { o.ClientIDParam = "client_key" })
	if err := e.Revoke(t.Context(), vending.NewSecret("canary-token"), AccessToken); err != nil {
		t.Error(err)
	}
	if want := "client_key=client%3Aid&client_secret=canary+client%2Bsecret&token=canary-token&token_type_hint=access_token"; rec.calls[0].body != want {
		t.Errorf("the revocation endpoint got %q", rec.calls[0].body)
	}
}

// TestRefreshParameters: Entra takes a refresh without a scope for one of the app's own token,
// where the token is for the app's own API (AADSTS90009,
// https://github.com/grafana/grafana/issues/95379).
func TestRefreshParameters(t *testing.T) {
	const shared = "audience=books&client_id=client%3Aid&client_secret=canary+client%2Bsecret&"
	for way, want := range map[string]string{
		"code": shared + "code=canary-code&code_verifier=canary-verifier&grant_type=authorization_code&" +
			"redirect_uri=https%3A%2F%2Fgate.example.com%2Fcb&zone=a",
		"refresh": shared + "grant_type=refresh_token&refresh_token=canary-refresh-0&scope=api%3A%2F%2Fbooks%2F.default+offline_access&zone=b",
	} {
		rec := &recorder{answer: answer{200, `{"access_token":"n"}`, nil}}
		e := start(t, rec, func(o *catalog.OAuth2) {
			o.Scopes, o.TokenParams = []string{"other"}, map[string]string{"audience": "books", "zone": "a"}
			o.RefreshParams = map[string]string{"scope": "api://books/.default offline_access", "zone": "b"}
		})
		if _, err := ways[way](t, e); err != nil {
			t.Error(err)
		}
		if len(rec.calls) != 1 || rec.calls[0].body != want {
			t.Errorf("%s: the provider got\n%q\nwant\n%q", way, rec.calls, want)
		}
	}
}

// TestSpellings has answers that providers give and RFC 6749 does not know.
func TestSpellings(t *testing.T) {
	encoded, plain := map[string]string{"Content-Type": form}, map[string]string{
		"Content-Type": "text/plain; charset=utf-8"}
	hour := now.Add(time.Hour)
	for name, c := range map[string]struct {
		member string
		answer answer
		want   connect.GrantValues
	}{
		"expires_in as a fraction": {"", answer{200, `{"access_token":"n","expires_in":3600.0}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"expires_in as its text": {"", answer{200, `{"access_token":"n","expires_in":"3600.5"}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"expires_in beyond bounds": {"", answer{200, `{"access_token":"n","expires_in":1e300}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: now.Add((1<<31 - 1) * time.Second)}},
		"expires_in of an empty": {"", answer{200, `{"access_token":"n","expires_in":""}`, nil},
			connect.GrantValues{AccessToken: "n"}},
		"expires in seconds": {"", answer{200, `access_token=n&expires=3600`, plain},
			connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"expires as a time": {"", answer{200, fmt.Sprintf(`{"access_token":"n","expires":%d}`, hour.Unix()), nil},
			connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"expires_at": {"", answer{200, fmt.Sprintf(`{"access_token":"n","expires_at":"%d"}`, hour.Unix()),
			nil}, connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"expires_at of a date": {"", answer{200, `{"access_token":"n","expires_at":"2027-01-01"}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}},
		"expires_at that has passed": {"", answer{200, `{"access_token":"n","expires_at":1500000000}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: now.Add(-time.Second)}},
		"expires_at of this moment": {"", answer{200, fmt.Sprintf(`{"access_token":"n","expires_at":%d}`, now.Unix()), nil},
			connect.GrantValues{AccessToken: "n", Expiry: now.Add(-time.Second)}},
		"expires_at in milliseconds": {"", answer{200, fmt.Sprintf(`{"access_token":"n","expires_at":%d}`, hour.UnixMilli()),
			nil}, connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"passed, in milliseconds": {"", answer{200, `{"access_token":"n","expires":"1500000000000"}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: now.Add(-time.Second)}},
		"expires_in comes first": {"", answer{200, `{"access_token":"n","expires_in":3600,"expires_at":1500000000}`, nil},
			connect.GrantValues{AccessToken: "n", Expiry: hour}},
		"a list of scopes": {"", answer{200, `{"access_token":"n","scope":["a","b"]}`, nil},
			connect.GrantValues{AccessToken: "n", Scope: "a b"}},
		"scopes by comma": {"", answer{200, `{"access_token":"n","scope":"a,b"}`, nil},
			connect.GrantValues{AccessToken: "n", Scope: "a,b"}},
		"form-encoded": {"", answer{200, `access_token=n&scope=a%2Cb&token_type=bearer`, encoded},
			connect.GrantValues{AccessToken: "n", Scope: "a,b", TokenType: "bearer"}},
		"JSON as text": {"", answer{200, ` {"access_token":"n"}`, plain},
			connect.GrantValues{AccessToken: "n"}},
		"JSON as HTML": {"", answer{200, `{"access_token":"n"}`, html}, connect.GrantValues{AccessToken: "n"}},
		"a type of its own": {"", answer{200, `{"access_token":"n","token_type":"bot","refresh_token":null}`, nil},
			connect.GrantValues{AccessToken: "n", TokenType: "bot"}},
		"a type of another type": {"", answer{200, `{"access_token":"n","token_type":7}`, nil},
			connect.GrantValues{AccessToken: "n"}},
		"no error": {"", answer{200, `{"access_token":"n","error":"","ok":true}`, nil},
			connect.GrantValues{AccessToken: "n"}},
		"error 0": {"", answer{200, `{"access_token":"n","error":0}`, nil},
			connect.GrantValues{AccessToken: "n"}},
		"inside a member": {"authed_user",
			answer{200,
				`{"ok":true,"access_token":"canary-bot","scope":"z","authed_user":{"access_token":"n","token_type":"user","scope":"a"}}`, nil},
			connect.GrantValues{AccessToken: "n", TokenType: "user", Scope: "a"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := redeemPlain(t, start(t, c.answer, func(o *catalog.OAuth2) { o.Answer = c.member }))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("another grant than was answered (expiry %v, scope %q, type %q), or %v", got.Expiry, got.Scope,
					got.TokenType, err)
			}
		})
	}
}

// TestRefusalsInDisguise has errors that come with status 200, or where no error should be.
func TestRefusalsInDisguise(t *testing.T) {
	for name, c := range map[string]struct {
		member, body string
		class        Class
		code         string
	}{
		"not ok":               {"", `{"ok":false,"error":"invalid_refresh_token"}`, InvalidGrant, "invalid_refresh_token"},
		"not ok, with a token": {"", `{"ok":false,"access_token":"canary-body"}`, Rejected, ""},
		"an object":            {"", `{"error":{"message":"canary-body"},"access_token":"canary-body"}`, Rejected, ""},
		"above the member": {"data", `{"error":"invalid_grant","data":{"access_token":"canary-body"}}`, InvalidGrant,
			"invalid_grant"},
		"inside the member": {"data", `{"data":{"error":"invalid_grant","access_token":"canary-body"}}`, InvalidGrant,
			"invalid_grant"},
		"a member that is no object":   {"data", `{"data":"canary-body","access_token":"canary-body"}`, Malformed, ""},
		"a member without a token":     {"data", `{"data":{},"access_token":"canary-body"}`, Malformed, ""},
		"a member that is not a token": {"data", `{"data":{"access_token":{"canary-body":1}}}`, Malformed, ""},
	} {
		for way, ask := range ways {
			got, err := ask(t, start(t, answer{200, c.body, nil}, func(o *catalog.OAuth2) { o.Answer = c.member }))
			var r *Refusal
			if !errors.As(err, &r) || r.Class != c.class || r.Code != c.code || r.Status != 200 || got.AccessToken != "" ||
				strings.Contains(err.Error(), "canary") {
				t.Errorf("%s, %s: %v", name, way, err)
			}
		}
	}
}

// TestMissingMember: a first answer must have the member; refreshes may leave it out, as Slack's
// do.
func TestMissingMember(t *testing.T) {
	e := start(t, answer{200, `{"ok":true,"access_token":"n","refresh_token":"r"}`, nil}, func(o *catalog.OAuth2) {
		o.Answer = "authed_user"
	})
	if _, err := redeemPlain(t, e); err == nil {
		t.Error("another token than the one in the member was taken")
	}
	if got, err := e.Refresh(t.Context(), held); err != nil || got.AccessToken != "n" || got.RefreshToken != "r" {
		t.Errorf("a refresh without the member: %v", err)
	}
}

// TestWholeAnswer hands out all that was said beside the grant, and prints none of it.
func TestWholeAnswer(t *testing.T) {
	for name, c := range map[string]struct {
		answer answer
		want   string
	}{
		"JSON": {answer{200, `{"access_token":"n","team":{"id":"canary"}}`, nil},
			`{"access_token":"n","team":{"id":"canary"}}`},
		"form": {answer{200, `access_token=n&realm=canary&realm=other`, map[string]string{"Content-Type": form}},
			`{"access_token":"n","realm":"canary"}`},
	} {
		_, whole, err := start(t, c.answer).Redeem(t.Context(), "c", "https://gate.example.com/cb", vending.Secret{})
		if err != nil || whole.Reveal() != c.want ||
			strings.Contains(fmt.Sprintf("%v %+v %#v", whole, whole, whole), "canary") {
			t.Errorf("%s: another answer, or %v", name, err)
		}
	}
}

func TestFilled(t *testing.T) {
	app := &catalog.App{Slug: "shop", Fields: []catalog.Field{{Name: "shop"}, {Name: "realm", From: catalog.FromClient}},
		OAuth2: &catalog.OAuth2{
			AuthorizeURL: "https://{shop}.example.co.uk/admin/{realm}", TokenURL: "https://{shop}.example.co.uk/{realm}/token",
			RevokeURL: "https://auth.example.com/revoke",
		}}
	client := connect.OAuthClient{ID: "id",
		Fields: []connect.ClientField{{Name: "realm", Value: vending.NewSecret("a b")}}}
	// A connection cannot give itself what comes with the client.
	got, err := ExpandURLs(app, client, []vending.Field{{Name: "shop", Value: "Acme"}, {Name: "realm", Value: "evil"}},
		AuthorizeURL, TokenURL)
	if err != nil || got.AuthorizeURL != "https://acme.example.co.uk/admin/a%20b" ||
		got.TokenURL != "https://acme.example.co.uk/a%20b/token" || got.RevokeURL != app.OAuth2.RevokeURL {
		t.Errorf("%+v, %v", got, err)
	}
	for name, shop := range map[string]string{"another host": "canary.evil.com/", "two labels": "canary.b", "none": ""} {
		_, err := ExpandURLs(app, client, []vending.Field{{Name: "shop", Value: shop}}, TokenURL)
		if blamed, known := ErrorField(app, err); !known || blamed.Name != "shop" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if got, err := ExpandURLs(app, client, nil, RevokeURL); err != nil || got.RevokeURL != app.OAuth2.RevokeURL ||
			got.AuthorizeURL+got.TokenURL != "" {
			t.Errorf("%s, where only another address is used: %v", name, err)
		}
	}
	if app.OAuth2.TokenURL != "https://{shop}.example.co.uk/{realm}/token" {
		t.Error("the catalog's own was filled")
	}
}
