package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

func TestOAuthClientCommands(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("cs-file-NEVER\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	say := func(input string, args ...string) string {
		out := must(t, input, append(append([]string{"oauth-client"}, args...), "--data", dir)...)
		said.WriteString(out)
		return out
	}
	say("cs-stdin-NEVER\n", "set", "gmail", "--client-id", "all.example")
	say("", "set", "gmail", "--client-id", "acme.example", "--tenant", "acme", "--scopes",
		"openid,https://mail.google.com/", "--secret-file", file)
	say("", "set", "slack", "--client-id", "public.example", "--public")
	say("cs-again-NEVER", "set", "gmail", "--client-id", "all-again.example", "--secret-file", "-")

	store := harness.OpenStore(t, dir)
	for _, want := range []struct {
		tenant, app, id, secret string
		scopes                  []string
	}{
		{"", "gmail", "all-again.example", "cs-again-NEVER", nil},
		{"acme", "gmail", "acme.example", "cs-file-NEVER", []string{"openid", "https://mail.google.com/"}},
		{"", "slack", "public.example", "", nil},
	} {
		c, err := store.OAuthClient(t.Context(), want.tenant, want.app)
		if err != nil || c.ID != want.id || !slices.Equal(c.Scopes, want.scopes) {
			t.Errorf("stored for %q and %s: %q with scopes %q, %v", want.tenant, want.app, c.ID, c.Scopes, err)
		}
		if c.Secret.Reveal() != want.secret {
			t.Errorf("the secret of %s is not the one that was given", want.id)
		}
	}
	lines := strings.Split(say("", "list"), "\n")
	for i, want := range []string{
		`^APP +TENANT +CLIENT ID +SECRET +SCOPES +FIELDS +UPDATED$`,
		`^gmail +\* +all-again\.example +sealed +- +- +20\S+Z$`,
		`^gmail +acme +acme\.example +sealed +openid,https://mail\.google\.com/ +- +20\S+Z$`,
		`^slack +\* +public\.example +none +- +- +20\S+Z$`,
	} {
		if !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %d is no %s: %s", i, want, lines[i])
		}
	}
	var rows []struct {
		App, Tenant string
		ClientID    string `json:"client_id"`
		Scopes      []string
		Public      bool
	}
	if err := json.Unmarshal([]byte(say("", "list", "--json", "--tenant", "acme")), &rows); err != nil || len(rows) != 1 ||
		rows[0].Tenant != "acme" || rows[0].ClientID != "acme.example" || len(rows[0].Scopes) != 2 || rows[0].Public {
		t.Errorf("the tenant's own: %+v, %v", rows, err)
	}
	if strings.Contains(said.String(), "NEVER") {
		t.Errorf("a secret is shown: %s", said.String())
	}
	say("", "delete", "gmail", "--tenant", "acme")
	say("", "delete", "slack")
	if left := say("", "list"); strings.Contains(left, "acme") || strings.Contains(left, "slack") ||
		!strings.Contains(left, "all-again.example") {
		t.Errorf("left after delete:\n%s", left)
	}
}

func TestOAuthClientCommandErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	must(t, "", "tenant", "create", "gone", "--email", "dev@gone.example", "--data", dir)
	must(t, "", "tenant", "disable", "gone", "--data", dir)
	own := configOf(t, `app own {
		auth_type o_auth
		upstream https://own.example
		oauth2 {
			token_url https://own.example/token
			grant client_credentials
		}
		field client_id "Client ID"
		field client_secret "Client secret" secret
	}`)
	set := func(app string, more ...string) []string {
		return append([]string{"set", app, "--client-id", "id.example"}, more...)
	}
	for name, tt := range map[string]struct {
		input string
		args  []string
		want  string
	}{
		"no client id":       {"cs-NEVER", []string{"set", "gmail"}, `required flag(s) "client-id" not set`},
		"no app":             {"cs-NEVER", []string{"set", "--client-id", "id.example"}, "accepts 1 arg(s), received 0"},
		"secret as argument": {"", set("gmail", "cs-NEVER"), "accepts 1 arg(s), received 2"},
		"secret as flag":     {"", set("gmail", "--client-secret", "cs-NEVER"), "unknown flag: --client-secret"},
		"unknown app": {"cs-NEVER", set("gmial"),
			`app "gmial" is not in the catalog: correct the slug, which ` + "`app list` searches, or name the --config"},
		"app with a key": {"cs-NEVER", set("openai"), "app openai does not use OAuth"},
		"end user's client": {"cs-NEVER", set("own", "--config", own),
			"each end user of app own enters an OAuth client of their own"},
		"unknown tenant":    {"cs-NEVER", set("gmail", "--tenant", "nobody"), `there is no tenant "nobody" in this store`},
		"disabled tenant":   {"cs-NEVER", set("gmail", "--tenant", "gone"), connect.ErrTenantDisabled.Error()},
		"no secret":         {"", set("gmail"), "the client secret is empty: write it, or --public"},
		"only a line break": {"\n", set("gmail"), "the client secret is empty"},
		"two lines": {"cs-NEVER\nNEVER\n", set("gmail"),
			"client_secret: must be at most 16384 bytes of visible ASCII"},
		"too long": {strings.Repeat("NEVER", 4000), set("gmail"), "client_secret: must be at most 16384 bytes"},
		"endless":  {strings.Repeat("NEVER", 20000), set("gmail"), "the client secret is larger than 65536 bytes"},
		"secret and public": {"cs-NEVER", set("gmail", "--public", "--secret-file", "-"),
			"if any flags in the group [secret-file public] are set none of the others can be"},
		"file missing": {"", set("gmail", "--secret-file", filepath.Join(dir, "none")), "no such file"},
		"bad client id": {"cs-NEVER", set("gmail", "--client-id", "a\nb"),
			"client_id: must be 1 to 512 bytes of visible ASCII"},
		"bad scope": {"cs-NEVER", set("gmail", "--scopes", "openid email"),
			"scopes: write each by itself, 1 to 200 bytes"},
		"delete unknown":     {"", []string{"delete", "gmail"}, connect.ErrNoOAuthClient.Error()},
		"delete of a tenant": {"", []string{"delete", "gmail", "--tenant", "acme"}, connect.ErrNoOAuthClient.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, err := run(t, tt.input, append([]string{"oauth-client", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if said := fmt.Sprint(out, errs, err); strings.Contains(said, "NEVER") {
				t.Errorf("a secret is shown: %s", said)
			}
		})
	}
	if listed := must(t, "", "oauth-client", "list", "--json", "--data", dir); listed != "[]\n" {
		t.Errorf("something was stored: %s", listed)
	}
}

// TestOAuthClientOfConfiguredTenant: a tenant that only the configuration knows may have one.
func TestOAuthClientOfConfiguredTenant(t *testing.T) {
	dir := t.TempDir()
	must(t, "cs-NEVER", "oauth-client", "set", "gmail", "--client-id", "x", "--tenant", "configured", "--data", dir,
		"--config", configOf(t, "tenant configured {\n key {env.NOT_NEEDED_HERE}\n }"))
	if listed := must(t, "", "oauth-client", "list", "--data", dir); !strings.Contains(listed, "configured") {
		t.Errorf("listed:\n%s", listed)
	}
}
