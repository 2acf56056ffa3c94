package integration

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/policy"
)

// left is the RateLimit headers of an answer in short: `api 120 119`.
func (a answered) left() string {
	var name string
	var quota, left, seconds int
	policies, limits := a.header["Ratelimit-Policy"], a.header["Ratelimit"]
	if len(policies) != 1 || len(limits) != 1 {
		return fmt.Sprint(policies, limits)
	}
	_, err := fmt.Sscanf(strings.NewReplacer(`"`, "", ";", " ").Replace(policies[0]), "%s q=%d w=60", &name, &quota)
	_, err2 := fmt.Sscanf(strings.NewReplacer(`"`, "", ";", " ").Replace(limits[0]), name+" r=%d t=%d", &left, &seconds)
	if err != nil || err2 != nil {
		return fmt.Sprint(policies, limits)
	}
	return fmt.Sprint(name, " ", quota, " ", left)
}

// TestRateLimitHeaders: once the tenant is known every answer says what is left; what is refused
// before the work costs nothing.
func TestRateLimitHeaders(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme", "budget api 5", "budget token 4"), keyed(t, "weak", "capabilities apps"),
		keyed(t, "free", "budget api unlimited", "budget token unlimited"))
	id := p.imported("acme")
	for _, c := range []struct {
		name, tenant, method, path, body string
		headers                          []string
		code, left                       string
	}{
		{"served", "acme", "GET", "/apps", "", nil, "", "api 5 4"},
		{"a bad query is found by the work", "acme", "GET", "/apps?page=0", "", nil, "invalid_request", "api 5 3"},
		{"an unknown connection too", "acme", "GET", "/connections/conn_x", "", nil, "connection_deleted", "api 5 2"},
		{"no end user", "acme", "GET", "/connections", "", []string{"X-User-Email:"}, "invalid_user_email", "api 5 2"},
		{"a bad end user", "acme", "POST", "/connections/" + id + "/token", "", []string{"X-User-Email: alice"},
			"invalid_user_email", "token 4 4"},
		{"unknown endpoint", "acme", "GET", "/nothing", "", nil, "invalid_request", "api 5 2"},
		{"unknown method", "acme", "PATCH", "/connections/" + id, "", nil, "invalid_request", "api 5 2"},
		{"an id too long", "acme", "POST", "/connections/" + strings.Repeat("i", 513) + "/token", "", nil, "invalid_request",
			"api 5 2"},
		{"vended", "acme", "POST", "/connections/" + id + "/token", "", nil, "", "token 4 3"},
		{"not vended", "acme", "POST", "/connections/conn_x/token", "", nil, "connection_deleted", "token 4 2"},
		{"an agent", "acme", "POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"ping"}`, mcpHeaders, "", "api 5 1"},
		{"no stream", "acme", "GET", "/mcp", "", nil, "", "api 5 0"},
		{"spent", "acme", "GET", "/apps", "", nil, "rate_limited", "api 5 0"},
		{"the other is not", "acme", "POST", "/connections/" + id + "/token", "", nil, "", "token 4 1"},
		{"no capability", "weak", "GET", "/connections", "", nil, "capability_disabled", "api 120 120"},
		{"no capability to vend", "weak", "POST", "/connections/conn_x/token", "", nil, "capability_disabled",
			"token 600 600"},
		{"no bound", "free", "GET", "/apps", "", nil, "", "[] []"},
		{"no bound on tokens", "free", "POST", "/connections/conn_x/token", "", nil, "connection_deleted", "[] []"},
		{"no tenant", "nobody", "GET", "/apps", "", nil, "invalid_tenant_key", "[] []"},
		{"the description", "nobody", "GET", "/openapi.json", "", nil, "", "[] []"},
	} {
		got := p.call(c.tenant, c.method, c.path, c.body, c.headers...)
		if string(got.code) != c.code || got.left() != c.left {
			t.Errorf("%s: %d %q, %s left; want %q, %s: %s", c.name, got.status, got.code, got.left(), c.code, c.left, got.body)
		}
		if got.header.Get("Vendgate-Request-Id") == "" {
			t.Errorf("%s: the answer has no request id", c.name)
		}
	}
}

