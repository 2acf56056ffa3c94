package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// adsApp takes a secret and a choice from its OAuth client, a value from the grant, and one from
// the end user.
const adsApp = `app ads {
	auth_type o_auth
	upstream https://ads.example
	field developer_token "Developer token" secret {
		from client
	}
	field region {
		from client
		options eu us
	}
	field client_id {
		from client
	}
	field realm {
		from grant
	}
	field site "Site"
	header Authorization "Bearer {access_token}"
	header Developer-Token {developer_token}
	oauth2 {
		authorize_url https://login.example/authorize
		token_url https://login.example/token
		capture realm callback realmId
	}
}`

// TestClientFieldCommands stores what comes with a client from arguments, a file and standard
// input, and shows the names alone.
func TestClientFieldCommands(t *testing.T) {
	dir, config := t.TempDir(), configOf(t, adsApp)
	file := filepath.Join(dir, "developer")
	if err := os.WriteFile(file, []byte("dt=file-NEVER, with a comma\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "cs-NEVER", "oauth-client", "set", "ads", "--client-id", "id.example", "--field", "developer_token=@"+file,
		"--field", "region=eu", "--data", dir, "--config", config)
	must(t, "dt-stdin-NEVER\n", "oauth-client", "set", "ads", "--client-id", "id.example", "--tenant", "acme", "--field",
		"developer_token=@-", "--field", "region=us", "--public",
		"--data", dir, "--config", configOf(t, adsApp+"\ntenant acme {\n key {env.NOT_NEEDED_HERE}\n }"))
	store := harness.OpenStore(t, dir)
	for tenant, want := range map[string]string{"": "developer_token=dt=file-NEVER, with a comma region=eu",
		"acme": "developer_token=dt-stdin-NEVER region=us"} {
		c, err := store.OAuthClient(t.Context(), tenant, "ads")
		var got []string
		for _, f := range c.Fields {
			got = append(got, f.Name+"="+f.Value.Reveal())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("stored for %q: another %d fields, %v", tenant, len(got), err)
		}
	}
	listed := must(t, "", "oauth-client", "list", "--data", dir)
	var rows []struct {
		Fields []string
		Public bool
	}
	if err := json.Unmarshal([]byte(must(t, "", "oauth-client", "list", "--json", "--data", dir)), &rows); err != nil ||
		len(rows) != 2 ||
		!slices.Equal(rows[0].Fields, []string{"developer_token", "region"}) || rows[0].Public || !rows[1].Public {
		t.Errorf("listed %+v, %v", rows, err)
	}
	if !strings.Contains(listed, "developer_token,region") || strings.Contains(listed, "NEVER") {
		t.Errorf("listed:\n%s", listed)
	}
}

func TestClientFieldCommandErrors(t *testing.T) {
	dir, config := t.TempDir(), configOf(t, adsApp)
	for name, tt := range map[string]struct {
		fields []string
		want   string
	}{
		"none": {nil,
			"field developer_token of the oauth client for ads is missing: set it with the client"},
		"one missing": {[]string{"developer_token=@/dev/stdin"},
			"field region of the oauth client for ads is missing"},
		"a secret in arguments": {[]string{"developer_token=dt-NEVER"},
			"--field developer_token: a secret must not be an argument"},
		"unknown": {[]string{"developer=NEVER"}, "--field developer: a secret must not be an argument"},
		"unknown, in a file": {[]string{"developer=@/dev/stdin", "region=eu"},
			"field developer of the oauth client for ads is not one that the app takes from its client: write one of " +
				"developer_token, region"},
		"the end user's": {[]string{"site=NEVER", "region=eu"},
			"field site of the oauth client for ads is not one that the app takes"},
		"no option": {[]string{"developer_token=@/dev/stdin", "region=NEVER"},
			"field region of the oauth client for ads must be one of eu, us"},
		"no value":              {[]string{"region="}, "fields: region: must be 1 to"},
		"no name":               {[]string{"=NEVER"}, "--field: write NAME=VALUE"},
		"no sign":               {[]string{"NEVER"}, "--field: write NAME=VALUE"},
		"twice":                 {[]string{"region=eu", "region=us"}, "fields: region is a duplicate"},
		"two of standard input": {[]string{"developer_token=@-"}, "--field developer_token: standard input is taken already"},
		"no such file":          {[]string{"developer_token=@" + filepath.Join(dir, "none")}, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"oauth-client", "set", "ads", "--client-id", "id.example", "--data", dir, "--config", config}
			for _, f := range tt.fields {
				if value, ok := strings.CutSuffix(f, "@/dev/stdin"); ok {
					file := filepath.Join(t.TempDir(), "value")
					if err := os.WriteFile(file, []byte("dt-NEVER"), 0o600); err != nil {
						t.Fatal(err)
					}
					f = value + "@" + file
				}
				args = append(args, "--field", f)
			}
			out, errs, err := run(t, "cs-NEVER", args...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if said := fmt.Sprint(out, errs, err); strings.Contains(said, "NEVER") {
				t.Errorf("a secret is shown: %s", said)
			}
		})
	}
}

