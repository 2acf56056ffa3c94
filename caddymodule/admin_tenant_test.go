package caddymodule_test

import (
	"fmt"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestAdminTenantChanges enables, changes and deletes a tenant, and ends its MCP URL.
func TestAdminTenantChanges(t *testing.T) {
	dir := t.TempDir()
	a := startAdmin(t, fmt.Sprintf("data_dir %q", dir))
	const acme = "/vendgate/tenants/acme"
	a.ok(201, "POST", "/vendgate/tenants", `{"id":"acme","email":"dev@acme.example"}`)
	a.ok(200, "POST", acme+"/disable", "")
	if got := a.ok(200, "POST", acme+"/enable", ""); got.Data.Disabled || got.Message != "tenant enabled" {
		t.Errorf("enabled: %s", got.body)
	}
	got := a.ok(200, "PATCH", acme, `{"capabilities":["token"],"source":"local"}`)
	if len(got.Data.Capabilities) != 1 || got.Data.Email != "dev@acme.example" {
		t.Errorf("changed: %s", got.body)
	}
	a.ok(200, "POST", acme+"/mcp-url", "")
	a.ok(200, "DELETE", acme+"/mcp-url", "")
	id, err := harness.OpenStore(t, dir).ImportConnection(t.Context(), connect.Connection{Tenant: "acme",
		User: harness.Alice, App: "gmail", AuthType: "o_auth"},
		connect.NewGrant(connect.GrantValues{RefreshToken: "rt"}))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ method, path, body, want string }{
		"not disabled":     {"POST", acme + "/enable", "", connect.ErrTenantEnabled.Error()},
		"no URL":           {"DELETE", acme + "/mcp-url", "", connect.ErrNoMCPURL.Error()},
		"unknown source":   {"PATCH", acme, `{"source":"none"}`, `source: source "none" is not configured`},
		"nothing":          {"PATCH", acme, `{}`, "name at least one of"},
		"unknown tenant":   {"PATCH", "/vendgate/tenants/nobody", `{"email":"a@b.cd"}`, connect.ErrTenantUnknown.Error()},
		"with connections": {"DELETE", acme, "", connect.ErrTenantConnected.Error()},
		"delete unknown":   {"DELETE", "/vendgate/tenants/nobody", "", connect.ErrTenantUnknown.Error()},
	} {
		if got := a.call(c.method, c.path, c.body); got.status != 400 || len(got.Message) < len(c.want) ||
			got.Message[:len(c.want)] != c.want {
			t.Errorf("%s: answered %d %s", name, got.status, got.body)
		}
	}
	if err := harness.OpenStore(t, dir).DeleteConnection(t.Context(), "acme", id); err != nil {
		t.Fatal(err)
	}
	a.ok(200, "DELETE", acme, "")
	if got := a.ok(200, "GET", "/vendgate/tenants", ""); len(got.Data.Tenants) != 0 {
		t.Errorf("deleted: %s", got.body)
	}
}