// TestBudgets: the defaults, and what a refusal says. What is refused is not done.
func TestBudgets(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme"), keyed(t, "poor", "budget api 2", "budget token 3"))
	id := p.imported("poor")
	if got := p.call("acme", "GET", "/apps", ""); got.left() != "api 120 119" {
		t.Errorf("by default: %s", got.left())
	}
	for i := range 3 {
		got := p.call("poor", "POST", "/connections/request-link", `{"app_id":"key","name":"One"}`)
		if limited := got.code == "rate_limited"; limited != (i == 2) || limited && got.header.Get("Retry-After") != "30" {
			t.Errorf("call %d: %d %q, Retry-After %q", i+1, got.status, got.code, got.header.Get("Retry-After"))
		}
	}
	if got := p.call("poor", "DELETE", "/connections/"+id, ""); got.code != "rate_limited" {
		t.Errorf("deleting: %d %s", got.status, got.body)
	}
	for i := range 4 {
		got := p.call("poor", "POST", "/connections/"+id+"/token", "")
		if limited := got.code == "rate_limited"; limited != (i == 3) || limited && got.header.Get("Retry-After") != "20" ||
			limited == strings.Contains(got.body, canary) {
			t.Errorf("vend %d: %d %q, Retry-After %q", i+1, got.status, got.code, got.header.Get("Retry-After"))
		}
	}
	if _, total, err := p.store.Connections(context.Background(), connect.Filter{Tenant: "poor"}); err != nil ||
		total != 3 {
		t.Errorf("%d connections, %v; want the first and two by link", total, err)
	}
}

// TestEndpointsNeedTheirCapability: a key with one capability reaches the endpoints of that group
// and no other.
func TestEndpointsNeedTheirCapability(t *testing.T) {
	var config []string
	for _, granted := range policy.AllCapabilities {
		config = append(config, keyed(t, string(granted), "capabilities "+string(granted)))
	}
	p := startPlatform(t, config...)
	path := strings.NewReplacer("{app}", "key", "{id}", "conn_x", "{name}", "mine", "{token}", "x")
	for _, e := range api.Endpoints {
		for _, granted := range policy.AllCapabilities {
			got := p.call(string(granted), e.Method, path.Replace(e.Pattern), "", mcpHeaders...)
			if refused := got.code == "capability_disabled"; refused != (e.Needs != "" && e.Needs != granted) {
				t.Errorf("%s %s with the capability %s: %d %q", e.Method, e.Pattern, granted, got.status, got.code)
			}
		}
	}
}

// TestPlatformKeys: where a key may stand, and which do not count.
func TestPlatformKeys(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme"), keyed(t, "other", "apps openai"))
	basic := func(user, password string) string {
		return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
	}
	for name, c := range map[string]struct {
		headers []string
		code    string
	}{
		"bearer":                  {nil, ""},
		"scheme in lower case":    {[]string{"Authorization: bearer " + keyOf("acme")}, ""},
		"its own header":          {[]string{"Authorization:", "X-Vendgate-Key: " + keyOf("acme")}, ""},
		"beside another's":        {[]string{"Authorization: Bearer sk-theirs", "X-Vendgate-Key: " + keyOf("acme")}, ""},
		"basic":                   {[]string{basic(keyOf("acme"), "")}, ""},
		"basic with a password":   {[]string{basic(keyOf("acme"), "x")}, ""},
		"none":                    {[]string{"Authorization:"}, "invalid_tenant_key"},
		"unknown":                 {[]string{"Authorization: Bearer " + keyOf("nobody")}, "invalid_tenant_key"},
		"cut":                     {[]string{"Authorization: Bearer " + keyOf("acme")[:50]}, "invalid_tenant_key"},
		"two spaces":              {[]string{"Authorization: Bearer  " + keyOf("acme")}, "invalid_tenant_key"},
		"without a scheme":        {[]string{"Authorization: " + keyOf("acme")}, "invalid_tenant_key"},
		"another scheme":          {[]string{"Authorization: ApiKey " + keyOf("acme")}, "invalid_tenant_key"},
		"as a password":           {[]string{basic("x", keyOf("acme"))}, "invalid_tenant_key"},
		"its own header is wrong": {[]string{"X-Vendgate-Key: " + keyOf("nobody")}, "invalid_tenant_key"},
		"in another's own header": {[]string{"Authorization:", "X-Api-Key: " + keyOf("acme")}, "invalid_tenant_key"},
		"the other tenant's":      {[]string{"X-Vendgate-Key: " + keyOf("other")}, "policy_denied"},
		"in its own header, basic": {[]string{"Authorization:", "X-Vendgate-Key: Bearer " + keyOf("acme")},
			"invalid_tenant_key"},
	} {
		got := p.call("acme", "GET", "/apps/key", "", c.headers...)
		if string(got.code) != c.code || strings.Contains(got.body, keyOf("acme")) {
			t.Errorf("%s: %d %q, want %q", name, got.status, got.code, c.code)
		}
		if challenge := got.header.Get("WWW-Authenticate"); (challenge != "") != (got.status == http.StatusUnauthorized) {
			t.Errorf("%s: WWW-Authenticate %q", name, challenge)
		}
	}
	twice := p.Request("GET", api.Base+"/apps/key", nil, "Authorization: Bearer "+keyOf("acme"))
	twice.Header.Add("Authorization", "Bearer "+keyOf("acme"))
	if got := p.send(twice); got.code != "invalid_request" {
		t.Errorf("twice: %d %q", got.status, got.code)
	}
}

