package providers

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// endedRows are the words in which providers say that a grant, a token or a key has ended.
var endedRows = []row{
	ended("ended-google", "https://developers.google.com/identity/protocols/oauth2#expiration", 400,
		`{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`),
	ended("ended-atlassian",
		"https://developer.atlassian.com/cloud/jira/platform/oauth-2-3lo-apps/ and reports of its users", 403,
		`{"error":"unauthorized_client","error_description":"refresh_token is invalid"}`),
	ended("ended-hubspot", "https://developers.hubspot.com/docs/api/oauth-quickstart-guide and reports of its users", 400,
		`{"status":"BAD_REFRESH_TOKEN","message":"missing or invalid refresh token",`+
			`"correlationId":"c-1","requestId":"r-1"}`),
	ended("ended-entra",
		"https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#error-codes-for-token-endpoint-errors", 400,
		`{"error":"interaction_required","error_description":"AADSTS50076: Due to a configuration change made by your `+
			`administrator, `+
			`you must use multi-factor authentication to access '00000003'.","error_codes":[50076],"suberror":"basic_action"}`),
	ended("ended-gitea", "https://github.com/go-gitea/gitea/blob/main/routers/web/auth/oauth2_provider.go", 400,
		`{"error":"unauthorized_client","error_description":"token was already used"}`),
	ended("ended-github",
		"https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens",
		200,
		`{"error":"bad_refresh_token","error_description":"The refresh token passed is incorrect or `+
			`expired.","error_uri":"https://docs.github.com"}`),
	{
		slug:   "client-refused",
		source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.2: unauthorized_client is about the client",
		does:   "refuses a refresh with unauthorized_client and nothing about the token",
		sees:   "an error that the operator must fix, and no flag: the customer cannot help it",
		token: oneGrant(400,
			`{"error":"unauthorized_client","error_description":"The client is not authorized for this grant type."}`),
		check: func(t *testing.T, c *customer) {
			c.connects()
			c.until(t, 500, "internal_error")
			if got := c.stated(); got != "active false" {
				t.Errorf("the connection is %s", got)
			}
		},
	},
	{
		slug:   "bad-oauth-token",
		source: "https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_using_openid.htm: the identity URL",
		does: "answers a token that ended early with 403 and the text Bad_OAuth_Token, and another call with 403 of " +
			"its own",
		sees:    "with `refused` in its entry, one refresh and one replay; the other 403 passes",
		options: "refused 403 {\nbody Bad_OAuth_Token\n}",
		api: func(p *provider, w http.ResponseWriter, r *request) {
			switch {
			case !p.accepts(r):
				http.Error(w, "Bad_OAuth_Token", http.StatusForbidden)
			case strings.HasSuffix(r.URL.Path, "/private"):
				say(w, http.StatusForbidden, `[{"errorCode":"INSUFFICIENT_ACCESS"}]`)
			default:
				say(w, http.StatusOK, `{"ok":true}`)
			}
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			c.p.endToken()
			c.gets("/me").must(t, "a call with a token that ended early", 200, "")
			c.gets("/private").must(t, "a call that is not permitted", 403, "")
			if n := len(c.p.refreshes()); n != 1 {
				t.Errorf("%d refreshes", n)
			}
		},
	},
	{
		slug:   "ended-key",
		source: "https://docs.stripe.com/keys#rolling-keys, and all other providers of keys",
		does:   "answers 401 to a key that was deleted",
		sees:   "the connection is flagged, in the API and for the token call; a refresh link brings it back",
		app: "auth_type api_key\nupstream %s/api\nfield api_key \"API key\" secret\n" +
			"header X-Api-Key {api_key}\nverify /me",
		api: func(p *provider, w http.ResponseWriter, r *request) {
			if key := r.Header.Get("X-Api-Key"); key != "canary-key-1" && key != "canary-key-2" || key == "canary-key-1" &&
				p.ended() {
				say(w, http.StatusUnauthorized, `{"error":"invalid key"}`)
				return
			}
			say(w, http.StatusOK, `{"ok":true}`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects("field.api_key", "canary-key-1")
			c.gets("/me").must(t, "a call", 200, "")
			c.p.endToken()
			c.gets("/me").must(t, "a call after the key was deleted", 401, "needs_reconnection")
			c.isFlagged(t)
			c.renew().Submit("credentials", "field.api_key", "canary-key-2").Sees("another key", http.StatusOK,
				harness.SaysRenewed)
			c.gets("/me").must(t, "a call with the new key", 200, "")
			if got := c.stated(); got != "active false" {
				t.Errorf("the renewed connection is %s", got)
			}
		},
	},
}

// ended is a provider that refuses a refresh for good.
func ended(slug, source string, status int, body string) row {
	return row{
		slug: slug, source: source,
		does: "refuses a refresh for good by " + body,
		sees: "needs_reconnection with the reason, a flag everywhere at once, one token request for all calls; a refresh " +
			"link brings it back",
		token: oneGrant(status, body),
		check: func(t *testing.T, c *customer) {
			c.connects()
			if a := c.until(t, 401, "needs_reconnection"); a.reason != "grant_ended" {
				t.Errorf("the reason is %q", a.reason)
			}
			for range 5 {
				c.gets("/me").must(t, "a later call", 401, "needs_reconnection")
			}
			c.isFlagged(t)
			if n := len(c.p.refreshes()); n != 1 {
				t.Errorf("%d refreshes, want one for all calls", n)
			}
			v := c.renew()
			v.Open(v.Onward().String()).Sees("the refresh link", http.StatusOK, harness.SaysRenewed)
			c.gets("/me").must(t, "a call after reconnecting", 200, "")
		},
	}
}

// oneGrant grants short-lived tokens to codes, and answers refreshes otherwise.
func oneGrant(status int, body string) func(*provider, http.ResponseWriter, *request) {
	return func(p *provider, w http.ResponseWriter, r *request) {
		if r.form.Get("grant_type") != "refresh_token" {
			p.grant(w, `"expires_in":1`)
			return
		}
		say(w, status, body)
	}
}

// until calls, by a token that is about to end, until it has; each call before must pass.
func (c *customer) until(t *testing.T, status int, code string) (a answer) {
	t.Helper()
	harness.Within(t, "the token's end", 10*time.Second, func() bool {
		if a = c.gets("/me"); a.status != http.StatusOK {
			return true
		}
		a.must(t, "a call before", 200, "")
		return t.Failed()
	})
	return a.must(t, "the call after the token's end", status, code)
}

// isFlagged checks what the Platform API says of the connection.
func (c *customer) isFlagged(t *testing.T) {
	t.Helper()
	if got := c.stated(); got != "active true" {
		t.Errorf("the connection is %s, want it flagged", got)
	}
	if status, data := c.platform(http.MethodPost, "/connections/"+c.id+"/token", ""); status != http.StatusUnauthorized ||
		data["code"] != "needs_reconnection" {
		t.Errorf("the token call answers %d %v", status, data["code"])
	}
}

// endToken ends the token of the last grant, or the key.
func (p *provider) endToken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grants++
}

func (p *provider) ended() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.grants > 0
}
