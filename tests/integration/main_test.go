package integration

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// demoApps configures one app of each kind over a provider at addr.
func demoApps(addr string) string {
	return fmt.Sprintf(`
	app key {
		auth_type api_key
		upstream http://%[1]s/base
		field api_key "API key" secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8
	}
`, addr)
}
