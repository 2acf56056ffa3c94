package command_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

func TestConnectionCommands(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	file := filepath.Join(t.TempDir(), "token.json")
	if err := os.WriteFile(file,
		[]byte(`{"access_token":"at-NEVER","refresh_token":"rt-NEVER","expires_in":3600,"token_type":"bearer","scope":"a b"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	key := strings.TrimSpace(must(t, `{"api_key":"sk-NEVER"}`, "connection", "import", "--tenant", "acme", "--user",
		"Alice@Example.com", "--app", "openai", "--no-verify", "--name", "Main", "--data", dir))
	oauth := must(t, "", "connection", "import", "--tenant", "acme", "--user", "bob@example.com", "--app", "gmail",
		"--file", file, "--json", "--data", dir)
	var imported struct {
		ConnectionID string `json:"connection_id"`
	}
	if err := json.Unmarshal([]byte(oauth), &imported); err != nil || !strings.HasPrefix(imported.ConnectionID, "conn_") ||
		!strings.HasPrefix(key, "conn_") {
		t.Fatalf("imported %q and %q: %v", key, oauth, err)
	}
	table := must(t, "", "connection", "list", "--data", dir)
	for _, want := range []string{
		`(?m)^CONNECTION +TENANT +USER +APP +NAME +STATUS +VIA LINK +LINK EXPIRES +UPDATED$`,
		`(?m)^` + key + ` +acme +alice@example\.com +openai +Main +active, not verified +no +- +20\S+Z$`,
		`(?m)^` + imported.ConnectionID + ` +acme +bob@example\.com +gmail +gmail +active, not verified +no +- +20\S+Z$`,
	} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("no %s in\n%s", want, table)
		}
	}
	for filter, want := range map[string][]string{
		"": {key, imported.ConnectionID}, "--tenant=acme": {key, imported.ConnectionID}, "--tenant=other": {},
		"--user=bob@example.com": {imported.ConnectionID}, "--app=openai": {key},
	} {
		args := []string{"connection", "list", "--json", "--data", dir}
		if filter != "" {
			args = append(args, filter)
		}
		listed := must(t, "", args...)
		var rows []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal([]byte(listed), &rows); err != nil || rows == nil {
			t.Fatalf("%s: %v", listed, err)
		}
		got := make([]string, 0, len(rows))
		for _, r := range rows {
			got = append(got, r.ID)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || strings.Contains(listed+table, "NEVER") {
			t.Errorf("%s: listed %s", filter, listed)
		}
	}
	if said := must(t, "", "connection", "delete", key, "--tenant", "acme", "--data",
		dir); said != "deleted; the grant stays valid at the provider of openai until it is revoked there\n" {
		t.Errorf("delete: %s", said)
	}
	if left := must(t, "", "connection", "list", "--data", dir); strings.Contains(left, key) ||
		!strings.Contains(left, imported.ConnectionID) {
		t.Errorf("left after delete:\n%s", left)
	}
	for _, args := range [][]string{{key, "--tenant", "acme"}, {imported.ConnectionID, "--tenant", "other"}} {
		if _, _, err := run(t, "", append([]string{"connection", "delete", "--data", dir}, args...)...); err == nil ||
			!strings.Contains(err.Error(), "no such connection") {
			t.Errorf("delete %q: %v", args, err)
		}
	}
}

// TestConnectionListPages lists more connections than one page of the store holds.
func TestConnectionListPages(t *testing.T) {
	dir := t.TempDir()
	store, err := store.Open(context.Background(), store.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 101 {
		c := connect.Connection{Tenant: "acme", User: fmt.Sprintf("u%d@example.com", i), App: "openai",
			Status: connect.Pending, AuthType: "api_key"}
		if _, err := store.ImportConnection(t.Context(), c, connect.Grant{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(must(t, "", "connection", "list", "--data", dir), "\n"); lines != 102 {
		t.Errorf("%d lines, want 102", lines)
	}
}

func TestConnectionImportErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	flags := func(app string) []string {
		return []string{"--tenant", "acme", "--user", "a@example.com", "--app", app}
	}
	for name, tt := range map[string]struct {
		input string
		args  []string
		want  string
	}{
		"no json":       {"sk-NEVER", flags("openai"), "must be one JSON object"},
		"a text":        {`"sk-NEVER"`, flags("openai"), "must be one JSON object"},
		"an array":      {`["sk-NEVER"]`, flags("openai"), "must be one JSON object"},
		"two objects":   {`{"api_key":"sk-NEVER"}{}`, flags("openai"), "must be one JSON object"},
		"cut off":       {`{"api_key":"sk-NEVER`, flags("openai"), "must be one JSON object"},
		"empty":         {"", flags("openai"), "must be one JSON object"},
		"null":          {"null", flags("openai"), "must be one JSON object"},
		"junk after it": {`{"api_key":"sk-NEVER"}}]`, flags("openai"), "must be one JSON object"},
		"a doubled key": {`{"api_key":"sk-NEVER","api_key":"sk-NEVER"}`, flags("openai"), `holds "api_key" twice`},
		"a line break": {`{"api_key":"sk-NEVER\r\nX-NEVER: 1"}`, flags("openai"),
			`the credential's "api_key" contains a line break`},
		"a host's address": {`{"host":"https://never.live.dynatrace.com/","api_key":"NEVER"}`, flags("dynatrace"),
			`the credential's "host" is invalid where the app uses it: write a public host name`},
		"another's host": {`{"access_token":"at-NEVER","subdomain":"NEVER.com/x"}`, flags("zendesk"),
			`the credential's "subdomain" is invalid where the app uses it: write only the value, not a whole address`},
		"none of a choice": {`{"access_token":"at-NEVER","region":"NEVER.com"}`, flags("zoho-crm"),
			`the credential's "region" is not one of the choices`},
		"a broken token": {`{"access_token":"at\n-NEVER"}`, flags("gmail"),
			`the credential's "access_token" contains a line break`},
		"a broken refresh": {`{"refresh_token":"rt\n-NEVER"}`, flags("gmail"),
			`the credential's "refresh_token" contains a line break`},
		"a broken oauth 1": {`{"oauth_token":"at-NEVER","oauth_token_secret":"NEVER\n"}`, flags("flickr"),
			`the credential's "oauth_token_secret" contains a line break`},
		"a broken oauth": {`{"oauth_token":"at\n-NEVER","oauth_token_secret":"NEVER"}`, flags("flickr"),
			`the credential's "oauth_token" contains a line break`},
		"too large": {strings.Repeat("x", 1<<20+1), flags("openai"), "larger than 1048576 bytes"},
		"unknown key": {`{"api_key":"sk-NEVER","apikey":"sk-NEVER"}`, flags("openai"),
			`has an unknown field "apikey": take out what app openai does not need`},
		"missing field":    {`{}`, flags("openai"), `has no "api_key", which app openai needs`},
		"empty field":      {`{"api_key":""}`, flags("openai"), `has no "api_key"`},
		"wrong type":       {`{"api_key":12345678}`, flags("openai"), `"api_key" must be a string`},
		"object":           {`{"api_key":{"value":"sk-NEVER"}}`, flags("openai"), `"api_key" must be a string`},
		"no token":         {`{"expires_in":5}`, flags("gmail"), `needs "access_token", "refresh_token" or both`},
		"token wrong type": {`{"access_token":["at-NEVER"]}`, flags("gmail"), `"access_token" must be a string`},
		"expires_in text": {`{"access_token":"at-NEVER","expires_in":"NEVER"}`, flags("gmail"),
			`"expires_in" must be a positive number of seconds`},
		"expires_in zero": {`{"access_token":"at-NEVER","expires_in":0}`, flags("gmail"),
			`"expires_in" must be a positive number`},
		"expires_at wrong": {`{"access_token":"at-NEVER","expires_at":"NEVER"}`, flags("gmail"),
			`"expires_at" must be a time like`},
		"key for an oauth": {`{"access_token":"at-NEVER","api_key":"sk-NEVER"}`, flags("gmail"),
			`has an unknown field "api_key": take out what app gmail does not need`},
		"half an oauth 1": {`{"oauth_token":"at-NEVER"}`, flags("flickr"), `needs "oauth_token" and "oauth_token_secret"`},
		"client, no secret": {`{"consumer_key":"NEVER","consumer_secret":"NEVER","oauth_token":"at-NEVER"}`, flags("flickr"),
			`needs "oauth_token" and "oauth_token_secret"`},
		"half a client": {`{"oauth_token":"at-NEVER","oauth_token_secret":"NEVER","consumer_secret":"NEVER"}`,
			flags("flickr"), `"consumer_key" and "consumer_secret" belong together`},
		"oauth 2 for 1": {`{"access_token":"at-NEVER"}`, flags("flickr"), `needs "oauth_token" and "oauth_token_secret"`},
		"oauth 1 and 2": {`{"oauth_token":"at-NEVER","oauth_token_secret":"NEVER","refresh_token":"NEVER"}`,
			flags("flickr"), `has an unknown field "refresh_token": take out what app flickr does not need`},
		"oauth 1, a number": {`{"oauth_token":"at-NEVER","oauth_token_secret":12345678}`, flags("flickr"),
			`"oauth_token_secret" must be a string`},
		"unknown app": {`{"api_key":"sk-NEVER"}`, flags("nosuch"),
			`app "nosuch" is not in the catalog: correct the slug, which ` + "`app list` searches, or name the --config"},
		"unknown tenant": {`{"api_key":"sk-NEVER"}`, []string{"--tenant", "nobody", "--user", "a@example.com", "--app",
			"openai"}, `there is no tenant "nobody" in this store`},
		"bad user": {`{"api_key":"sk-NEVER"}`, []string{"--tenant", "acme", "--user", "alice", "--app", "openai"},
			"email"},
		"no flags":          {`{"api_key":"sk-NEVER"}`, nil, `required flag(s) "app", "tenant", "user" not set`},
		"file missing":      {"", append(flags("openai"), "--file", filepath.Join(dir, "none")), "no such file"},
		"secret as an arg":  {"", append(flags("openai"), "{}"), "accepts 0 arg(s), received 1"},
		"no api key option": {"", append(flags("openai"), "--api-key", "x"), "unknown flag: --api-key"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, err := run(t, tt.input, append([]string{"connection", "import", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			if said := fmt.Sprint(out, errs, err); strings.Contains(said, "NEVER") || strings.Contains(said, "12345678") {
				t.Errorf("a value is shown: %s", said)
			}
		})
	}
	if listed := must(t, "", "connection", "list", "--json", "--data", dir); listed != "[]\n" {
		t.Errorf("something was stored: %s", listed)
	}
}
