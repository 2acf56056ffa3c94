package command_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/tests/harness"
)

// The module's commands, as Caddy runs them.
var (
	run        = harness.Command
	runContext = harness.CommandContext
	must       = harness.MustCommand
)

// TestCommandsWithConfig takes data_dir, apps and tenants from a Caddyfile.
func TestCommandsWithConfig(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "Caddyfile")
	text := fmt.Sprintf("{\n\tvendgate {\n\t\tdata_dir %q\n\t\ttenant configured {\n\t\t\tkey "+
		"{env.NOT_NEEDED_HERE}\n\t\t}\n\t\t%s\n\t}\n}\n", filepath.Join(dir, "store"), harness.KeyApp("127.0.0.1:1"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	id := must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "configured", "--user", "a@example.com",
		"--app", "key", "--config", config)
	if listed := must(t, "", "connection", "list", "--data", filepath.Join(dir, "store")); !strings.Contains(listed,
		strings.TrimSpace(id)) {
		t.Errorf("imported %s, listed %s", id, listed)
	}
}

func TestKeysetCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	if out := must(t, "", "keyset", "create", "--data", dir); out != "The store and its keyset are in "+dir+"\n" {
		t.Errorf("created: %q", out)
	}
	before, err := os.ReadFile(filepath.Join(dir, "keyset.json"))
	if err != nil {
		t.Fatal(err)
	}
	if out := must(t, "", "keyset", "create", "--json", "--data", dir); out != fmt.Sprintf("{\n  \"data_dir\": %q\n}\n",
		dir) {
		t.Errorf("created again: %q", out)
	}
	if again, err := os.ReadFile(filepath.Join(dir, "keyset.json")); err != nil || !bytes.Equal(again, before) {
		t.Errorf("create changed the keyset that was there: %v", err)
	}
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	for range 2 {
		must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user", "a@example.com", "--app",
			"openai", "--no-verify", "--data", dir)
	}
	if out := must(t, "", "keyset", "rotate", "--data", dir); out != "2 connections sealed with the new key\n" {
		t.Errorf("rotated: %q", out)
	}
	if out := must(t, "", "keyset", "rotate", "--json", "--data", dir); out != "{\n  \"resealed\": 2\n}\n" {
		t.Errorf("rotated: %q", out)
	}
	if err := os.Remove(filepath.Join(dir, "keyset.json")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, "", "keyset", "create", "--data", dir); err == nil ||
		!strings.Contains(err.Error(), vault.ErrKeysetMissing.Error()) {
		t.Errorf("create over a store without its keyset: %v", err)
	}
}

// TestCommandsNeedStore: in a mistyped directory nothing is found and nothing is made.
func TestCommandsNeedStore(t *testing.T) {
	for name, args := range map[string][]string{
		"tenant list":       {"tenant", "list"},
		"tenant rotate":     {"tenant", "rotate", "acme"},
		"tenant promote":    {"tenant", "promote", "acme"},
		"tenant disable":    {"tenant", "disable", "acme"},
		"tenant enable":     {"tenant", "enable", "acme"},
		"tenant set":        {"tenant", "set", "acme", "--email", "a@b.example"},
		"tenant delete":     {"tenant", "delete", "acme", "--yes"},
		"tenant revoke":     {"tenant", "revoke-grants", "acme", "--yes"},
		"user export":       {"user", "export", "--tenant", "acme", "--user", "a@example.com"},
		"user erase":        {"user", "erase", "--tenant", "acme", "--user", "a@example.com", "--yes"},
		"tenant brand":      {"tenant", "brand", "acme", "--name", "Acme"},
		"tenant mcp-url":    {"tenant", "mcp-url", "acme"},
		"caller-key create": {"caller-key", "create", "--tenant", "acme", "--connection", "conn_1"},
		"caller-key list":   {"caller-key", "list"},
		"caller-key revoke": {"caller-key", "revoke", "ckey_1"},
		"connection list":   {"connection", "list"},
		"connection delete": {"connection", "delete", "conn_1", "--tenant", "acme"},
		"connection link": {"connection", "link", "--tenant", "acme", "--user", "a@example.com", "--app", "openai",
			"--public-url", "https://gw.example"},
		"connection refresh":  {"connection", "refresh", "conn_1", "--tenant", "acme", "--public-url", "https://gw.example"},
		"oauth-client list":   {"oauth-client", "list"},
		"oauth-client delete": {"oauth-client", "delete", "gmail"},
		"audit":               {"audit"},
		"keyset rotate":       {"keyset", "rotate"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "mistyped")
			out, _, err := run(t, "", append(args, "--data", dir)...)
			if want := "there is no store in " + dir +
				": name its directory with --data or --config, or create one with `keyset create`"; err == nil ||
				err.Error() != want ||
				out != "" {
				t.Errorf("got %v and %q, want %s", err, out, want)
			}
			if _, err := os.Stat(dir); !os.IsNotExist(err) {
				t.Errorf("the directory was made: %v", err)
			}
		})
	}
}

// configOf writes a Caddyfile with the options in its `vendgate` block, and returns its name.
func configOf(t *testing.T, options string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(file, []byte("{\n\tvendgate {\n\t\t"+options+"\n\t}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestNoSubcommand: what is misspelt must not exit as if it were done.
func TestNoSubcommand(t *testing.T) {
	if _, _, err := run(t, "", "app", "bogus"); err == nil ||
		err.Error() != "app has no command \"bogus\"; `app --help` lists them" {
		t.Errorf("got %v", err)
	}
	if out := must(t, "", "tenant"); !strings.Contains(out, "  rotate ") {
		t.Errorf("without a command printed %s", out)
	}
}
