package integration

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/api"
	"github.com/vendgate/vendgate/tests/harness"
)

// within polls f for as long as a change in the store may take to reach a gateway, and some more.
func within(t testing.TB, what string, f func() bool) {
	t.Helper()
	harness.Within(t, what, 10*time.Second, f)
}

// keyedTransport adds what an MCP client is configured to send.
type keyedTransport struct {
	http.RoundTripper
	header http.Header
}

func (k keyedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range k.header {
		r.Header[name] = values
	}
	return k.RoundTripper.RoundTrip(r)
}

// TestOfficialClient: by both URLs, the SDK's own client finds the four tools and calls each.
func TestOfficialClient(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme", "email "+opsEmail))
	ops, alices := p.importedFor("acme", opsEmail, "key"), p.imported("acme")
	header := http.Header{"Authorization": {"Bearer " + keyOf("acme")}, "X-User-Email": {harness.Alice}}
	for path, c := range map[string]struct {
		header http.Header
		id     string
	}{"/mcp": {header, alices}, p.mcpURL("acme"): {nil, ops}} {
		client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
		transport := &mcp.StreamableClientTransport{
			Endpoint: p.URL + api.Base + path, HTTPClient: &http.Client{Transport: keyedTransport{p.Client.Transport, c.header}},
			MaxRetries: -1,
		}
		session, err := client.Connect(t.Context(), transport, nil)
		if err != nil {
			t.Fatal(err)
		}
		listed, err := session.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, tool := range listed.Tools {
			names = append(names, tool.Name)
		}
		slices.Sort(names)
		if got := strings.Join(names,
			" "); got != "check_connection_status create_connection_link list_connections search_apps" {
			t.Errorf("tools: %s", got)
		}
		for _, tool := range []struct {
			name string
			args map[string]any
			want string
		}{
			{"search_apps", map[string]any{"query": "key"}, `"id":"key"`},
			{"check_connection_status", map[string]any{"connection_id": c.id}, `"status":"active"`},
			{"list_connections", nil, `"id":"` + c.id + `"`},
			{"create_connection_link", map[string]any{"app_id": "key", "name": "One"}, `"request_link":"` + p.URL + "/connect/"},
		} {
			res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool.name, Arguments: tool.args})
			if err != nil {
				t.Fatal(err)
			}
			if text := res.Content[0].(*mcp.TextContent).Text; res.IsError || !strings.Contains(text, tool.want) ||
				strings.Contains(text, canary) {
				t.Errorf("%s: %s", tool.name, text)
			}
		}
		_ = session.Close() // there is no session on the other side
	}
}