// TestKeysOfTheStore: a key counts from when it was minted, in a running gateway, until it was
// retired or its tenant disabled.
func TestKeysOfTheStore(t *testing.T) {
	p := startPlatform(t, "tenant_defaults {\n budget api unlimited\n}") // who polls spends
	ctx := context.Background()
	first, err := p.store.CreateTenant(ctx, connect.Tenant{ID: "acme", Email: opsEmail})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(key string) string {
		return string(p.call("acme", "GET", "/apps", "", "Authorization: Bearer "+key).code)
	}
	waitFor := func(what, key, code string) {
		t.Helper()
		within(t, what, func() bool { return ask(key) == code })
	}
	waitFor("a new tenant's key", first, "")
	second, err := p.store.RotateKey(ctx, "acme")
	if err != nil {
		t.Fatal(err)
	}
	waitFor("a second key", second, "")
	if got := ask(first); got != "" {
		t.Errorf("after rotating, the first key is %q", got)
	}
	if err := p.store.PromoteKey(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	waitFor("retiring the first key", first, "invalid_tenant_key")
	if got := ask(second); got != "" {
		t.Errorf("after promoting, the second key is %q", got)
	}
	if err := p.store.DisableTenant(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	waitFor("disabling the tenant", second, "invalid_tenant_key")
}

// TestEndUsers: who is named, is one bare address, whatever its case.
func TestEndUsers(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme"))
	id := p.imported("acme")
	for user, code := range map[string]string{
		"alice@example.com": "", " ALICE@Example.com ": "", "bob@example.com": "connection_deleted",
		"alice": "invalid_user_email", "Alice <alice@example.com>": "invalid_user_email",
		"alice@example.com, bob@example.com":      "invalid_user_email",
		"alice@example.com\u00a0":                 "invalid_user_email",
		strings.Repeat("a", 250) + "@example.com": "invalid_user_email",
	} {
		r := p.Request("GET", api.Base+"/connections/"+id, nil, "Authorization: Bearer "+keyOf("acme"))
		r.Header["X-User-Email"] = []string{user}
		if got := p.send(r); string(got.code) != code {
			t.Errorf("%q: %d %q, want %q", user, got.status, got.code, code)
		}
	}
	r := p.Request("GET", api.Base+"/connections/"+id, nil, "Authorization: Bearer "+keyOf("acme"))
	r.Header["X-User-Email"] = []string{"alice@example.com", "alice@example.com"}
	if got := p.send(r); got.code != "invalid_user_email" {
		t.Errorf("twice: %d %q", got.status, got.code)
	}
	if got := p.call("acme", "GET", "/apps", "", "X-User-Email: nonsense"); got.status != http.StatusOK {
		t.Errorf("the catalog asks for no end user: %d %q", got.status, got.code)
	}
}

// TestRequestsAreAudited: each change is in the audit trail, with who made it and by which request.
func TestRequestsAreAudited(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme", "email "+opsEmail))
	id := p.imported("acme")
	url := p.mcpURL("acme")
	digest := policy.DigestOf(keyOf("acme"))
	actor := fmt.Sprintf("api key %x", digest[:6])
	for _, c := range []struct {
		event connect.Event
		actor string
		got   answered
	}{
		{connect.LinkCreated, actor, p.call("acme", "POST", "/connections/request-link", `{"app_id":"key","name":"One"}`)},
		{connect.LinkCreated, actor, p.call("acme", "POST", "/connections/"+id+"/request-link", "")},
		{connect.HoldPlaced, actor, p.call("acme", "PUT", "/connections/"+id+"/holds/mine", "")},
		{connect.HoldReleased, actor, p.call("acme", "DELETE", "/connections/"+id+"/holds/mine", "")},
		{connect.ConnectionDeleted, actor, p.call("acme", "DELETE", "/connections/"+id, "")},
		{connect.LinkCreated, actor, p.tool("/mcp", "create_connection_link", `{"app_id":"key","name":"Two"}`,
			"Authorization: Bearer "+keyOf("acme"), "X-User-Email: bob@example.com")},
		{connect.LinkCreated, "mcp url", p.tool(url, "create_connection_link", `{"app_id":"key","name":"Three"}`)},
	} {
		rows, _, err := p.store.Audit(context.Background(), connect.AuditFilter{Tenant: "acme", Event: c.event, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		request := c.got.header.Get("Vendgate-Request-Id")
		found := 0
		for _, r := range rows {
			if r.Request == request && r.Actor == c.actor {
				found++
			}
		}
		if found != 1 || request == "" {
			t.Errorf("%s by %s, request %q: %d rows in %+v; answered %s", c.event, c.actor, request, found, rows, c.got.body)
		}
	}
}
