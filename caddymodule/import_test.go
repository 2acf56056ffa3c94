package caddymodule_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestImportedCaddyfile: a mistake in an imported file is reported at that file's line, at adapting
// and at the start.
func TestImportedCaddyfile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tenants")
	for name, tt := range map[string]struct{ text, want string }{
		"adapting": {"tenant acme {\n\tbudgets 5\n}\n",
			`unknown option "budgets"; the options here are accent, apps, budget, capabilities, display_name, email, ` +
				`frame_ancestors, key, key_sha256, logo_url, max_body, max_in_flight, rule, source, unconfirmed, user_hint, at ` +
				file + ":2"},
		"starting": {"\ntenant acme {\n\tkey {env.VG_NOT_SET}\n}\n",
			"tenant acme: key: the secret {env.VG_NOT_SET} is missing or empty: set it where the server runs, or name " +
				"another, at " + file + ":2"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := validate(fmt.Sprintf("{\n\tvendgate {\n\t\tsource static\n\t\timport %s\n\t}\n}\n", file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestRenamedApp: pages call an app of the catalog that was given another name by that.
func TestRenamedApp(t *testing.T) {
	for block, want := range map[string]string{
		"name \"Our blog\"": "", "name \"Our blog (staging)\"\n short_name \"Our blog\"": "Our blog",
		"short_name Blog\n name X": "Blog",
	} {
		adapted, err := harness.Adapt("{\n\tvendgate {\n\t\tapp jira-api-token {\n\t\t\t" + block + "\n\t\t}\n\t}\n}\n")
		if err != nil {
			t.Fatal(err)
		}
		var config struct {
			Apps struct {
				Vendgate struct {
					Apps []struct {
						ShortName string `json:"short_name"`
					}
				}
			}
		}
		if err := json.Unmarshal(adapted, &config); err != nil || config.Apps.Vendgate.Apps[0].ShortName != want {
			t.Errorf("%s: %s, %v", block, adapted, err)
		}
	}
}

// TestOverrideLeavesCatalogAlone: what a Caddyfile adds to an app of the catalog must not stay in
// it for the next one.
func TestOverrideLeavesCatalogAlone(t *testing.T) {
	adapt := func(block string) string {
		adapted, err := harness.Adapt("{\n\tvendgate {\n\t\tapp gmail {\n\t\t\t" + block + "\n\t\t}\n\t}\n}\n")
		if err != nil {
			t.Fatal(err)
		}
		return string(adapted)
	}
	before := adapt("errors passthrough")
	adapt("categories extra\nallow_private 10.0.0.0/8\noauth2 {\nauthorize_param hd example.com\nscopes " +
		"none\n}\nheader X-A {access_token}")
	if after := adapt("errors passthrough"); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
}
