package providers

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/tests/harness"
)

// tokenRows are what token endpoints, and what is asked beside them, answer.
var tokenRows = []row{
	{
		slug:   "entra-scope",
		source: "https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-auth-code-flow#refresh-the-access-token",
		does:   "refuses a refresh without the scope of the app's own API (AADSTS70011), and a code exchange with it",
		sees:   "the parameter goes with the refresh alone, and the call passes",
		oauth:  `refresh_param scope "api://books/.default offline_access"`,
		token: func(p *provider, w http.ResponseWriter, r *request) {
			refresh := r.form.Get("grant_type") == "refresh_token"
			if refresh != (r.form.Get("scope") == "api://books/.default offline_access") {
				say(w, http.StatusBadRequest,
					`{"error":"invalid_scope","error_description":"AADSTS70011: The provided value for the input parameter 'scope' `+
						`is not valid."}`)
				return
			}
			p.grant(w, `"expires_in":1`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			c.outlives(t)
		},
	},
	{
		slug: "raw-basic",
		source: "https://developer.vimeo.com/api/authentication and " +
			"https://dev.epicgames.com/docs/web-api-ref/authentication",
		does:  "takes the client's secret from HTTP Basic as it is, without the decoding of RFC 6749, 2.3.1",
		sees:  "with client_auth header_raw, a secret with + / = arrives as it is",
		oauth: "client_auth header_raw", secret: "a+b/c=d%2F",
		token: basicWants("id-raw-basic:a+b/c=d%2F"),
		check: connectAndCall,
	},
	{
		slug:   "encoded-basic",
		source: "https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1",
		does:   "decodes id and secret after HTTP Basic",
		sees:   "with client_auth header, the secret arrives percent-encoded",
		oauth:  "client_auth header", secret: "a+b/c=d%2F",
		token: basicWants("id-encoded-basic:" + url.QueryEscape("a+b/c=d%2F")),
		check: connectAndCall,
	},
	{
		slug:   "square-date",
		source: "https://developer.squareup.com/reference/square/o-auth-api/obtain-token",
		does:   "says when a token ends by expires_at, an RFC 3339 date, and by no expires_in",
		sees:   "the token that is about to end is refreshed, the other is not",
		token: func(p *provider, w http.ResponseWriter, r *request) {
			left := 30 * 24 * time.Hour
			if r.form.Get("grant_type") == "authorization_code" {
				left = 2 * time.Second // a part of one is cut off
			}
			p.grant(w, `"expires_at":"`+time.Now().Add(left).UTC().Format(time.RFC3339)+`"`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			c.outlives(t)
			for range 3 {
				c.gets("/me").must(t, "a call", 200, "")
			}
			if n := len(c.p.refreshes()); n != 1 {
				t.Errorf("%d refreshes, want one, of the first token", n)
			}
		},
	},
	{
		slug: "expiry-nan",
		source: "https://www.rfc-editor.org/rfc/rfc6749#section-5.1 wants a number; JSON writers of JavaScript and Python " +
			"write NaN",
		does:  `grants with "expires_in":"NaN"`,
		sees:  "the answer cannot be read: no connection that would count as one that never ends",
		token: func(p *provider, w http.ResponseWriter, _ *request) { p.grant(w, `"expires_in":"NaN"`) },
		check: func(t *testing.T, c *customer) {
			v := c.link()
			if v.Open(v.Onward().String()); v.Status != http.StatusBadGateway {
				t.Errorf("%d: %s", v.Status, v.Text())
			}
			if got := c.stated(); got == "active false" {
				t.Errorf("the connection is %s", got)
			}
		},
	},
	{
		slug: "compressed",
		source: "https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3: identity is a wish; CDNs in front of APIs " +
			"compress whatever they know the type of",
		does:    "answers token, capture and revocation requests in gzip that nobody asked for",
		sees:    "all are read; the requests ask for no coding",
		oauth:   "revoke_url %s/revoke\ncapture account call accounts.0.id {\nurl %s/api/accounts\n}",
		options: "field account Account {\nfrom grant\n}",
		token: func(p *provider, w http.ResponseWriter, _ *request) {
			sayCompressed(w, http.StatusOK, p.granted(`"expires_in":1`))
		},
		api: func(p *provider, w http.ResponseWriter, r *request) {
			if r.URL.Path == "/compressed/revoke" || p.accepts(r) {
				sayCompressed(w, http.StatusOK, `{"accounts":[{"id":"42"}]}`)
				return
			}
			sayCompressed(w, http.StatusUnauthorized, `{"error":"invalid_token"}`)
		},
		check: checkCompressed,
	},
	{
		slug:   "compressed-verify",
		source: "as above",
		does:   "answers the request that tries a key in gzip",
		sees:   "a wrong key is refused and not stored, a right one is taken",
		app: "auth_type api_key\nupstream %s/api\nfield api_key \"API key\" secret\n" +
			"header X-Api-Key {api_key}\nverify /me",
		api: func(_ *provider, w http.ResponseWriter, r *request) {
			if r.Header.Get("X-Api-Key") != "canary-right" {
				sayCompressed(w, http.StatusUnauthorized, `{"error":"invalid key"}`)
				return
			}
			sayCompressed(w, http.StatusOK, `{"ok":true}`)
		},
		check: func(t *testing.T, c *customer) {
			c.link().Submit("credentials", "field.api_key", "canary-wrong").Sees("a wrong key", http.StatusUnprocessableEntity,
				"does not accept what you entered")
			c.page.Submit("credentials", "field.api_key", "canary-right").Sees("a right key", http.StatusOK, harness.SaysCreated)
			asksForNoCoding(t, c.p.requests("/api/me"))
		},
	},
	{
		slug: "salesforce-org",
		source: "https://help.salesforce.com/s/articleView?id=sf.domain_name_url_formats.htm: orgs of developers and " +
			"demos, and enhanced domains",
		does:    "names the org's own host in instance_url, in upper case, with more labels, with a slash",
		sees:    "the connection has that host",
		options: "field instance Instance {\nfrom grant\nkind labels\n}",
		oauth:   "capture instance token instance_url {\npattern " + salesforcePattern + "\n}",
		token: func(p *provider, w http.ResponseWriter, _ *request) {
			p.grant(w, `"expires_in":3600,"instance_url":"https://Acme-Dev-ED.develop.my.salesforce.com/"`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			_, data := c.platform(http.MethodPost, "/connections/"+c.id+"/token", "")
			if fields, _ := data["fields"].(map[string]any); fields["instance"] != "acme-dev-ed.develop" {
				t.Errorf("the connection has %v", data["fields"])
			}
		},
	},
}

// salesforcePattern is that of the catalog's entry, as a Caddyfile has it.
var salesforcePattern = func() string {
	apps, err := catalog.Embedded()
	if err != nil {
		panic(err)
	}
	app, ok := apps.App("salesforce")
	if !ok || len(app.OAuth2.Capture) != 1 {
		panic("salesforce captures otherwise")
	}
	return "`" + app.OAuth2.Capture[0].Pattern + "`"
}()

// basicWants grants to exactly one pair of HTTP Basic.
func basicWants(pair string) func(*provider, http.ResponseWriter, *request) {
	return func(p *provider, w http.ResponseWriter, r *request) {
		if r.Header.Get("Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(pair)) ||
			r.form.Has("client_secret") {
			say(w, http.StatusUnauthorized, `{"error":"invalid_client"}`)
			return
		}
		p.grant(w, `"expires_in":1`)
	}
}

// outlives calls until the first token, which must be one of a second or two, has ended and is
// renewed. Each call must pass.
func (c *customer) outlives(t *testing.T) {
	t.Helper()
	harness.Within(t, "a refresh", 10*time.Second, func() bool {
		c.gets("/me").must(t, "a call", 200, "")
		return len(c.p.refreshes()) > 0 || t.Failed()
	})
}

// connectAndCall refreshes, so that both kinds of token requests are made.
func connectAndCall(t *testing.T, c *customer) {
	c.connects()
	c.outlives(t)
	if n := len(c.p.requests("/token")); n < 2 {
		t.Errorf("%d token requests", n)
	}
}

func asksForNoCoding(t *testing.T, got []*request) {
	t.Helper()
	if len(got) == 0 {
		t.Error("there was no request")
	}
	for _, r := range got {
		if coding := r.Header.Get("Accept-Encoding"); coding != "identity" {
			t.Errorf("%s %s accepts %q", r.Method, r.URL.Path, coding)
		}
	}
}

func checkCompressed(t *testing.T, c *customer) {
	c.connects()
	a := c.gets("/me", "Accept-Encoding: gzip").must(t, "a call", 200, "")
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Error("the caller's own answer is not as the provider sent it")
	}
	if status, _ := c.platform(http.MethodDelete, "/connections/"+c.id, ""); status != http.StatusOK {
		t.Errorf("deleting: %d", status)
	}
	for _, path := range []string{"/token", "/api/accounts", "/revoke"} {
		asksForNoCoding(t, c.p.requests(path))
	}
}
