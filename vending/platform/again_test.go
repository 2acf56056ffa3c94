package platform_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// TestAskedAgain: as the guide's SDK does (section 7), 503 and transport errors are worth another
// try, and nothing else is.
func TestAskedAgain(t *testing.T) {
	tests := map[string]struct {
		answer http.HandlerFunc
		tries  int
	}{
		"503":                     {refuses(503, "upstream_unavailable"), 3},
		"503 HTML":                {says(503, "<html>"), 3},
		"503 without end":         {large(503, "<html>"), 3},
		"no answer":               {raw(""), 3},
		"cut":                     {raw("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"), 3},
		"500":                     {refuses(500, "internal_error"), 1},
		"502":                     {says(502, "<html>"), 1},
		"504":                     {says(504, ""), 1},
		"302":                     {says(302, "", "Location", "https://login.example.com/"), 1},
		"408":                     {says(408, ""), 1},
		"429":                     {refuses(429, "rate_limited"), 1},
		"401":                     {refuses(401, "needs_reconnection"), 1},
		"HTML":                    {says(200, "<html>"), 1},
		"empty":                   {says(200, ""), 1},
		"200 without end":         {large(200, "{"), 1},
		"error under 200":         {says(200, `{"status":"error","data":null}`), 1},
		"unknown auth_type":       {says(200, data(`{"auth_type":"jwt","access_token":"x"}`)), 1},
		"no token":                {says(200, data(`{"auth_type":"o_auth","access_token":null}`)), 1},
		"expired":                 {says(200, data(`{"auth_type":"o_auth","access_token":"x","expires_in":0}`)), 1},
		"another kind":            {says(200, data(`{"auth_type":"api_key","fields":{"api_key":"x"}}`)), 1},
		"wrong type of the token": {says(200, data(`{"auth_type":"o_auth","access_token":[]}`)), 1},
		"another content coding":  {says(200, gmailToken, "Content-Encoding", "br"), 1},
		"a connection's app":      {says(200, data(`{"id":"c1","app":{"name":"Gmail"}}`)), 1},
	}
	for name, tt := range tests {
		for call, handlers := range map[string][2]http.HandlerFunc{
			"GET": {tt.answer, says(200, gmailToken)}, "POST": {says(200, activeGmail), tt.answer},
		} {
			t.Run(name+"/"+call, func(t *testing.T) {
				t.Parallel()
				s := serve(t, handlers[0], handlers[1])
				cred, err := vend(vending.WithRetry(newSource(t, s, withCatalog)), request())
				if err == nil || !cred.IsZero() {
					t.Fatal("vended")
				}
				clean(t, err.Error())
				// net/http itself repeats a call on a kept connection that was closed before an
				// answer.
				if got := s.asked(call); got != tt.tries && (tt.tries == 1 || got < tt.tries) {
					t.Errorf("asked %d times, want %d: %v", got, tt.tries, err)
				}
			})
		}
	}
}

// TestUndeclaredFields: what the app does not declare is the server's own affair, and null is no
// value.
func TestUndeclaredFields(t *testing.T) {
	tests := map[string]struct {
		app, auth, fields string
		want              []string
		code              vending.Code
	}{
		"null and undeclared": {"openai", "api_key", `{"api_key":"` + secret +
			`","org":null,"meta":{"a":[1]},"scopes":["x"],"":"y","n":1}`, []string{"api_key", secret}, ""},
		"undeclared twice": {"openai", "api_key", `{"x":1,"api_key":"` + secret + `","x":2}`, []string{"api_key", secret},
			""},
		"null first": {"openai", "api_key", `{"api_key":null,"api_key":"` + secret + `"}`,
			[]string{"api_key", secret}, ""},
		"declared is null": {"basic", "basic", `{"username":"` + secret + `","password":null}`,
			[]string{"username", secret}, ""},
		"none declared": {"openai", "api_key", `{"apiKey":"` + secret + `"}`, nil, vending.InternalError},
		"declared twice": {"openai", "api_key", `{"api_key":"a","api_key":"` + secret + `"}`, nil,
			vending.UpstreamUnavailable},
		"declared object": {"openai", "api_key", `{"api_key":{"value":"` + secret + `"}}`, nil,
			vending.UpstreamUnavailable},
		"the client's": {"owner", "o_auth", `{"client_secret":"x","client_id":"y"}`, oauth, ""},
		"of a signed app": {"signed", "o_auth",
			`{"consumer_key":"k","consumer_secret":"s","oauth_token_secret":"t","user_id":7}`,
			append(oauth[:4:4], "consumer_key", "k", "consumer_secret", "s", "oauth_token_secret", "t"), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			answer := data(`{"auth_type":"` + tt.auth + `","access_token":"` + secret + `","fields":` + tt.fields + `}`)
			s := serve(t, says(200, strings.ReplaceAll(activeGmail, "gmail", tt.app)), says(200, answer))
			r := request()
			r.App = tt.app
			cred, err := vend(newSource(t, s, withCatalog), r)
			if tt.code != "" {
				refused(t, cred, err, tt.code)
				return
			}
			vended(t, cred, err, tt.want...)
		})
	}
}
