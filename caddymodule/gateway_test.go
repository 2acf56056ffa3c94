package caddymodule_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// keyApp is an app that takes its key in a header, over a provider at addr.
func keyApp(addr string) string {
	return fmt.Sprintf(`app key {
		auth_type api_key
		upstream http://%s
		field api_key "API key" secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8
	}
	`, addr)
}

// staticGateway is a `vendgate` block with tenant acme and connection c1 of the app `key`.
func staticGateway(t *testing.T, addr string) string {
	t.Helper()
	return keyApp(addr) + `source static {
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
	do(t, g, g.Request("GET", "/settle", nil))
}

// oneConnection makes settle possible.
func oneConnection(g *harness.Gateway) { g.Client.Transport.(*http.Transport).MaxConnsPerHost = 1 }

// do returns status and body.
func do(t *testing.T, g *harness.Gateway, r *http.Request) (int, string) {
	t.Helper()
	res, err := g.Client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}
