package pipedream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// keptBack is alice's account of an app whose credential Pipedream keeps; connect is what it says
// of the app's proxy.
func keptBack(connect, credentials string) string {
	return fmt.Sprintf(`{"id":"apn_1","external_id":"alice@example.com","app":{"name_slug":"theirs","auth_type":"oauth","connect":%s},"credentials":%s}`, connect, credentials)
}

// relayFor vends slug's relay from an account, with lines of the source.
func relayFor(t *testing.T, s *stand, slug string, fields map[string]string) (vending.Credential, error) {
	t.Helper()
	source := newSource(t, s, func(o *pipedream.Options) {
		o.Catalog = servers(t)
		o.Apps = map[string]pipedream.App{slug: {NameSlug: "theirs", Fields: fields}}
	})
	r := request()
	r.App = slug
	return vend(source, r)
}

// TestTargets: what stands in the proxy's path, by what Pipedream says of the app.
func TestTargets(t *testing.T) {
	const gitlab = `{"proxy_enabled":true,"allowed_domains":["gitlab.com"],"base_proxy_target_url":"https://{{custom_fields.base_api_url}}"}`
	for name, c := range map[string]struct{ slug, connect, url, want string }{
		"nothing said":  {"gitlab", `null`, "https://gitlab.com/api/v4/x?a=b", "https://gitlab.com/api/v4/x?a=b"},
		"nothing in it": {"gitlab", `{}`, "https://gitlab.com/api/v4/x", "https://gitlab.com/api/v4/x"},
		"nulls": {"gitlab", `{"proxy_enabled":null,"allowed_domains":null,"base_proxy_target_url":null}`,
			"https://gitlab.com/x", "https://gitlab.com/x"},
		"a static base": {"gitlab",
			`{"proxy_enabled":true,"allowed_domains":["gitlab.com"],"base_proxy_target_url":"https://gitlab.com"}`,
			"https://gitlab.com/x", "https://gitlab.com/x"},
		"the base's host": {"gitlab", `{"allowed_domains":[],"base_proxy_target_url":"https://GitLab.com/api"}`,
			"https://gitlab.com/x", "https://gitlab.com/x"},
		"a domain above": {"gitlab", `{"allowed_domains":["a.example","GitLab.com"]}`,
			"https://upload.gitlab.com/x", "https://upload.gitlab.com/x"},
		"a wildcard": {"gitlab", `{"allowed_domains":["*.gitlab.com"]}`, "https://upload.gitlab.com/x",
			"https://upload.gitlab.com/x"},
		"a dynamic base": {"gitlab", gitlab, "https://gitlab.com/api/v4/projects?a=%zz&b=//c",
			"/api/v4/projects?a=%zz&b=//c"},
		"a slot": {"zendesk", `{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com"}`,
			"https://relayed.invalid/api/v2/x%2Fy", "/api/v2/x%2Fy"},
		"a slot without path": {"zendesk", `{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com"}`,
			"https://relayed.invalid", "/"},
		"a query alone": {"zendesk",
			`{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com/"}`, "https://relayed.invalid?a=b",
			"/?a=b"},
		"an option": {"zoho-crm", `{"base_proxy_target_url":"https://www.zohoapis.{{ custom_fields.tld }}"}`,
			"https://relayed.invalid/crm/v2", "/crm/v2"},
		"a whole address": {"salesforce",
			`{"allowed_domains":null,"base_proxy_target_url":"{{custom_fields.instance_url}}"}`,
			"https://relayed.invalid/services/data", "/services/data"},
		"a base with a path": {"zendesk",
			`{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com/api/v2"}`,
			"https://relayed.invalid/api/v2/tickets?a", "/tickets?a"},
		"a base that is all of it": {"zendesk",
			`{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com/api/v2/"}`,
			"https://relayed.invalid/api/v2?a", "/?a"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, says(200, keptBack(c.connect, `null`)), says(200, ""))
			cred, err := relayFor(t, s, c.slug, nil)
			if err != nil {
				t.Fatal(err)
			}
			if dynamic := !strings.HasPrefix(c.want, "https:"); cred.FindsHost() != dynamic {
				t.Errorf("FindsHost is %t", cred.FindsHost())
			}
			res, err := cred.Relay().RoundTrip(upstreamRequest(t, "GET", c.url, ""))
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if _, target := proxied(t, s); target != c.want {
				t.Errorf("target %q", target)
			}
		})
	}
}

