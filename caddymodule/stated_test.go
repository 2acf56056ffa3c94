package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// TestEmptyBoundsInJSON: a member that is there and says nothing is not the same as one that is
// left out. Of fields that do not exist Caddy's own strictness must stay.
func TestEmptyBoundsInJSON(t *testing.T) {
	tenant := func(members string) string {
		return `"tenants": [{"id": "acme", "key_digests": ["` + strings.Repeat("0", 64) + `"], ` + members + `}]`
	}
	for members, want := range map[string]string{
		tenant(`"apps": []`):                                                       `tenant "acme": apps is empty`,
		tenant(`"apps": [""]`):                                                     `tenant "acme": apps is empty`,
		tenant(`"apps": ["gmail", " "]`):                                           `tenant "acme": apps is empty`,
		tenant(`"apps": null`):                                                     `tenant "acme": apps is empty`,
		tenant(`"Apps": []`):                                                       `tenant "acme": apps is empty`,
		tenant(`"capabilities": []`):                                               `tenant "acme": capabilities is empty`,
		tenant(`"capabilities": [""]`):                                             `tenant "acme": capabilities is empty`,
		tenant(`"rules": []`):                                                      `tenant "acme": rules is empty`,
		tenant(`"rules": [null]`):                                                  `tenant "acme": rules is empty`,
		tenant(`"rules": [{"app": "gmail", "methods": []}]`):                       `tenant "acme": rule 1: methods is empty`,
		tenant(`"rules": [{"app": "gmail", "methods": [""]}]`):                     `tenant "acme": rule 1: methods is empty`,
		tenant(`"rules": [{"app": "gmail", "methods": null}]`):                     `tenant "acme": rule 1: methods is empty`,
		tenant(`"rules": [{"app": "gmail"}, {"app": "gmail", "path": ""}]`):        `tenant "acme": rule 2: path is empty`,
		tenant(`"rules": [{"app": "gmail", "PATH": null}]`):                        `tenant "acme": rule 1: path is empty`,
		tenant(`"rules": [{"app": "gmail", "deny": null}]`):                        `tenant "acme": rule 1: deny is empty`,
		tenant(`"rules": [{"app": "", "path": "/x"}]`):                             `tenant "acme": rule 1: app is empty`,
		tenant(`"rules": [{"app": "gmail", "methods": ["{env.METHODS}"]}]`):        `not expanded in rules`,
		tenant(`"rules": [{"app": "gmail", "deny": true, "path": "/{env.X}/**"}]`): `not expanded in rules`,
		tenant(`"rules": [{"app": "gmail", "deny": true, "methods": ["*"]}]`):      `letters and -`,
		tenant(`"max_body": null`):                                                 `max_body is empty`,
		tenant(`"max_in_flight": null`):                                            `max_in_flight is empty`,
		tenant(`"budgets": {}`):                                                    `budgets is empty`,
		tenant(`"budgets": {"connection": null}`):                                  `budgets: connection is empty`,
		tenant(`"budgets": {"apps": {}}`):                                          `budgets: apps is empty`,
		tenant(`"budgets": {"apps": {"gmail": null}}`):                             `budgets: apps: gmail is empty`,
		tenant(`"source": ""`):                                                     `source is empty`,
		tenant(`"appz": []`):                                                       `unknown field "appz"`,
		`"tenant_defaults": {"apps": []}`:                                          `tenant_defaults: apps is empty`,
		`"tenant_defaults": {"rules": [{"app": "*", "path": " "}]}`:                `tenant_defaults: rule 1: path is empty`,
		`"oauth_clients": [{"app": "gmail", "client_id": "x", "tenant": ""}]`:      `oauth_client "gmail": tenant is empty`,
		`"oauth_clients": [{"app": "gmail", "client_id": "x", "scopes": []}]`:      `oauth_client "gmail": scopes is empty`,
		`"vend_timout": 1`:                                                         `unknown field "vend_timout"`,
		tenant(`"max_body": 0, "budgets": {"token": 0}, "apps": ["gmail"]`):        "",
		tenant(`"rules": [{"app": "gmail", "methods": ["GET"], "path": "/x"}]`):    "",
	} {
		t.Run(members, func(t *testing.T) {
			config := &caddy.Config{Admin: &caddy.AdminConfig{Disabled: true}}
			config.AppsRaw = caddy.ModuleMap{
				"vendgate": json.RawMessage(fmt.Sprintf(`{"data_dir": %q, %s}`, t.TempDir(), members))}
			err := caddy.Validate(config)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v, want %q", err, want)
			}
		})
	}
}
