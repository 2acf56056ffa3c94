package caddymodule_test

import (
	"net/http"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// staticGateway is a `vendgate` block with tenant acme and connection c1 of the app `key`.
func staticGateway(t testing.TB, addr string) string {
	t.Helper()
	return harness.KeyApp(addr) + `source static {
		connection c1 {
			tenant acme
			app key
			field api_key ` + harness.Secret(t, "VG_API_KEY", "sk-canary-for-the-provider") + `
		}
	}
	tenant acme {
		key ` + harness.Secret(t, "VG_TENANT_KEY", harness.KeyA) + `
	}`
}

// settle returns when the access-log entries of all calls before it are written: Caddy writes one
// after the caller has the answer, but before it reads the next request from the same connection.
func settle(t *testing.T, g *harness.Gateway) {
	t.Helper()
	g.Do(g.Request("GET", "/settle", nil))
}

// oneConnection makes settle possible.
func oneConnection(g *harness.Gateway) { g.Client.Transport.(*http.Transport).MaxConnsPerHost = 1 }
