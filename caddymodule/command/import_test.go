package command_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// importInto is the command line of an import for alice.
func importInto(dir, app string, more ...string) []string {
	return append([]string{"connection", "import", "--tenant", "acme", "--user", "alice@example.com", "--app", app,
		"--no-verify", "--data", dir}, more...)
}

// TestImportNamesTheField: of a value that no call can carry it says by the object's own name what
// is wrong.
func TestImportNamesTheField(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	for name, tt := range map[string]struct{ app, input, want string }{
		"a client's host": {"gitea", `{"host":"https://NEVER.example.com","access_token":"t"}`,
			`the credential's "host" is invalid where the app uses it: write a public host name like git.example.com, ` +
				`with its port and the path of the site if it has them (git.example.com/git), without a scheme`},
		"a captured value": {"jira", `{"cloud_id":"..","access_token":"t"}`,
			`the credential's "cloud_id" is invalid where the app uses it: write only the value, not a whole address`},
		"spaces": {"openai", `{"api_key":"NEVER "}`, `the credential's "api_key" begins or ends with a space`},
		"spaced token": {"gmail", `{"access_token":" NEVER"}`,
			`the credential's "access_token" begins or ends with a space`},
		"spaced type": {"gmail", `{"access_token":"t","token_type":"NEVER "}`,
			`the credential's "token_type" begins or ends with a space`},
		"spaced OAuth 1": {"flickr", `{"oauth_token":"t","oauth_token_secret":" NEVER"}`,
			`the credential's "oauth_token_secret" begins or ends with a space`},
		"no captured one": {"jira", `{"site":"acme","access_token":"t"}`,
			`the credential has no "cloud_id", which app jira needs: add it`},
		"half a client": {"spotify-app", `{"client_id":"id"}`,
			`the credential has no "client_secret", which app spotify-app needs: add it`},
	} {
		_, errs, err := run(t, tt.input, importInto(dir, tt.app)...)
		if err == nil || err.Error() != tt.want || strings.Contains(errs, "NEVER") {
			t.Errorf("%s: %v\nwant %s", name, err, tt.want)
		}
	}
}

// TestImportWithout: what no call needs may be missing.
func TestImportWithout(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	ids := map[string]string{}
	for app, input := range map[string]string{
		"spotify-app": `{"client_id":"id","client_secret":"s"}`,
		"jira":        `{"cloud_id":"1324a887","access_token":"t"}`,
		"confluence":  `{"cloud_id":"1324a887","site":"acme","refresh_token":"t"}`,
		"mailgun":     `{"api_key":"k"}`,
		"smartsheet":  `{"access_token":"t"}`,
	} {
		ids[app] = strings.TrimSpace(must(t, input, importInto(dir, app)...))
	}
	store := harness.OpenStore(t, dir)
	for app, want := range map[string][]string{
		"spotify-app": {"client_id", "client_secret"}, "jira": {"cloud_id"}, "confluence": {"site", "cloud_id"},
		"mailgun":    {"api_key"},
		"smartsheet": nil,
	} {
		_, g, err := store.Grant(t.Context(), "acme", "alice@example.com", ids[app])
		var names []string
		for _, f := range g.Reveal().Fields {
			names = append(names, f.Name)
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: stored %v, %v", app, names, err)
		}
	}
}

// TestImportElsewhere: a grant is from where the tenant's OAuth client of today is, in the store or
// in the configuration.
func TestImportElsewhere(t *testing.T) {
	const elsewhere = `the credential's "host" differs from that of the OAuth client which tenant acme has for app ` +
		`gitea, so no call could carry it: ` +
		"import what was granted there, or set the client again first"
	grant := func(host string) string { return `{"host":"` + host + `","access_token":"t","refresh_token":"r"}` }
	for name, tt := range map[string]struct{ config, own, all, host, want string }{
		"no client":         {host: "other.example.com"},
		"the client of all": {all: "git.example.com", host: "git.example.com"},
		"in upper case":     {all: "Git.example.com", host: "GIT.Example.com"},
		"elsewhere":         {all: "git.example.com", host: "other.example.com", want: elsewhere},
		"the tenant's own":  {own: "own.example.com", all: "git.example.com", host: "own.example.com"},
		"that of all, not its own": {own: "own.example.com", all: "git.example.com", host: "git.example.com",
			want: elsewhere},
		"configured": {config: "client_id id\n client_secret {env.NOT_SET_HERE}\n field host git.example.com",
			all: "other.example.com", host: "git.example.com"},
		"elsewhere than configured": {config: "client_id id\n client_secret {env.NOT_SET_HERE}\n field host git.example.com",
			all: "other.example.com", host: "other.example.com", want: elsewhere},
		"known to the server alone": {config: "client_id id\n field host {env.NOT_SET_HERE}", all: "git.example.com",
			host: "other.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
			var more []string
			if tt.config != "" {
				more = []string{"--config", configOf(t, "oauth_client gitea {\n "+tt.config+"\n}")}
			}
			store := harness.OpenStore(t, dir)
			for tenant, host := range map[string]string{"": tt.all, "acme": tt.own} {
				if host == "" {
					continue
				}
				err := store.SetOAuthClient(t.Context(), tenant, "gitea",
					connect.OAuthClient{ID: "id", Fields: []connect.ClientField{{Name: "host", Value: vending.NewSecret(host)}}})
				if err != nil {
					t.Fatal(err)
				}
			}
			_, _, err := run(t, grant(tt.host), importInto(dir, "gitea", more...)...)
			if (err == nil) != (tt.want == "") || err != nil && err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if listed := must(t, "", "connection", "list", "--data", dir); strings.Contains(listed,
				"alice@example.com") != (tt.want == "") {
				t.Errorf("listed %s", listed)
			}
		})
	}
}

// TestOAuthClientSpaces: the id and the secret are refused where they are set, by an app of either
// version of OAuth.
func TestOAuthClientSpaces(t *testing.T) {
	dir := t.TempDir()
	for app, tt := range map[string]struct{ id, secret, want string }{
		"flickr": {"id", "NEVER ",
			"field client_secret of the oauth client for flickr begins or ends with a space: take it out"},
		"twitch": {" NEVER", "s", "field client_id of the oauth client for twitch begins or ends with a space: take it out"},
		"gmail":  {"NEVER ", "s", "field client_id of the oauth client for gmail begins or ends with a space: take it out"},
	} {
		if _, _, err := run(t, tt.secret+"\n", "oauth-client", "set", app, "--client-id", tt.id, "--data", dir); err == nil ||
			err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", app, err, tt.want)
		}
	}
}
