package demoprovider

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
)

// shortDigest is the fingerprint, computed apart from the provider.
func shortDigest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:6])
}

func TestOAuthAPI(t *testing.T) {
	p := start(t, Options{})
	token := p.NewGrant("alice@example.com").AccessToken
	short := shortDigest(token)
	for _, c := range []struct {
		name, method, target, body string
		status                     int
		want, link                 string
	}{
		{"me", "GET", "/api/me", "", 200, `{"account":"alice@example.com","token_fingerprint":"` + short + `"}`, ""},
		{"first page", "GET", "/api/messages", "", 200, `"page":1,"messages":[{"id":1,"subject":"Demonstration message 1"},`,
			`<` + p.URL() + `/api/messages?page=2>; rel="next"`},
		{"middle page", "GET", "/api/messages?page=2", "", 200, `"page":2,"messages":[{"id":6,`,
			`<` + p.URL() + `/api/messages?page=1>; rel="prev", <` + p.URL() + `/api/messages?page=3>; rel="next"`},
		{"last page", "GET", "/api/messages?page=3", "", 200, `{"id":15,"subject":"Demonstration message 15"}]}`,
			`<` + p.URL() + `/api/messages?page=2>; rel="prev"`},
		{"page zero", "GET", "/api/messages?page=0", "", 400, `{"error":"page is a number from 1 to 3"}`, ""},
		{"page beyond", "GET", "/api/messages?page=4", "", 400, `{"error":"page is a number from 1 to 3"}`, ""},
		{"page that is none", "GET", "/api/messages?page=x", "", 400, `{"error":"page is a number from 1 to 3"}`, ""},
		{"echo", "POST", "/api/messages", `{"subject":"hi"}`, 201,
			`{"account":"alice@example.com","token_fingerprint":"` + short + `","message":{"subject":"hi"}}`, ""},
		{"echo of nothing", "POST", "/api/messages", ``, 400, `{"error":"a message is JSON"}`, ""},
		{"echo of too much", "POST", "/api/messages", `"` + strings.Repeat("x", maxForm) + `"`, 413,
			`{"error":"a message has at most 64 KiB"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, c.method, p.URL()+c.target, c.body, "Authorization", "bearer "+token)
			if got.status != c.status || !strings.Contains(got.body, c.want) || got.header.Get("Link") != c.link {
				t.Errorf("answer %d %s with Link %q, want %d with %s", got.status, got.body, got.header.Get("Link"), c.status,
					c.want)
			}
			if strings.Contains(got.body, token) || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("the answer holds the token, or may be stored")
			}
		})
	}
}

func TestStream(t *testing.T) {
	p := start(t, Options{})
	token := p.NewGrant("alice@example.com").AccessToken
	got := call(t, "GET", p.URL()+"/api/stream", "", "Authorization", "Bearer "+token)
	events := strings.Split(strings.TrimSuffix(got.body, "\n\n"), "\n\n")
	want := "id: 5\nevent: message\ndata: {\"account\":\"alice@example.com\",\"token_fingerprint\":\"" +
		shortDigest(token) + "\",\"number\":5}"
	if len(events) != streamEvents || events[4] != want || got.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("answer %+v, want %d events that end with %q", got, streamEvents, want)
	}
}

func TestTokenIsNeeded(t *testing.T) {
	const none = `Bearer realm="demo"`
	const invalid = none + `, error="invalid_token", error_description="the access token is expired, revoked or unknown"`
	p := start(t, Options{})
	grant := p.NewGrant("a")
	for _, c := range []struct {
		name      string
		header    []string
		challenge string
	}{
		{"no token", nil, none},
		{"two tokens",
			[]string{"Authorization", "Bearer " + grant.AccessToken, "Authorization", "Bearer " + grant.AccessToken}, none},
		{"unknown token", []string{"Authorization", "Bearer demo_at_CANARY"}, invalid},
		{"refresh token", []string{"Authorization", "Bearer " + grant.RefreshToken}, invalid},
		{"wrong scheme", []string{"Authorization", "Token " + grant.AccessToken}, invalid},
		{"empty token", []string{"Authorization", "Bearer"}, invalid},
	} {
		for _, target := range []string{"/api/me", "/api/messages", "/api/stream"} {
			t.Run(c.name+target, func(t *testing.T) {
				got := call(t, "GET", p.URL()+target, "", c.header...)
				if got.status != http.StatusUnauthorized || got.header.Get("WWW-Authenticate") != c.challenge ||
					strings.Contains(got.body, "demo_") {
					t.Errorf("answer %+v", got)
				}
			})
		}
	}
}

func TestKeyAPI(t *testing.T) {
	p := start(t, Options{})
	key, other := p.NewAPIKey(), p.NewAPIKey()
	for _, c := range []struct {
		name, method, target string
		header               []string
		status               int
		want                 string
	}{
		{"ping", "GET", "/key/ping", []string{"X-Api-Key", key, "User-Agent", "", "X-Trace", "CANARY"}, 200,
			`{"key_fingerprint":"` + shortDigest(key) +
				`","method":"GET","path":"/key/ping","headers":["Accept-Encoding","X-Api-Key","X-Trace"]}`},
		{"another key", "DELETE", "/key/a%2Fb?q=CANARY", []string{"x-api-key", other, "User-Agent", ""}, 200,
			`{"key_fingerprint":"` + shortDigest(other) +
				`","method":"DELETE","path":"/key/a%2Fb","headers":["Accept-Encoding","X-Api-Key"]}`},
		{"no key", "GET", "/key/ping", nil, 401, `{"error":"send one valid key in the header X-Api-Key"}`},
		{"unknown key", "GET", "/key/ping", []string{"X-Api-Key", "CANARY"}, 401,
			`{"error":"send one valid key in the header X-Api-Key"}`},
		{"two keys", "GET", "/key/ping", []string{"X-Api-Key", key, "X-Api-Key", key}, 401,
			`{"error":"send one valid key in the header X-Api-Key"}`},
		{"token instead", "GET", "/key/ping", []string{"Authorization", "Bearer " + p.NewGrant("a").AccessToken}, 401,
			`{"error":"send one valid key in the header X-Api-Key"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := call(t, c.method, p.URL()+c.target, "", c.header...)
			if got.status != c.status || strings.TrimSpace(got.body) != c.want || strings.Contains(got.body, "CANARY") {
				t.Errorf("answer %+v, want %d %s", got, c.status, c.want)
			}
		})
	}
}

func TestControls(t *testing.T) {
	p := start(t, Options{})
	alice, bob := p.NewGrant("alice@example.com"), p.NewGrant("bob@example.com")

	if got := call(t, "POST", p.URL()+"/demo/expire", "", "Sec-Fetch-Site",
		"cross-site"); got.status != http.StatusForbidden || !works(t, p, bob.AccessToken) {
		t.Errorf("another site expired the tokens: %+v", got)
	}
	if got := call(t, "POST", p.URL()+"/demo/expire", ""); got.field(t, "expired") != 2.0 {
		t.Errorf("answer %+v", got)
	}
	if works(t, p, alice.AccessToken) || works(t, p, bob.AccessToken) {
		t.Error("an expired token works")
	}
	fresh := tokens(t, p, refreshForm(alice.RefreshToken)).field(t, "access_token").(string)
	if !works(t, p, fresh) {
		t.Error("expiry ended more than the access tokens")
	}

	if got := call(t, "POST", p.URL()+"/demo/revoke", ""); got.status != http.StatusBadRequest {
		t.Errorf("answer %+v", got)
	}
	if got := call(t, "POST", p.URL()+"/demo/revoke?account=alice%40example.com", ""); got.field(t, "revoked") != 1.0 ||
		works(t, p, fresh) {
		t.Errorf("answer %+v", got)
	}
	if got := tokens(t, p, refreshForm(bob.RefreshToken)); got.status != http.StatusOK {
		t.Errorf("another account's grant ended: %+v", got)
	}
}