// TestNoTarget: what the proxy does not call, or calls elsewhere, is refused before anything is
// sent.
func TestNoTarget(t *testing.T) {
	const zendesk = `{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com"}`
	for name, c := range map[string]struct {
		slug, connect, url string
		code               vending.Code
	}{
		"not enabled": {"gitlab", `{"proxy_enabled":false}`, "https://gitlab.com/", vending.InternalError},
		"not enabled, dynamic": {"zendesk", `{"proxy_enabled":false,"base_proxy_target_url":"https://{{a}}.zendesk.com"}`,
			"https://relayed.invalid/", vending.InternalError},
		"beside, dynamic": {"git", `{"base_proxy_target_url":"https://{{a}}.git.example"}`,
			"https://files.git.example/g/r.git/info/refs", vending.InternalError},
		"another domain": {"gitlab", `{"allowed_domains":["a.example"]}`, "https://gitlab.com/",
			vending.InternalError},
		"no domain": {"gitlab", `{"allowed_domains":[]}`, "https://gitlab.com/", vending.InternalError},
		"an end of the name": {"gitlab", `{"allowed_domains":["lab.com","gitlab.co","com.","","*"]}`,
			"https://notgitlab.com/", vending.InternalError},
		"another base": {"gitlab", `{"allowed_domains":[],"base_proxy_target_url":"https://api.gitlab.com"}`,
			"https://gitlab.com/", vending.InternalError},
		"the base elsewhere": {"zendesk", `{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.evil.example"}`,
			"https://relayed.invalid/", vending.InternalError},
		"the base above": {"zendesk",
			`{"base_proxy_target_url":"https://{{custom_fields.subdomain}}.zendesk.com.evil.example"}`,
			"https://relayed.invalid/", vending.InternalError},
		"an extra host": {"gitlab", `{"base_proxy_target_url":"https://{{custom_fields.base_api_url}}"}`,
			"https://upload.gitlab.com/x", vending.InternalError},
		"a value in the path": {"gitlab", `{"base_proxy_target_url":"https://gitlab.com/{{custom_fields.x}}"}`,
			"https://gitlab.com/x", vending.InternalError},
		"a broken placeholder": {"zendesk", `{"base_proxy_target_url":"https://{{custom_fields.subdomain.zendesk.com"}`,
			"https://relayed.invalid/", vending.InternalError},
		"above the base": {"zendesk", `{"base_proxy_target_url":"https://{{a}}.zendesk.com/api/v2"}`,
			"https://relayed.invalid/api/v20", vending.InternalError},
		"two slashes":      {"zendesk", zendesk, "https://relayed.invalid//evil.example/x", vending.InvalidRequest},
		"a backslash":      {"zendesk", zendesk, `https://relayed.invalid/%5Cevil.example`, vending.InvalidRequest},
		"an encoded slash": {"zendesk", zendesk, "https://relayed.invalid/%2Fevil.example", vending.InvalidRequest},
		"encoded twice":    {"zendesk", zendesk, "https://relayed.invalid/%252fevil.example", vending.InvalidRequest},
		"a tab between":    {"zendesk", zendesk, "https://relayed.invalid/%09/evil.example", vending.InvalidRequest},
		"two behind the base": {"zendesk", `{"base_proxy_target_url":"https://{{a}}.zendesk.com/api"}`,
			"https://relayed.invalid/api//evil.example", vending.InvalidRequest},
		"a placeholder": {"gitlab", `null`, "https://gitlab.com/x?a={{custom_fields.api_key}}",
			vending.InvalidRequest},
		"an encoded one": {"gitlab", `null`, "https://gitlab.com/x?a=%7B%7Boauth_access_token}}",
			vending.InvalidRequest},
		"a flag that is text": {"gitlab", `{"proxy_enabled":"false"}`, "https://gitlab.com/", vending.UpstreamUnavailable},
		"domains that are text": {"gitlab", `{"allowed_domains":"gitlab.com"}`, "https://gitlab.com/",
			vending.UpstreamUnavailable},
		"a base that is none": {"gitlab", `{"base_proxy_target_url":["https://gitlab.com"]}`, "https://gitlab.com/",
			vending.UpstreamUnavailable},
		"a flag twice": {"gitlab", `{"proxy_enabled":false,"proxy_enabled":true}`, "https://gitlab.com/",
			vending.UpstreamUnavailable},
		"another case": {"gitlab", `{"Proxy_Enabled":false}`, "https://gitlab.com/", vending.UpstreamUnavailable},
		"no object":    {"gitlab", `"x"`, "https://gitlab.com/", vending.UpstreamUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, says(200, keptBack(c.connect, `null`)), says(200, ""))
			cred, err := relayFor(t, s, c.slug, nil)
			if err == nil {
				res, failed := cred.Relay().RoundTrip(upstreamRequest(t, "GET", c.url, ""))
				if err = failed; failed == nil {
					_ = res.Body.Close()
				}
			}
			var e *vending.Error
			if !errors.As(err, &e) || e.Code != c.code || e.Code == vending.UpstreamUnavailable && !e.Final {
				t.Errorf("error %v", err)
			}
			if n := len(s.asked("/proxy/")); n != 0 {
				t.Errorf("%d requests to the proxy", n)
			}
		})
	}
}

