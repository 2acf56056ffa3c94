package pipedream_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/pipedream"
)

// fields are the body's, by name.
func (r reply) fields(t *testing.T) map[string]any {
	t.Helper()
	var got map[string]any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil || r.StatusCode != 200 {
		t.Fatalf("%d %q", r.StatusCode, r.body)
	}
	return got
}

// TestAccountCalls: one form of call.
func TestAccountCalls(t *testing.T) {
	c := newRaw(t, options(), "")
	const path = "/v1/connect/proj_1/accounts/" + account
	for name, request := range map[string]string{
		"no environment":        strings.Replace(c.request("GET "+path, ""), "x-pd-environment: development\r\n", "", 1),
		"no such environment":   strings.Replace(c.request("GET "+path, ""), "development", "staging", 1),
		"the environment twice": c.request("GET "+path, "", "X-PD-Environment: development"),
		"a parameter more":      c.request("GET "+path+"?include_credentials=true&app=slack", ""),
		"another parameter":     c.request("GET "+path+"?include_credential=true", ""),
		"credentials 1":         c.request("GET "+path+"?include_credentials=1", ""),
		"credentials twice":     c.request("GET "+path+"?include_credentials=true&include_credentials=true", ""),
		"a broken query":        c.request("GET "+path+"?include_credentials=%zz", ""),
		"a header more":         c.request("GET "+path, "", "X-User-Email: "+user),
		"a proxy header":        c.request("GET "+path, "", "x-pd-proxy-accept: */*"),
		"a body":                c.request("GET "+path, "x"),
		"an empty chunked body": c.request("GET "+path, "", "Transfer-Encoding: chunked") + "0\r\n\r\n",
		"trailers": c.request("GET "+path, "", "Transfer-Encoding: chunked", "Trailer: X-A") +
			"0\r\nX-A: b\r\n\r\n",
	} {
		c.refused(name, c.send(request), 400, true)
	}
	for _, method := range []string{"POST", "DELETE", "PUT", "OPTIONS"} {
		c.refused(method, c.send(c.request(method+" "+path, "")), 405, true)
	}
	c.refused("another project", c.send(c.request("GET /v1/connect/proj_2/accounts/"+account, "")), 404, false)
	c.refused("another environment", c.send(strings.Replace(c.request("GET "+path, ""), "development", "production", 1)),
		404, false)
	c.refused("another account", c.account("apn_2"), 404, false)
	for _, wrong := range []string{"/v1/connect/proj_1/accounts", path + "/", "/v1/connect/proj_1/account/" + account,
		"/v2/connect/proj_1/accounts/" + account, "/"} {
		c.refused(wrong, c.send(c.request("GET "+wrong, "")), 404, true)
	}
}

// TestAccounts: what an account says, and how that can be bent.
func TestAccounts(t *testing.T) {
	c := newRaw(t, options(), "")
	all := c.account(account).fields(t)
	names := slices.Sorted(maps.Keys(all))
	if want := "app authorized_scopes created_at credentials dead error expires_at external_id healthy id " +
		"last_refreshed_at name next_refresh_at updated_at"; strings.Join(names, " ") != want {
		t.Errorf("fields %q", names)
	}
	if got := slices.Sorted(maps.Keys(all["credentials"].(map[string]any))); strings.Join(got,
		" ") != "oauth_access_token oauth_client_id oauth_refresh_token oauth_signer_uri oauth_uid" {
		t.Errorf("credentials %q", got)
	}
	if got := slices.Sorted(maps.Keys(all["app"].(map[string]any))); strings.Join(got,
		" ") != "auth_type categories connect custom_fields_json description featured_weight id img_src name name_slug "+
		"scope_profiles" {
		t.Errorf("app %q", got)
	}
	bare := c.send(c.request("GET /v1/connect/proj_1/accounts/"+account, "")).fields(t)
	if _, ok := bare["credentials"]; ok || bare["id"] != account {
		t.Errorf("without asking for credentials: %v", bare)
	}
	c.Change(func(o *pipedream.Options) { o.Enveloped = true })
	if got := c.account(account).fields(t); len(got) != 1 || got["data"].(map[string]any)["external_id"] != user {
		t.Errorf("in its envelope: %v", got)
	}
	c.Change(func(o *pipedream.Options) { o.Enveloped = false })

	c.Put(pipedream.Keys("apn_k", user, "openai", "api_key", "sk-canary-5503", "org", "o1").
		Set("dead", true).Set("healthy", "no").Set("error", "gone").Set("app.name_slug",
		nil).Drop("external_id").Drop("credentials.org"))
	got := c.account("apn_k").fields(t)
	if _, ok := got["external_id"]; ok {
		t.Error("the dropped field is there")
	}
	app := got["app"].(map[string]any)
	if slug, ok := app["name_slug"]; !ok || slug != nil || got["dead"] != true || got["healthy"] != "no" ||
		got["error"] != "gone" || app["auth_type"] != "keys" {
		t.Errorf("bent: %v", got)
	}
	if !strings.Contains(app["custom_fields_json"].(string), `"name":"api_key"`) ||
		len(got["credentials"].(map[string]any)) != 1 {
		t.Errorf("a key app: %v", got)
	}
	if secrets := c.Secrets(); !slices.Contains(secrets, "sk-canary-5503") || !slices.Contains(secrets, c.bearer) ||
		!slices.Contains(secrets, clientSecret) {
		t.Error("secrets are missing from the list of them")
	}
}

// TestSparseAccounts: what the schema permits to be null or absent can be so, and no more.
func TestSparseAccounts(t *testing.T) {
	c := newRaw(t, options(), "")
	c.Put(pipedream.OAuth("apn_n", user, "slack", "xoxb-canary-5504").Nulls())
	c.Put(pipedream.OAuth("apn_b", user, "slack", "xoxb-canary-5504").Bare())
	nulls, bare := c.account("apn_n").fields(t), c.account("apn_b").fields(t)
	if names := slices.Sorted(maps.Keys(bare)); strings.Join(names, " ") != "app credentials external_id id" ||
		len(nulls) != 14 || nulls["healthy"] != nil || nulls["id"] != "apn_n" {
		t.Errorf("bare %q, nulls %v", names, nulls)
	}
	if names := slices.Sorted(maps.Keys(bare["app"].(map[string]any))); strings.Join(names,
		" ") != "categories featured_weight img_src name name_slug scope_profiles" {
		t.Errorf("bare app %q", names)
	}
	c.Change(func(o *pipedream.Options) { o.ErrorObjects = true })
	if got := c.account("apn_2"); got.StatusCode != 404 || got.body != `{"error":{"base":["record not found"]}}`+"\n" {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
}
