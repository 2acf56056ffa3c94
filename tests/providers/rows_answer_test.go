package providers

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answerRows are what APIs answer to calls.
var answerRows = []row{
	{
		slug:   "scope-401",
		source: "https://www.rfc-editor.org/rfc/rfc6750#section-3.1; Gitea answers so to ?token=…, others to a missing scope",
		does:   "answers one path with 401, whatever the token, and rotates refresh tokens",
		sees:   "needs_reconnection with the reason, one refresh for ten calls, a challenge; other paths work on",
		api: func(p *provider, w http.ResponseWriter, r *request) {
			if strings.HasSuffix(r.URL.Path, "/admin") || !p.accepts(r) {
				w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope"`)
				say(w, http.StatusUnauthorized, `{"error":"insufficient_scope"}`)
				return
			}
			say(w, http.StatusOK, `{"ok":true}`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			for range 10 {
				a := c.gets("/admin").must(t, "a call that wants a scope", 401, "needs_reconnection")
				if a.reason != "fresh_credential_refused" || !challenges(a) {
					t.Errorf("reason %q, challenges %q", a.reason, a.header.Values("WWW-Authenticate"))
				}
			}
			if n := len(c.p.refreshes()); n != 1 {
				t.Errorf("%d refreshes, want one", n)
			}
			c.gets("/me").must(t, "another call", 200, "")
		},
	},
	{
		slug:   "no-key",
		source: "https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2",
		does:   "nothing: it is not asked",
		sees:   "the gateway's own 401 challenges for Bearer and Basic, which git and curl --anyauth wait for",
		check: func(t *testing.T, c *customer) {
			c.connects()
			if a := c.gets("/me", "Authorization:").must(t, "a call without a key", 401, "invalid_tenant_key"); !challenges(a) {
				t.Errorf("challenges %q", a.header.Values("WWW-Authenticate"))
			}
			if n := len(c.p.requests("/api/me")); n != 0 {
				t.Errorf("the provider got %d calls", n)
			}
		},
	},
	{
		slug:   "maintenance",
		source: "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3; Shopify and Salesforce send it with 503",
		does:   "answers 503 with Retry-After and the id of the request",
		sees:   "Retry-After survives, the id is in data.upstream.headers, and data.sent is true",
		api: func(_ *provider, w http.ResponseWriter, _ *request) {
			w.Header().Set("Retry-After", "17")
			w.Header().Set("X-Request-Id", "req-503")
			say(w, http.StatusServiceUnavailable, `{"message":"maintenance"}`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			a := c.calls(http.MethodPost, "/orders", "{}").must(t, "a call", 503, "upstream_unavailable")
			if a.header.Get("Retry-After") != "17" || a.sent != true || headerOf(a, "x-request-id") != "req-503" {
				t.Errorf("Retry-After %q, sent %v, upstream %v", a.header.Get("Retry-After"), a.sent, a.upstream)
			}
		},
	},
	{
		slug: "quota",
		source: "https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api, " +
			"https://developer.atlassian.com/cloud/jira/platform/rate-limiting/",
		does: "answers 429 with its quota in headers and no Retry-After",
		sees: "Retry-After all the same, and the quota in data.upstream.headers",
		api: func(_ *provider, w http.ResponseWriter, _ *request) {
			for name, value := range map[string]string{"X-RateLimit-Limit": "5000", "X-RateLimit-Remaining": "0",
				"X-GitHub-Request-Id": "A1:B2"} {
				w.Header().Set(name, value)
			}
			say(w, http.StatusTooManyRequests, `{"message":"slow down"}`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			a := c.gets("/me").must(t, "a call", 429, "rate_limited")
			if a.header.Get("Retry-After") == "" || headerOf(a, "x-ratelimit-limit") != "5000" ||
				headerOf(a, "x-ratelimit-remaining") != "0" || headerOf(a, "x-github-request-id") != "A1:B2" {
				t.Errorf("Retry-After %q, upstream %v", a.header.Get("Retry-After"), a.upstream)
			}
		},
	},
	{
		slug:    "quota-403",
		source:  "https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit",
		does:    "answers 403 with X-RateLimit-Remaining: 0, and Retry-After at its secondary limits",
		sees:    "rate_limited where the entry knows of it; another 403 passes",
		options: "rate_limit {\nstatuses 403\nwhen X-RateLimit-Remaining 0\n}",
		api: func(_ *provider, w http.ResponseWriter, r *request) {
			if strings.HasSuffix(r.URL.Path, "/me") {
				w.Header().Set("X-RateLimit-Remaining", "0")
				w.Header().Set("Retry-After", "60")
			}
			say(w, http.StatusForbidden, `{"message":"no"}`)
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			if a := c.gets("/me").must(t, "above the limit", 429, "rate_limited"); a.header.Get("Retry-After") != "60" {
				t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
			}
			c.gets("/private").must(t, "not permitted", 403, "")
		},
	},
	{
		slug:   "untyped",
		source: "https://www.rfc-editor.org/rfc/rfc9110#section-8.3: a recipient may guess, and a proxy need not",
		does:   "answers HTML without Content-Type",
		sees:   "no Content-Type is added",
		api: func(_ *provider, w http.ResponseWriter, _ *request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, "<html>x</html>")
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			a := c.gets("/file").must(t, "a call", 200, "")
			if stated, ok := a.header["Content-Type"]; ok || a.body != "<html>x</html>" {
				t.Errorf("Content-Type %q, body %q", stated, a.body)
			}
		},
	},
	{
		slug:   "cut-short",
		source: "https://www.rfc-editor.org/rfc/rfc9112#section-8: a load balancer whose backend dies",
		does:   "ends the connection after the head, and in the middle of a longer body",
		sees:   "a whole 503 where nothing was sent on, else what came and an end that shows",
		api: func(_ *provider, w http.ResponseWriter, r *request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return
			}
			defer conn.Close()
			came := 0
			if strings.HasSuffix(r.URL.Path, "/later") {
				came = 64 << 10
			}
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n%s",
				strings.Repeat("x", came))
		},
		check: func(t *testing.T, c *customer) {
			c.connects()
			if a := c.gets("/soon").must(t, "cut after the head", 503, "upstream_unavailable"); a.sent != true {
				t.Errorf("sent %v", a.sent)
			}
			res, err := c.Client.Do(c.Request(http.MethodGet, "/proxy/"+c.id+"/"+c.app+"/later", nil))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if body, err := io.ReadAll(res.Body); res.StatusCode != 200 || err == nil || strings.Trim(string(body), "x") != "" {
				t.Errorf("cut later: %d, %d bytes, error %v", res.StatusCode, len(body), err)
			}
		},
	},
}

// challenges reports whether a 401 asks for what programs send.
func challenges(a answer) bool {
	all := strings.Join(a.header.Values("WWW-Authenticate"), ", ")
	return strings.Contains(all, "Bearer") && strings.Contains(all, "Basic")
}

// headerOf is a header of the provider's that the envelope keeps.
func headerOf(a answer, name string) any {
	headers, _ := a.upstream["headers"].(map[string]any)
	if list, ok := headers[name].([]any); ok && len(list) == 1 {
		return list[0]
	}
	return headers[name]
}
