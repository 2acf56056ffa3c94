package command_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/tests/harness"
)

// acmeOf is what `tenant list --json` says of the tenant acme.
func acmeOf(t *testing.T, dir string) (got struct {
	ID, Email, Source string
	Capabilities      []string
	Disabled          bool
	Keys              []string `json:"key_fingerprints"`
}) {
	t.Helper()
	list := []json.RawMessage{}
	if err := json.Unmarshal([]byte(must(t, "", "tenant", "list", "--json", "--data", dir)), &list); err != nil {
		t.Fatal(err)
	}
	for _, raw := range list {
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		if got.ID == "acme" {
			return got
		}
	}
	t.Fatal("no tenant acme")
	return got
}

func TestTenantEnable(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	before := acmeOf(t, dir).Keys[0]
	if _, _, err := run(t, "", "tenant", "enable", "acme", "--data", dir); !errors.Is(err,
		connect.ErrTenantEnabled) {
		t.Errorf("one that is not disabled: %v", err)
	}
	must(t, "", "tenant", "disable", "acme", "--data", dir)
	if out := must(t, "", "tenant", "enable", "acme", "--data", dir); out != "" {
		t.Errorf("enable printed %q", out)
	}
	if got := acmeOf(t, dir); got.Disabled || got.Keys[0] != before {
		t.Errorf("enabled: %+v", got)
	}
	must(t, "", "tenant", "disable", "acme", "--data", dir)
	if key := must(t, "", "tenant", "enable", "acme", "--new-key", "--data", dir); !keyForm.MatchString(
		strings.TrimSuffix(key, "\n")) {
		t.Errorf("enable --new-key printed %q", key)
	}
	if got := acmeOf(t, dir); got.Disabled || len(got.Keys) != 1 || got.Keys[0] == before {
		t.Errorf("enabled by a new key: %+v", got)
	}
	if trail := must(t, "", "audit", "--data", dir); strings.Count(trail, "tenant_enabled") != 2 {
		t.Errorf("the audit trail:\n%s", trail)
	}
}

