package tokenendpoint

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// TestExchange looks at the very bytes, and at what becomes of each answer.
func TestExchange(t *testing.T) {
	fresh := connect.GrantValues{AccessToken: "canary+short", TokenType: "Bearer", Scope: "read"}
	for name, c := range map[string]struct {
		answer answer
		token  string
		expiry time.Time
		class  Class
	}{
		"granted": {answer: answer{200, `{"access_token":"long","token_type":"bearer","expires_in":5184000}`, nil},
			token: "long", expiry: now.Add(60 * 24 * time.Hour)},
		"refused": {answer: answer{400,
			`{"error":{"message":"canary+short is wrong","type":"OAuthException","code":190}}`, nil}, class: Rejected},
		"refused, 200": {answer: answer{200, `{"access_token":"long","error":{"message":"canary+short is wrong"}}`, nil},
			class: Rejected},
		"not ok, 200": {answer: answer{200, `{"access_token":"long","ok":false}`, nil}, class: Rejected},
		"ended, 200":  {answer: answer{200, `{"access_token":"long","error":"invalid_grant"}`, nil}, class: InvalidGrant},
		"busy":        {answer: answer{503, ``, nil}, class: Unavailable},
		"too many":    {answer: answer{429, ``, nil}, class: RateLimited},
		"no token":    {answer: answer{200, `{"ok":true}`, nil}, class: Malformed},
		"no JSON":     {answer: answer{200, `<html>`, nil}, class: Malformed},
		"other place": {answer: answer{302, ``, map[string]string{"Location": "https://evil.example.com/"}},
			class: Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{answer: c.answer}
			e := start(t, rec, func(o *catalog.OAuth2) {
				o.Exchange = &catalog.Exchange{URL: strings.Replace(o.RevokeURL, "revoke", "exchange", 1),
					GrantType: "fb_exchange_token", Param: "fb_exchange_token"}
			})
			got, err := e.Exchange(t.Context(), fresh)
			want := "GET /exchange?client_id=client%3Aid&client_secret=canary+client%2Bsecret&fb_exchange_token=canary%2Bshort&grant_type=fb_exchange_token"
			if len(rec.calls) != 1 || rec.calls[0].line != want || rec.calls[0].authorization != "" {
				t.Errorf("calls\n got %+v\nwant %s", rec.calls, want)
			}
			if c.token != "" {
				if err != nil || got.AccessToken != c.token || !got.Expiry.Equal(c.expiry) || got.Scope != "read" {
					t.Errorf("got a token until %s, %v", got.Expiry, err)
				}
				return
			}
			var refusal *Refusal
			if !errors.As(err, &refusal) || refusal.Class != c.class || got.AccessToken != "" {
				t.Fatalf("error %v", err)
			}
			if strings.Contains(err.Error(), "canary") {
				t.Errorf("the error spills: %v", err)
			}
		})
	}
}

// TestRefreshElsewhere: the code is redeemed at one address and refreshed at another.
func TestRefreshElsewhere(t *testing.T) {
	rec := &recorder{answer: answer{200, `{"access_token":"n","token_type":"bearer"}`, nil}}
	e := start(t, rec, func(o *catalog.OAuth2) { o.RefreshURL = strings.Replace(o.RevokeURL, "revoke", "refresh", 1) })
	if _, err := e.Refresh(t.Context(), held); err != nil {
		t.Fatal(err)
	}
	if len(rec.calls) != 1 || rec.calls[0].line != "POST /refresh" {
		t.Errorf("calls %+v", rec.calls)
	}
}