// TestRelayHeaderPlaceholder: what the caller sent is no template, of Pipedream's neither.
func TestRelayHeaderPlaceholder(t *testing.T) {
	s := serve(t, nil, says(200, keyless["absent"]), says(200, ""))
	res, err := relayTo(t, s).Relay().RoundTrip(upstreamRequest(t, "GET", "https://sheets.example.com/", "", "X-A",
		"Bearer {{oauth_access_token}}"))
	if err == nil {
		_ = res.Body.Close()
	}
	var e *vending.Error
	if !errors.As(err, &e) || e.Code != vending.InvalidRequest || len(s.asked("/proxy/")) != 0 {
		t.Errorf("error %v", err)
	}
}

// TestKeptBack: an OAuth account without its token is called through the proxy, unless what it
// shows names a server that the proxy would not find by itself.
func TestKeptBack(t *testing.T) {
	const dynamic = `{"base_proxy_target_url":"https://{{custom_fields.base_api_url}}"}`
	for name, c := range map[string]struct {
		connect, credentials string
		relayed              bool
	}{
		"what is theirs alone":    {`null`, `{"oauth_client_id":"canary","oauth_uid":"canary"}`, true},
		"the signer alone":        {`null`, `{"oauth_signer_uri":"https://signer.example"}`, true},
		"a custom field alone":    {`null`, `{"team":"canary"}`, true},
		"a null token":            {`null`, `{"oauth_access_token":null,"oauth_uid":"canary"}`, true},
		"the app's server":        {`null`, `{"base_api_url":"gitlab.com"}`, true},
		"another server":          {`null`, `{"oauth_uid":"canary","base_api_url":"gitlab.acme.example"}`, false},
		"another, and dynamic":    {dynamic, `{"oauth_uid":"canary","base_api_url":"gitlab.acme.example"}`, true},
		"an empty token":          {`null`, `{"oauth_access_token":"","oauth_uid":"canary"}`, false},
		"a token that is no text": {`null`, `{"oauth_access_token":["canary"],"oauth_uid":"canary"}`, false},
	} {
		s := serve(t, nil, says(200, keptBack(c.connect, c.credentials)), says(200, ""))
		cred, err := relayFor(t, s, "gitlab", nil)
		if (cred.Relay() != nil) != c.relayed || (err == nil) != c.relayed {
			t.Errorf("%s: relay %t, %v", name, cred.Relay() != nil, err)
		}
		if err != nil {
			clean(t, err.Error())
		}
	}
}