func TestTenantSet(t *testing.T) {
	dir := t.TempDir()
	config := configOf(t, "source local\nsource platform hosted {\n url https://p.example/platform/v1\n key "+
		"{env.HOSTED}\n}\ndefault_source local\ntenant acme {\n email front@acme.example\n key {env.ACME}\n}\n")
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	set := func(args ...string) (string, error) {
		_, said, err := run(t, "", append([]string{"tenant", "set", "acme", "--data", dir}, args...)...)
		return said, err
	}
	if said, err := set("--capabilities", "token,apps"); err != nil || said != "" {
		t.Fatalf("%v, said %s", err, said)
	}
	if got := acmeOf(t, dir); strings.Join(got.Capabilities, " ") != "apps token" ||
		got.Email != "dev@acme.example" || got.Source != "" {
		t.Errorf("%+v", got)
	}
	if said, err := set("--email", "Ops@acme.example", "--source", "hosted", "--config", config); err != nil ||
		said != "email is stored, but the tenant's block in the configuration says another one, which holds\n" {
		t.Fatalf("%v, said %q", err, said)
	}
	if got := acmeOf(t, dir); strings.Join(got.Capabilities, " ") != "apps token" ||
		got.Email != "ops@acme.example" || got.Source != "hosted" {
		t.Errorf("%+v", got)
	}
	if _, _, err := run(t, "", "connection", "link", "--tenant", "acme", "--user", harness.Alice, "--app", "openai",
		"--public-url", "https://gw.example", "--data", dir, "--config", config); err == nil ||
		!strings.Contains(err.Error(), "source hosted vends for tenant acme") {
		t.Errorf("a link where another source vends: %v", err)
	}
	if _, err := set("--default-source"); err != nil || acmeOf(t, dir).Source != "" {
		t.Errorf("the default source: %v, %+v", err, acmeOf(t, dir))
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"nothing":        {nil, "write at least one of --email"},
		"unknown source": {[]string{"--source", "none", "--config", config}, `source "none" is not in the configuration`},
		"bad email":      {[]string{"--email", "nobody"}, "an email address must"},
		"bad capability": {[]string{"--capabilities", "root"}, "any of apps, connections, token, delete"},
		"both":           {[]string{"--source", "x", "--default-source"}, "none of the others can be"},
	} {
		if _, err := set(c.args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := run(t, "", "tenant", "set", "nobody", "--email", "a@b.example", "--data", dir); err == nil ||
		!strings.Contains(err.Error(), connect.ErrTenantUnknown.Error()) {
		t.Errorf("unknown tenant: %v", err)
	}
}

func TestTenantDelete(t *testing.T) {
	s := newRevocationScene(t, nil)
	s.imports("acme", harness.Alice, "crm", `{"refresh_token":"rt-1"}`)
	s.imports("acme", harness.Alice, "key", `{"api_key":"sk-1"}`)
	kept := s.imports("other", harness.Alice, "crm", `{"refresh_token":"rt-other"}`)
	must(t, "", "oauth-client", "set", "crm", "--client-id", "id", "--public", "--tenant", "acme", "--data", s.dir,
		"--config", s.config)
	must(t, "", "tenant", "mcp-url", "acme", "--data", s.dir)
	if _, _, err := run(t, "", "tenant", "delete", "acme", "--yes", "--data", s.dir); err == nil ||
		err.Error() != "tenant acme has 2 connections: add --with-connections to delete them, too" {
		t.Errorf("with connections: %v", err)
	}
	got, err := s.run("tenant", "delete", "acme", "--with-connections")
	if err != nil || got.Revoked != 1 || len(got.Stay) != 1 {
		t.Errorf("deleted: %+v, %v", got, err)
	}
	if asked := s.asked(); asked != "rt-1" {
		t.Errorf("the provider was asked to end %s", asked)
	}
	for _, list := range [][]string{{"tenant", "list"}, {"connection", "list"}, {"oauth-client", "list"}} {
		if out := must(t, "", append(list, "--data", s.dir)...); strings.Contains(out, "acme ") {
			t.Errorf("%s still lists %s", list, out)
		}
	}
	if holds, flagged := s.holds("other", kept); !holds || flagged {
		t.Error("another tenant's connection has changed")
	}
	if trail := must(t, "", "audit", "--tenant", "acme", "--data", s.dir); !strings.Contains(trail, "tenant_deleted") ||
		!strings.Contains(trail, "tenant_created") {
		t.Errorf("the audit trail:\n%s", trail)
	}
	for args, want := range map[string]string{
		"acme --yes": connect.ErrTenantUnknown.Error(),
		"other":      "tenant other has 1 connections",
	} {
		if _, _, err := run(t, "",
			append([]string{"tenant", "delete", "--data", s.dir}, strings.Fields(args)...)...); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestTenantDeleteConfigured deletes only what is stored of a tenant of the configuration.
func TestTenantDeleteConfigured(t *testing.T) {
	dir := t.TempDir()
	config := configOf(t, "source local\ntenant front {\n key {env.FRONT}\n}\n")
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	remove := []string{"tenant", "delete", "front", "--yes", "--data", dir}
	if _, _, err := run(t, "", append(remove, "--config", config)...); err == nil ||
		!strings.Contains(err.Error(), "nothing is stored of tenant front") {
		t.Errorf("without anything stored: %v", err)
	}
	must(t, "", "tenant", "mcp-url", "front", "--data", dir, "--config", config)
	_, said, err := run(t, "", append(remove, "--config", config)...)
	if err != nil || !strings.Contains(said, "its block in the configuration stays") {
		t.Errorf("%v, said %q", err, said)
	}
	if trail := must(t, "", "audit", "--tenant", "front", "--data", dir); !strings.Contains(trail, "tenant_deleted") {
		t.Errorf("the audit trail:\n%s", trail)
	}
}

func TestEndMCPURL(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	must(t, "", "tenant", "mcp-url", "acme", "--data", dir)
	if out := must(t, "", "tenant", "mcp-url", "acme", "--end", "--data", dir); out != "" {
		t.Errorf("printed %q", out)
	}
	if _, _, err := run(t, "", "tenant", "mcp-url", "acme", "--end", "--data", dir); err == nil ||
		err.Error() != "tenant acme has no MCP URL: there is nothing to end" {
		t.Errorf("again: %v", err)
	}
	if trail := must(t, "", "audit", "--data", dir); strings.Count(trail, "mcp_url_ended") != 1 {
		t.Errorf("the audit trail:\n%s", trail)
	}
}
