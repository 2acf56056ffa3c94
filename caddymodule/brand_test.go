package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestProvisionBrands holds mistakes in how a tenant appears, and in the scopes of a client,
// against their errors, where the configuration is JSON and no Caddyfile's parser was there to see
// them.
func TestProvisionBrands(t *testing.T) {
	harness.Secret(t, "VG_KEY_A", harness.KeyA)
	for name, tt := range map[string]struct{ tenant, client, want string }{
		"display_name": {`"display_name": "Acme\nIndustries"`, "",
			"tenant acme: display_name: must be at most 100 bytes of text without control characters, at Caddyfile:7"},
		"email": {`"email": "nobody"`, "",
			"tenant acme: email: write one bare address, like dev@acme.example, at Caddyfile:7"},
		"logo_url": {`"logo_url": "javascript:alert(1)"`, "",
			"tenant acme: logo_url: write an https URL of at most 1000 bytes, without user info or quotes, at Caddyfile:7"},
		"accent": {`"accent": "red;background:url(x)"`, "",
			"tenant acme: accent: write a colour like #0a66c2, at Caddyfile:7"},
		"frame_ancestors": {`"frame_ancestors": ["https://a.example; script-src *"]`, "",
			"tenant acme: frame_ancestors: write origins like https://app.example.com, at Caddyfile:7"},
		"scopes": {`"email": "dev@acme.example"`, `"scopes": ["openid email"]`,
			"oauth_client gmail: scopes: write each by itself, 1 to 200 bytes of visible ASCII without spaces, quotes and " +
				"backslashes, at Caddyfile:9"},
		"nothing wrong": {`"email": "Dev@acme.example", "display_name": "Acme", "accent": "#0A66C2"`,
			`"scopes": ["openid"]`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := `"app": "gmail", "client_id": "x", "defined_at": "Caddyfile:9"`
			if tt.client != "" {
				client += ", " + tt.client
			}
			config := &caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}}
			config.AppsRaw = caddy.ModuleMap{"vendgate": json.RawMessage(fmt.Sprintf(
				`{"data_dir": %q, "tenants": [{"id": "acme", "keys": ["{env.VG_KEY_A}"], "defined_at": "Caddyfile:7", %s}], `+
					`"oauth_clients": [{%s}]}`,
				t.TempDir(), tt.tenant, client))}
			err := caddy.Validate(config)
			checkPoolsEmpty(t)
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