// TestProxyErrors: what the proxy says of the call is not the provider's answer, and the rest is.
func TestProxyErrors(t *testing.T) {
	const json = "application/json; charset=utf-8"
	long := `{"error":"` + strings.Repeat("x", 10_000) + `"}`
	for name, c := range map[string]struct {
		status            int
		contentType, body string
		code              vending.Code
	}{
		"another's account": {400, json, `{"error":{"account":["account and user mismatch"]}}`,
			vending.ConnectionDeleted},
		"a domain":              {400, json, `{"error":{"domain":["not allowed for this app"]}}`, vending.InternalError},
		"a domain, without":     {400, json, `{"domain":["not allowed for this app"]}`, vending.InternalError},
		"a domain, forbidden":   {403, json, `{"domain":["not allowed for this app"]}`, vending.InternalError},
		"no app":                {400, json, `{"error":"App record not found"}`, vending.InternalError},
		"a header":              {400, json, `{"error":"Unsupported header: user-agent"}`, vending.InternalError},
		"a provider's":          {400, json, `{"error":"invalid"}`, ""},
		"a provider's object":   {400, json, `{"error":{"message":"x","account":["unknown"]}}`, ""},
		"a provider's domain":   {400, json, `{"domain":["is invalid"]}`, ""},
		"a list":                {400, json, `[1]`, ""},
		"no JSON":               {400, json, `{`, ""},
		"empty":                 {404, json, ``, ""},
		"HTML":                  {400, "text/html", `{"error":"App record not found"}`, ""},
		"no type":               {400, "", `{"error":"App record not found"}`, ""},
		"another status":        {422, json, `{"error":"App record not found"}`, ""},
		"in a success":          {200, json, `{"error":"App record not found"}`, ""},
		"long":                  {400, json, long, ""},
		"an unauthorized's own": {401, json, `{"error":"x"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil, says(200, keyless["absent"]), says(c.status, c.body, "Content-Type", c.contentType))
			res, err := relayTo(t, s).Relay().RoundTrip(upstreamRequest(t, "GET", "https://sheets.example.com/", ""))
			if c.code != "" {
				var e *vending.Error
				if !errors.As(err, &e) || e.Code != c.code || e.Origin != vending.FromVending {
					t.Errorf("error %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode != c.status || string(body) != c.body || err != nil {
				t.Errorf("answer %d, %d bytes, %v", res.StatusCode, len(body), err)
			}
		})
	}
}

// TestUnreadableAsksOnce: an answer that is no account costs one call of the project's limit, and
// an answer that says to come back may cost three.
func TestUnreadableAsksOnce(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		calls  int
	}{
		"empty": {200, "", 1}, "HTML": {200, "<p>", 1}, "no account": {200, "{}", 1}, "null": {200, `{"data":null}`, 1},
		"a redirect": {302, "", 1}, "no content": {204, "", 1},
		"huge":     {200, `{"id":"` + strings.Repeat("x", 300<<10) + `"}`, 1},
		"no token": {200, accountOf("google_sheets", `{"oauth_access_token":""}`), 1},
		"503":      {503, "", 3}, "500": {500, "", 3},
	} {
		s := serve(t, nil, says(c.status, c.body), nil)
		cred, err := vend(vending.WithRetry(newSource(t, s)), request())
		_ = refused(t, cred, err, vending.UpstreamUnavailable)
		if n := len(s.asked("/accounts/")); n != c.calls {
			t.Errorf("%s: %d calls", name, n)
		}
	}
	s := serve(t, says(200, "<p>"), says(200, sheets), nil)
	cred, err := vend(vending.WithRetry(newSource(t, s)), request())
	_ = refused(t, cred, err, vending.UpstreamUnavailable)
	if n := len(s.asked("/oauth/token")); n != 1 {
		t.Errorf("a token that cannot be read: %d calls", n)
	}
}

// TestProxyErrorThatDoesNotEnd: what may be an error of the proxy's own is waited for, but not for
// as long as an upstream likes: the answer goes to the caller, who decides.
func TestProxyErrorThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := serve(t, nil, says(200, keyless["absent"]), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":`)
		_ = http.NewResponseController(w).Flush()
		<-release
		_, _ = io.WriteString(w, `"mine"}`)
	})
	defer close(release)
	r := upstreamRequest(t, "GET", "https://sheets.example.com/", "")
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	res, err := relayTo(t, s).Relay().RoundTrip(r.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	release <- struct{}{}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if res.StatusCode != http.StatusForbidden || string(body) != `{"error":"mine"}` || err != nil {
		t.Errorf("answer %d %s, %v", res.StatusCode, body, err)
	}
}
