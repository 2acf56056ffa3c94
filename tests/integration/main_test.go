// Package integration runs whole gateways against real sockets: protocols, streams, sizes, reloads.
package integration

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"github.com/vendgate/vendgate/tests/harness"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, harness.LeakOptions()...)
}

// keyApp configures the app `key`, whose credential goes into a header, over a provider at url.
func keyApp(url string) string {
	return fmt.Sprintf(`
	app key {
		auth_type api_key
		upstream %s
		field api_key "API key" secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8
	}
`, url)
}

// staticSource configures one connection of that app for tenant acme, and the tenant.
func staticSource(t testing.TB) string {
	t.Helper()
	return `
	source static {
		connection c1 {
			tenant acme
			app key
			field api_key ` + harness.Secret(t, "VG_KEY", canary) + `
		}
	}
	tenant acme {
		key ` + harness.Secret(t, "VG_TENANT_A", harness.KeyA) + `
		budget token unlimited
	}
`
}

const canary = "sk-canary-4b1f0a9c2d"

func tempFile(t testing.TB, content []byte) string {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}
