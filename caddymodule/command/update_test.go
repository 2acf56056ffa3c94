package command_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// heldKey is what the connection id of acme's a@example.com holds, with the connection.
func heldKey(t *testing.T, dir, id string) (connect.Connection, connect.GrantValues) {
	t.Helper()
	store := harness.OpenStore(t, dir)
	_, g, err := store.Grant(t.Context(), "acme", "a@example.com", id)
	if err != nil {
		t.Fatal(err)
	}
	c, err := store.Describe(t.Context(), "acme", "", id)
	if err != nil {
		t.Fatal(err)
	}
	return c, g.Reveal()
}

// endedKey imports a connection to crm that needs reconnection, with a hold.
func endedKey(t *testing.T, dir, config string) (id string) {
	t.Helper()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	id = strings.TrimSpace(must(t, `{"api_key":"old"}`, "connection", "import", "--tenant", "acme", "--user",
		"a@example.com", "--app", "crm", "--no-verify", "--data", dir, "--config", config))
	store := harness.OpenStore(t, dir)
	if err := store.SetRefused(t.Context(), id, 1, true, "refused in a call"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Hold(t.Context(), "acme", "", id, "sync"); err != nil {
		t.Fatal(err)
	}
	return id
}

// TestUpdateIsTried: what the provider refuses, or cannot be asked about, changes nothing; what it
// leaves open does only on request.
func TestUpdateIsTried(t *testing.T) {
	app, calls := triedApp(t)
	for name, tt := range map[string]struct {
		options, key string
		flags        []string
		out          string // printed; empty if it is refused
		want         string // part of the error
		verified     bool
		calls        int64
	}{
		"accepted": {key: "NEVER-200", out: "updated; crm accepts the credential\n", verified: true, calls: 1},
		"accepted, for machines": {key: "NEVER-200", flags: []string{"--json"},
			out: "{\n  \"connection_id\": \"ID\",\n  \"verified\": true\n}\n", verified: true, calls: 1},
		"wrong": {key: "NEVER-401", flags: []string{"--unconfirmed"}, calls: 1,
			want: "the credential was not stored: crm does not accept what you entered (HTTP 401)"},
		"away": {key: "NEVER-503", flags: []string{"--unconfirmed"}, calls: 1,
			want: "crm cannot be reached right now, so nothing was saved; please try again in a few minutes; " +
				"--no-verify stores it without asking"},
		"unconfirmed": {key: "NEVER-403", calls: 1, want: "--unconfirmed stores it anyway"},
		"unconfirmed, anyway": {key: "NEVER-403", flags: []string{"--unconfirmed"}, calls: 1,
			out: "updated; not verified: the provider has not confirmed the credential\n"},
		"not asked": {key: "NEVER-401", flags: []string{"--no-verify", "--json"},
			out: "{\n  \"connection_id\": \"ID\",\n  \"verified\": false\n}\n"},
		"a tenant that refuses": {options: "tenant acme {\n unconfirmed refuse\n}\n", key: "NEVER-403",
			flags: []string{"--unconfirmed"}, want: "tenant acme takes only credentials that their provider confirms"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, config := t.TempDir(), configOf(t, app+tt.options)
			id := endedKey(t, dir, config)
			calls.Store(0)
			out, errs, err := run(t, `{"api_key":"`+tt.key+`"}`, append([]string{"connection", "update", id, "--tenant",
				"acme", "--data", dir, "--config", config}, tt.flags...)...)
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %s", err, tt.want)
			}
			want := strings.ReplaceAll(tt.out, "ID", id)
			if out != want || tt.want == "" && errs != "" || calls.Load() != tt.calls ||
				strings.Contains(fmt.Sprint(errs, err), "NEVER") {
				t.Errorf("%d calls; it prints %q and %q, want %q", calls.Load(), out, errs, want)
			}
			c, v := heldKey(t, dir, id)
			if tt.out == "" {
				if c.Version != 1 || !c.NeedsReconnection || v.Fields[0].Value != "old" {
					t.Errorf("it has changed: %+v", c)
				}
				return
			}
			if c.Version != 2 || c.NeedsReconnection || c.Verified != tt.verified || v.Fields[0].Value != tt.key {
				t.Errorf("it is %+v", c)
			}
		})
	}
}