// TestLinkOfClientThatLacksAField: no link is made that nobody could complete.
func TestLinkOfClientThatLacksAField(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	bare := strings.NewReplacer("\t\tfrom client\n", "", "\tfield client_id {\n\t}\n", "", "\toptions eu us\n",
		"").Replace(adsApp)
	must(t, "cs-NEVER", "oauth-client", "set", "ads", "--client-id", "id.example", "--data", dir, "--config",
		configOf(t, bare))
	link := []string{"connection", "link", "--tenant", "acme", "--user", "alice@example.com", "--app", "ads",
		"--public-url", "https://gate.example", "--data", dir, "--config"}
	must(t, "", append(link, configOf(t, bare))...)
	if _, _, err := run(t, "", append(link, configOf(t, adsApp))...); err == nil ||
		!strings.Contains(err.Error(), "field developer_token of the oauth client for ads is missing") {
		t.Errorf("a link for an app whose client lacks a field: %v", err)
	}
}

// TestImportOfCapturedFields: an import gives what a link would have captured, and nothing that
// comes with the client.
func TestImportOfCapturedFields(t *testing.T) {
	dir, config := t.TempDir(), configOf(t, adsApp+"\ntenant acme {\n key {env.NOT_NEEDED_HERE}\n }")
	add := func(credential string) (string, error) {
		out, errs, err := run(t, credential, "connection", "import", "--tenant", "acme", "--user", "alice@example.com",
			"--app", "ads", "--data", dir, "--config", config)
		if said := fmt.Sprint(out, errs, err); strings.Contains(said, "NEVER") {
			t.Errorf("a secret is shown: %s", said)
		}
		return strings.TrimSpace(out), err
	}
	id, err := add(`{"access_token":"at-NEVER","site":"acme","realm":"9130"}`)
	if err != nil {
		t.Fatal(err)
	}
	_, grant, err := harness.OpenStore(t, dir).Grant(t.Context(), "acme", "alice@example.com", id)
	if err != nil || fmt.Sprint(grant.Reveal().Fields) != "[{realm 9130} {site acme}]" {
		t.Errorf("stored %d fields, %v", len(grant.Reveal().Fields), err)
	}
	for credential, want := range map[string]string{
		`{"access_token":"at-NEVER","site":"acme"}`: `the credential has no ` +
			`"realm", which app ads needs`,
		`{"access_token":"at-NEVER","site":"acme","realm":"1","developer_token":"dt-NEVER"}`: `the credential has an ` +
			`unknown field "developer_token": take out what app ads does not need`,
	} {
		if _, err := add(credential); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// TestImportSaysWhereItIsFrom: what stands in an address is a part of the connection, though it
// comes with the client.
func TestImportSaysWhereItIsFrom(t *testing.T) {
	hosted := strings.NewReplacer("upstream https://ads.example", "upstream https://{region}.ads.example").Replace(adsApp)
	dir, config := t.TempDir(), configOf(t, hosted+"\ntenant acme {\n key {env.NOT_NEEDED_HERE}\n }")
	args := []string{"connection", "import", "--tenant", "acme", "--user", "alice@example.com", "--app", "ads", "--data",
		dir, "--config", config}
	if _, _, err := run(t, `{"access_token":"at-NEVER","site":"acme","realm":"9130"}`, args...); err == nil ||
		!strings.Contains(err.Error(), `the credential has no "region"`) {
		t.Errorf("an import that does not say where it is from: %v", err)
	}
	id := strings.TrimSpace(must(t, `{"access_token":"at-NEVER","site":"acme","realm":"9130","region":"eu"}`, args...))
	_, grant, err := harness.OpenStore(t, dir).Grant(t.Context(), "acme", "alice@example.com", id)
	if err != nil || fmt.Sprint(grant.Reveal().Fields) != "[{region eu} {realm 9130} {site acme}]" {
		t.Errorf("stored the fields %v, %v", grant.Reveal().Fields, err)
	}
}

// TestClientHostOfNoForm: a host that nobody could be sent to is refused when it is set.
func TestClientHostOfNoForm(t *testing.T) {
	const want = "field host of the oauth client for gitea is invalid where the app uses it: write a public host name"
	for _, host := range []string{"https://git.example.com/", "127.0.0.1:80"} {
		_, _, err := run(t, "cs-NEVER", "oauth-client", "set", "gitea", "--client-id", "id", "--field", "host="+host,
			"--data", t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("set with %s: %v", host, err)
		}
	}
	must(t, "cs-NEVER", "oauth-client", "set", "gitea", "--client-id", "id", "--field", "host=git.example.com:8443",
		"--data", t.TempDir())
}