// TestMCPCallers: the header endpoint acts for whom the header names, and the URL for the tenant's
// own account, whatever the headers say.
func TestMCPCallers(t *testing.T) {
	p := startPlatform(t, keyed(t, "acme", "email Ops@ACME.example"), keyed(t, "nameless"),
		keyed(t, "weak", "capabilities apps", "email "+opsEmail))
	ops, alices := p.importedFor("acme", opsEmail, "key"), p.imported("acme")
	url := p.mcpURL("acme")
	key, alice := "Authorization: Bearer "+keyOf("acme"), "X-User-Email: "+harness.Alice
	for name, c := range map[string]struct {
		path    string
		headers []string
		code    string
		want    string
		never   string
	}{
		"for Alice":                    {"/mcp", []string{key, alice}, "", alices, ops},
		"for nobody":                   {"/mcp", []string{key}, "invalid_user_email", "", ops},
		"without a key":                {"/mcp", []string{alice}, "invalid_tenant_key", "", alices},
		"by the URL":                   {url, nil, "", ops, alices},
		"by the URL, headers are moot": {url, []string{"Authorization: Bearer " + keyOf("nobody"), alice}, "", ops, alices},
		"by a changed URL":             {url[:len(url)-1] + "-", nil, "invalid_tenant_key", "", ops},
		"by a guessed URL": {"/mcp/" + strings.Repeat("0", 33), []string{key, alice}, "invalid_tenant_key", "",
			alices},
		"by the URL of a tenant without an address": {p.mcpURL("nameless"), nil, "invalid_user_email", "", "conn_"},
		"by the URL of a weak tenant":               {p.mcpURL("weak"), nil, "", "capability_disabled: ", "conn_"},
	} {
		got := p.tool(c.path, "list_connections", "{}", c.headers...)
		if string(got.code) != c.code || !strings.Contains(got.body, c.want) || strings.Contains(got.body, c.never) {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	for _, path := range []string{"/mcp", url} {
		for _, method := range []string{"GET", "DELETE"} {
			got := p.call("acme", method, path, "")
			if got.status != 405 || got.header.Get("Allow") != "POST" {
				t.Errorf("%s %s: %d %v", method, path[:4], got.status, got.header)
			}
		}
	}
	if log := p.Log(); strings.Contains(log, strings.TrimPrefix(url, "/mcp/")) {
		t.Error("the log has the token of an MCP URL")
	}
}

// TestMCPURLEnds: one that was replaced is dead at once, and that of a disabled tenant as soon as
// its keys are.
func TestMCPURLEnds(t *testing.T) {
	p := startPlatform(t, "tenant_defaults {\n budget api unlimited\n}") // who polls spends
	ctx := context.Background()
	if _, err := p.store.CreateTenant(ctx, connect.Tenant{ID: "acme", Email: opsEmail}); err != nil {
		t.Fatal(err)
	}
	code := func(url string) string { return string(p.tool(url, "list_connections", "{}").code) }
	first := p.mcpURL("acme")
	within(t, "a new tenant's URL", func() bool { return code(first) == "" })
	second := p.mcpURL("acme")
	if got := code(first); got != "invalid_tenant_key" {
		t.Errorf("the replaced URL: %q", got)
	}
	if got := code(second); got != "" {
		t.Errorf("the new URL: %q", got)
	}
	if err := p.store.DisableTenant(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	if got := code(second); got != "invalid_tenant_key" {
		t.Errorf("the URL of a disabled tenant: %q", got)
	}
}

// TestMCPOrigin: a page of another origin may not call the MCP server, by whichever URL and method,
// with a key or without. It costs the tenant nothing. Programs send no Origin.
func TestMCPOrigin(t *testing.T) {
	p := startPlatform(t, "public_url https://gw.example\n", keyed(t, "acme", "email "+opsEmail, "budget api 3"))
	p.importedFor("acme", opsEmail, "key")
	url := p.mcpURL("acme")
	for _, path := range []string{"/mcp", url, "/mcp/" + strings.Repeat("0", 33)} {
		for _, origin := range []string{"https://evil.example", "null", p.URL, "http://gw.example", "https://gw.example:8443",
			"https://gw.example/"} {
			got := p.tool(path, "list_connections", "{}", "Authorization: Bearer "+keyOf("acme"), "X-User-Email: "+opsEmail,
				"Origin: "+origin)
			if got.status != http.StatusForbidden || got.code != "policy_denied" || strings.Contains(got.body, "conn_") ||
				got.header.Get("RateLimit") != "" {
				t.Errorf("%s from %s: %d %s", path[:4], origin, got.status, got.body)
			}
		}
		for _, method := range []string{"GET", "DELETE", "OPTIONS", "PUT"} {
			request := method + " " + api.Base + path +
				" HTTP/1.1\r\nHost: gw.example\r\nOrigin: https://evil.example\r\nConnection: close\r\n\r\n"
			if got := harness.Raw(t, strings.TrimPrefix(p.URL, "http://"), request); !strings.HasPrefix(got, "HTTP/1.1 403 ") {
				t.Errorf("%s %s: %q", method, path[:4], got)
			}
		}
		twice := "POST " + api.Base + path +
			" HTTP/1.1\r\nHost: gw.example\r\nOrigin: https://gw.example\r\norigin: https://gw.example\r\n" +
			"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
		if got := harness.Raw(t, strings.TrimPrefix(p.URL, "http://"), twice); !strings.HasPrefix(got, "HTTP/1.1 403 ") {
			t.Errorf("two of them, at %s: %q", path[:4], got)
		}
	}
	for _, origin := range []string{"Origin: https://gw.example", "Origin: https://GW.example:443", "Origin:"} {
		if got := p.tool(url, "list_connections", "{}", origin); got.status != http.StatusOK ||
			!strings.Contains(got.body, "conn_") {
			t.Errorf("%s: %d %s", origin, got.status, got.body)
		}
	}
}

// TestWarningOfHost: a start without public_url says once what follows from it.
func TestWarningOfHost(t *testing.T) {
	const warning = "public_url is not set: request links, redirect URIs, and the origin that may call the MCP server " +
		"follow the Host header"
	if log := startPlatform(t).Log(); strings.Count(log, warning) != 1 ||
		!strings.Contains(log, "write public_url https://HOST") {
		t.Errorf("logged %s", log)
	}
}

func TestNoWarningOfHost(t *testing.T) {
	if log := startPlatform(t, "public_url https://gw.example\n").Log(); strings.Contains(log, "public_url") {
		t.Errorf("logged %s", log)
	}
}