// TestUpdateLeavesTheRest: name, holds and caller keys; and the trail says who it was.
func TestUpdateLeavesTheRest(t *testing.T) {
	app, _ := triedApp(t)
	dir, config := t.TempDir(), configOf(t, app)
	id := endedKey(t, dir, config)
	must(t, "", "caller-key", "create", "--tenant", "acme", "--user", "a@example.com", "--connection", id, "--data", dir,
		"--config", config)
	must(t, `{"api_key":"new-200"}`, "connection", "update", id, "--tenant", "acme", "--data", dir, "--config", config)
	store := harness.OpenStore(t, dir)
	holds, err := store.Holds(t.Context(), id)
	if err != nil || len(holds) != 1 {
		t.Errorf("holds %v, %v", holds, err)
	}
	if keys := must(t, "", "caller-key", "list", "--tenant", "acme", "--data", dir); !strings.Contains(keys, id) {
		t.Errorf("caller keys:\n%s", keys)
	}
	trail := must(t, "", "audit", "--connection", id, "--event", "credentials_updated", "--data", dir)
	if !regexp.MustCompile(`(?m)credentials_updated +acme +operator\b.*` + id).MatchString(trail) {
		t.Errorf("the trail:\n%s", trail)
	}
}

func TestUpdateErrors(t *testing.T) {
	app, calls := triedApp(t)
	dir := t.TempDir()
	config := configOf(t, app+"app site {\n auth_type api_key\n upstream https://{host}\n field host Host {\n "+
		"kind host\n }\n field api_key Key secret\n header X-Key {api_key}\n}\n"+
		"source local\nsource platform {\n url https://far.example/platform/v1\n key passthrough\n}\n"+
		"default_source local\ntenant remote {\n source platform\n}\n")
	active := endedKey(t, dir, config)
	store := harness.OpenStore(t, dir)
	link := func(status connect.Status) string {
		c := connect.Connection{Tenant: "acme", User: "a@example.com", App: "crm", Name: "One", AuthType: vending.APIKey}
		l, err := store.CreateLink(t.Context(), c)
		if err == nil && status == connect.Rejected {
			_, err = store.RejectLink(t.Context(), connect.DigestOf(l.Token.Reveal()), connect.DigestOf("browser"))
		}
		if err != nil {
			t.Fatal(err)
		}
		return l.Connection.ID
	}
	site := strings.TrimSpace(must(t, `{"host":"a.example.com","api_key":"k"}`, "connection", "import", "--tenant", "acme",
		"--user", "a@example.com", "--app", "site", "--data", dir, "--config", config))
	key := connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "k"}}})
	far, err := store.ImportConnection(t.Context(), connect.Connection{Tenant: "remote", User: "a@example.com", App: "crm",
		AuthType: vending.APIKey}, key)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := store.ImportConnection(t.Context(), connect.Connection{Tenant: "acme", User: "a@example.com", App: "left",
		AuthType: vending.APIKey}, key)
	if err != nil {
		t.Fatal(err)
	}
	calls.Store(0)
	for name, tt := range map[string]struct {
		id, tenant, input string
		want              string
	}{
		"pending": {link(connect.Pending), "acme", `{"api_key":"NEVER"}`,
			"the connection is pending, so it holds nothing to update: the end user must complete its link first"},
		"rejected": {link(connect.Rejected), "acme", `{"api_key":"NEVER"}`,
			"the end user has rejected the connection's link, so it holds nothing to update: make a new link"},
		"unknown":          {"conn_x", "acme", `{"api_key":"NEVER"}`, "no such connection"},
		"another tenant's": {active, "other", `{"api_key":"NEVER"}`, "no such connection"},
		"another source":   {far, "remote", `{"api_key":"NEVER"}`, "source platform vends for tenant remote"},
		"an app that left": {gone, "acme", `{"api_key":"NEVER"}`, `app "left" is not in the catalog`},
		"no fields":        {active, "acme", `{}`, `has no "api_key", which app crm needs`},
		"unknown field":    {active, "acme", `{"api_key":"NEVER","more":"NEVER"}`, `has an unknown field "more"`},
		"no object":        {active, "acme", `NEVER`, "must be one JSON object"},
		"another address": {site, "acme", `{"host":"b.example.com","api_key":"NEVER"}`,
			`the credential's "host" is for another address than the connection's, which cannot change: import it as ` +
				"another connection"},
	} {
		t.Run(name, func(t *testing.T) {
			out, errs, err := run(t, tt.input, "connection", "update", tt.id, "--tenant", tt.tenant, "--data", dir, "--config",
				config)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(fmt.Sprint(out, errs, err), "NEVER") {
				t.Errorf("%v, want %s; it prints %s%s", err, tt.want, out, errs)
			}
		})
	}
	if calls.Load() != 0 {
		t.Errorf("the provider was called %d times", calls.Load())
	}
	if c, _ := heldKey(t, dir, active); c.Version != 1 {
		t.Errorf("it has changed: %+v", c)
	}
	for name, args := range map[string][]string{
		"required flag(s) \"tenant\" not set": {active}, "accepts 1 arg(s)": {"--tenant", "acme"},
		"no such file": {active, "--tenant", "acme", "--file", filepath.Join(dir, "none")},
	} {
		if _, _, err := run(t, "", append([]string{"connection", "update", "--data", dir, "--config", config},
			args...)...); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

// TestUpdateTokens: an OAuth connection takes new tokens, and is verified when they are refreshed.
func TestUpdateTokens(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	id := strings.TrimSpace(must(t, `{"access_token":"one","refresh_token":"r1"}`, "connection", "import", "--tenant",
		"acme", "--user", "a@example.com", "--app", "gmail", "--data", dir))
	if out := must(t, `{"access_token":"two","refresh_token":"r2","expires_in":3600}`, "connection", "update", id,
		"--tenant", "acme", "--data", dir); out != "updated; not verified: the provider has not confirmed the credential\n" {
		t.Errorf("it prints %q", out)
	}
	if c, v := heldKey(t, dir, id); c.Version != 2 || v.AccessToken != "two" || v.RefreshToken != "r2" ||
		v.Expiry.IsZero() {
		t.Errorf("it is %+v", c)
	}
}

// TestListNeedsReconnection lists those whose grant has ended, by the word that names them.
func TestListNeedsReconnection(t *testing.T) {
	app, _ := triedApp(t)
	dir, config := t.TempDir(), configOf(t, app)
	id := endedKey(t, dir, config)
	must(t, `{"api_key":"other"}`, "connection", "import", "--tenant", "acme", "--user", "a@example.com", "--app", "crm",
		"--no-verify", "--data", dir, "--config", config)
	listed := must(t, "", "connection", "list", "--status", "needs_reconnection", "--data", dir)
	if strings.Count(listed, "\n") != 2 || !strings.Contains(listed, id) {
		t.Errorf("listed\n%s", listed)
	}
	must(t, `{"api_key":"new-200"}`, "connection", "update", id, "--tenant", "acme", "--data", dir, "--config", config)
	if listed := must(t, "", "connection", "list", "--status", "needs_reconnection", "--json", "--data",
		dir); listed != "[]\n" {
		t.Errorf("after the update:\n%s", listed)
	}
	if _, _, err := run(t, "", "connection", "list", "--status", "ended", "--data", dir); err == nil ||
		err.Error() != "--status: write pending, active, rejected, expired or needs_reconnection" {
		t.Errorf("another word: %v", err)
	}
}
