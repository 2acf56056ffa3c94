package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/services"
)

// postgresConfig writes a Caddyfile whose store is in a database of PostgreSQL, sealed by the key
// in a file, and returns its name.
func postgresConfig(t *testing.T, dir, url, kek string) string {
	t.Helper()
	secret := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(secret, []byte(url), 0o600); err != nil {
		t.Fatal(err)
	}
	return configOf(t,
		fmt.Sprintf("data_dir %q\n\t\tstore {\n\t\t\tpostgres {file.%s}\n\t\t\tkey_encryption_key {file.%s}\n\t\t}",
			dir, secret, kek))
}

// TestStoreMigrate moves a store by the configuration that the gateway is to run with. Commands
// then work on the new store with that, and refuse the old one.
func TestStoreMigrate(t *testing.T) {
	dir, pg := filepath.Join(t.TempDir(), "store"), services.PostgreSQL(t)
	kek, _ := createKEK(t)
	config := postgresConfig(t, dir, pg.URL, kek)
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	id := strings.TrimSpace(must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user",
		"a@example.com", "--app", "openai", "--no-verify", "--data", dir))

	if _, _, err := run(t, "", "store", "migrate", "--data", dir); err == nil ||
		!strings.Contains(err.Error(), "write postgres and key_encryption_key") {
		t.Errorf("without a database: %v", err)
	}
	out := must(t, "", "store", "migrate", "--config", config)
	for _, want := range []string{"connections        1          1\n", "tenants            1          1\n",
		"start the gateway with this configuration", dir} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out := must(t, "", "connection", "list", "--tenant", "acme", "--config", config); !strings.Contains(out, id) {
		t.Errorf("the new store lists %s", out)
	}
	if out := must(t, "", "store", "check", "--config", config); !strings.Contains(out, "all 1 sealed rows open") {
		t.Errorf("the check says %s", out)
	}
	if _, _, err := run(t, "", "connection", "list", "--data", dir); err == nil ||
		!strings.Contains(err.Error(), "the store was moved to PostgreSQL") {
		t.Errorf("the old store: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, "vendgate.db.moved")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := run(t, "", "store", "migrate", "--config", config); err == nil ||
		!strings.Contains(err.Error(), "has a store already") || strings.Contains(err.Error(), pg.URL) {
		t.Errorf("a second time: %v", err)
	}
}

func TestStoreMigrateJSON(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	kek, _ := createKEK(t)
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	out := must(t, "", "store", "migrate", "--json", "--config", postgresConfig(t, dir, services.PostgreSQL(t).URL, kek))
	var moved struct {
		Tables []struct {
			Table string
			Rows  int
		}
	}
	if err := json.Unmarshal([]byte(out), &moved); err != nil || len(moved.Tables) != 12 ||
		moved.Tables[0].Table != "tenants" || moved.Tables[0].Rows != 1 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestStoreCommandsOfPostgres: commands that are of SQLite say what to use in their place.
func TestStoreCommandsOfPostgres(t *testing.T) {
	kek, _ := createKEK(t)
	pg := services.PostgreSQL(t)
	config := postgresConfig(t, t.TempDir(), pg.URL, kek)
	place := "PostgreSQL database " + pg.Database + " at " + pg.Addr
	if out := must(t, "", "keyset", "create", "--config", config); out != "The store and its keyset are in "+place+"\n" {
		t.Errorf("keyset create: %s", out)
	}
	if out := must(t, "", "keyset", "create", "--json", "--config", config); out !=
		fmt.Sprintf("{\n  \"database\": %q\n}\n", place) {
		t.Errorf("keyset create --json: %s", out)
	}
	_, noted, err := run(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--config", config)
	if err != nil || noted != "tenant acme is in the store in "+place+"\n" {
		t.Errorf("tenant create: %v: %s", err, noted)
	}
	file := filepath.Join(t.TempDir(), "backup")
	for said, args := range map[string][]string{
		"back it up by pg_dump": {"store", "backup", file},
		"restore that by pg_restore into an empty database, and run `vendgate store adopt`": {"store", "restore", file},
	} {
		if _, _, err := run(t, "", append(args, "--config", config)...); err == nil || !strings.Contains(err.Error(), said) {
			t.Errorf("%q: %v", args, err)
		}
	}
	if out := must(t, "", "store", "upgrade", "--config", config); out !=
		"The store in "+place+" has the schema of this version already\n" {
		t.Errorf("upgrade: %s", out)
	}
	if out := must(t, "", "store", "adopt", "--config", config); !strings.HasPrefix(out, "The restored store is ready") {
		t.Errorf("adopt: %s", out)
	}
	if _, _, err := run(t, "", "store", "adopt", "--data", sqliteStore(t)); err == nil ||
		!strings.Contains(err.Error(), "the store is one of SQLite") {
		t.Errorf("adopt of SQLite: %v", err)
	}
}

// sqliteStore makes a store, and returns its directory.
func sqliteStore(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	must(t, "", "keyset", "create", "--data", dir)
	return dir
}
