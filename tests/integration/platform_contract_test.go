package integration

import (
	"context"
	"database/sql"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // to spoil a store with

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// contract is a gateway in which every described answer can be had, and those that came.
type contract struct {
	*platform
	// The tenants' MCP URLs.
	mcp, mcpNameless, mcpPoor string
	seen                      map[string]map[vending.Code]bool
	ok                        map[string]bool
}

const (
	linkBody = `{"app_id":"key","name":"One"}`
	pingBody = `{"jsonrpc":"2.0","id":1,"method":"ping"}`
)

func startContract(t *testing.T) *contract {
	t.Helper()
	c := &contract{platform: startPlatform(t,
		keyed(t, "acme", "email "+opsEmail, "budget api unlimited"),
		keyed(t, "weak", "capabilities apps", "budget api unlimited"), keyed(t, "blind", "capabilities delete"),
		keyed(t, "narrow", "apps openai"), keyed(t, "nameless"), keyed(t, "poor", "budget api 1", "budget token 1",
			"email "+opsEmail)), seen: make(map[string]map[vending.Code]bool), ok: make(map[string]bool)}
	c.mcp, c.mcpNameless, c.mcpPoor = c.mcpURL("acme"), c.mcpURL("nameless"), c.mcpURL("poor")
	c.call("poor", "GET", "/apps", "")
	c.call("poor", "POST", "/connections/conn_x/token", "")
	return c
}

// path is an endpoint's path for a connection, or under the MCP URL that is given.
func (c *contract) path(e api.Endpoint, id, mcp string) string {
	return strings.NewReplacer("{app}", "key", "{id}", id, "{name}", "mine", "/mcp/{token}", mcp).Replace(e.Pattern)
}

// ask makes a call of an endpoint that must be answered with a code, and counts it.
func (c *contract) ask(e api.Endpoint, want vending.Code, tenant, path, body string, headers ...string) {
	c.t.Helper()
	if strings.HasPrefix(e.Pattern, "/mcp") {
		headers = append(slices.Clone(mcpHeaders), headers...)
	}
	key := e.Method + " " + e.Pattern
	got := c.call(tenant, e.Method, path, body, headers...)
	if got.code != want {
		c.t.Errorf("%s: %d %q, want %q: %s", key, got.status, got.code, want, got.body)
	}
	if c.seen[key] == nil {
		c.seen[key] = make(map[vending.Code]bool)
	}
	c.seen[key][got.code] = true
	c.ok[key] = c.ok[key] || got.status < 300 || got.status == 405
}

// TestEveryDescribedAnswer: whatever the description says an endpoint may answer, it does, but for
// what fails within.
func TestEveryDescribedAnswer(t *testing.T) {
	c := startContract(t)
	for _, e := range api.Endpoints {
		c.askCommon(e)
		c.askOwn(e)
	}
	for _, e := range api.Endpoints {
		key := e.Method + " " + e.Pattern
		if !c.ok[key] {
			t.Errorf("%s was never served", key)
		}
		for code := range c.description.Codes(e.Method, e.Pattern) {
			if !c.seen[key][code] && code != vending.InternalError && code != vending.UpstreamUnavailable {
				t.Errorf("%s never answered %s", key, code)
			}
		}
	}
}

// askCommon asks for what comes before the endpoint's own work.
func (c *contract) askCommon(e api.Endpoint) {
	c.t.Helper()
	id := c.imported("acme")
	body := map[string]string{"/connections/request-link": linkBody, "/mcp": pingBody, "/mcp/{token}": pingBody}[e.Pattern]
	c.ask(e, "", "acme", c.path(e, id, c.mcp), body)
	c.askNoHost(e, c.path(e, id, c.mcp), body)
	if e.Public {
		return
	}
	path := c.path(e, "conn_x", "/mcp/unknown")
	c.ask(e, vending.InvalidTenantKey, "nobody", path, body)
	c.ask(e, vending.RateLimited, "poor", c.path(e, "conn_x", c.mcpPoor), body)
	if e.Needs != "" {
		tenant := "weak"
		if e.Needs == "apps" {
			tenant = "blind"
		}
		c.ask(e, vending.CapabilityDisabled, tenant, path, body)
	}
	switch {
	case e.ByURL:
		c.ask(e, vending.InvalidUserEmail, "acme", c.path(e, "", c.mcpNameless), body)
	case e.ForUser:
		c.ask(e, vending.InvalidUserEmail, "acme", path, body, "X-User-Email: nonsense")
	}
}

// askNoHost sends a Host header that could not stand in a link, which is refused whatever the call.
func (c *contract) askNoHost(e api.Endpoint, path, body string) {
	c.t.Helper()
	r := c.Request(e.Method, api.Base+path, []byte(body))
	r.Host = "a'b"
	got := c.send(r)
	if got.code != vending.InvalidRequest {
		c.t.Errorf("%s %s: %d %q", e.Method, e.Pattern, got.status, got.code)
	}
	c.seen[e.Method+" "+e.Pattern][got.code] = true
}

// askOwn asks for what only some endpoints answer.
func (c *contract) askOwn(e api.Endpoint) {
	c.t.Helper()
	large := strings.Repeat(" ", 64<<10+1)
	switch e.Method + " " + e.Pattern {
	case "GET /apps/{app}":
		c.ask(e, vending.UnknownApp, "acme", "/apps/nothing", "")
		c.ask(e, vending.PolicyDenied, "narrow", "/apps/key", "")
	case "POST /connections/request-link":
		c.ask(e, vending.UnknownApp, "acme", e.Pattern, `{"app_id":"nothing","name":"One"}`)
		c.ask(e, vending.PolicyDenied, "narrow", e.Pattern, linkBody)
		c.ask(e, vending.RequestTooLarge, "acme", e.Pattern, large)
	case "POST /connections/{id}/request-link", "POST /connections/{id}/token":
		c.ask(e, vending.ConnectionDeleted, "acme", c.path(e, "conn_x", ""), "")
		c.ask(e, vending.UnknownApp, "acme", c.path(e, c.importedFor("acme", harness.Alice, "left"), ""), "")
		c.ask(e, vending.PolicyDenied, "narrow", c.path(e, c.imported("narrow"), ""), "")
	case "GET /connections/{id}", "DELETE /connections/{id}", "PUT /connections/{id}/holds/{name}",
		"DELETE /connections/{id}/holds/{name}":
		c.ask(e, vending.ConnectionDeleted, "acme", c.path(e, "conn_x", ""), "")
	case "POST /mcp", "POST /mcp/{token}":
		c.ask(e, vending.RequestTooLarge, "acme", c.path(e, "", c.mcp), large)
	}
	if strings.HasPrefix(e.Pattern, "/mcp") {
		c.ask(e, vending.PolicyDenied, "acme", c.path(e, "", c.mcp), "", "Origin: https://elsewhere.example")
	}
	switch e.Method + " " + e.Pattern {
	case "DELETE /connections/{id}":
		id := c.imported("acme")
		c.call("acme", "PUT", "/connections/"+id+"/holds/mine", "")
		c.ask(e, vending.ConnectionInUse, "acme", c.path(e, id, ""), "")
	case "POST /connections/{id}/token":
		c.ask(e, vending.ConnectionNotActive, "acme", c.path(e, c.pending(), ""), "")
		c.ask(e, vending.NeedsReconnection, "acme", c.path(e, c.ended(), ""), "")
	}
}

// pending is a connection whose link nobody has used.
func (c *contract) pending() string {
	c.t.Helper()
	l, err := c.store.CreateLink(context.Background(),
		connect.Connection{Tenant: "acme", User: harness.Alice, App: "key", Name: "One", AuthType: vending.APIKey})
	if err != nil {
		c.t.Fatal(err)
	}
	return l.Connection.ID
}

// ended is a connection whose grant the provider refused for good.
func (c *contract) ended() string {
	c.t.Helper()
	ctx := context.Background()
	gmail := connect.Connection{Tenant: "acme", User: harness.Alice, App: "gmail", AuthType: vending.OAuth}
	id, err := c.store.ImportConnection(ctx, gmail, connect.NewGrant(connect.GrantValues{AccessToken: canary}))
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.store.UpdateGrant(ctx, id, 1, connect.NewGrant(connect.GrantValues{RefreshToken: canary}),
		true); err != nil {
		c.t.Fatal(err)
	}
	return id
}

// TestBrokenStore: what fails within is a defect to the caller, and the log alone knows which.
func TestBrokenStore(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme"))
	db, err := sql.Open("sqlite", filepath.Join(p.dir, "vendgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec("PRAGMA legacy_alter_table = ON; ALTER TABLE connections RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/connections", ""}, {"GET", "/connections/conn_x", ""}, {"DELETE", "/connections/conn_x", ""},
		{"POST", "/connections/conn_x/token", ""},
		{"POST", "/connections/request-link", linkBody}, {"POST", "/connections/conn_x/request-link", ""},
		{"PUT", "/connections/conn_x/holds/mine", ""},
	} {
		if got := p.call("acme", call.method, call.path, call.body); got.code != vending.InternalError ||
			strings.Contains(got.body, "connections") {
			t.Errorf("%s %s: %d %s", call.method, call.path, got.status, got.body)
		}
	}
	if log := p.Log(); strings.Count(log, "\"call failed\"") != 7 ||
		!strings.Contains(log, "no such table") {
		t.Errorf("logged %s", log)
	}
}

// TestSlowStore: a call that ran out of its time may be tried again.
func TestSlowStore(t *testing.T) {
	p := startPlatform(t, "vend_timeout 1ns", keyed(t, "acme"))
	id := p.imported("acme")
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/connections", ""}, {"GET", "/connections/" + id, ""}, {"DELETE", "/connections/" + id, ""},
		{"POST", "/connections/" + id + "/token", ""},
		{"POST", "/connections/request-link", linkBody},
	} {
		if got := p.call("acme", call.method, call.path, call.body); got.code != vending.UpstreamUnavailable {
			t.Errorf("%s %s: %d %s", call.method, call.path, got.status, got.body)
		}
	}
}
