package command_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/vault"
)

// createKEK writes a new key-encryption key to a file, and returns that and the key's fingerprint.
func createKEK(t *testing.T) (file, fingerprint string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "kek")
	var created struct{ Fingerprint, File string }
	out := must(t, "", "keyset", "kek", "create", "--json", "--out", file)
	if err := json.Unmarshal([]byte(out), &created); err != nil || created.File != file {
		t.Fatalf("created %q, %v", out, err)
	}
	return file, created.Fingerprint
}

func TestCreateKEK(t *testing.T) {
	out, stderr, err := run(t, "", "keyset", "kek", "create")
	if err != nil {
		t.Fatal(err)
	}
	k, err := vault.ParseKEK(out)
	if err != nil || stderr != "fingerprint "+k.Fingerprint()+"\n" {
		t.Errorf("%v, and standard error has %q", err, stderr)
	}
	var printed struct{ Fingerprint, Key string }
	if err := json.Unmarshal([]byte(must(t, "", "keyset", "kek", "create", "--json")), &printed); err != nil {
		t.Fatal(err)
	}
	if k, err := vault.ParseKEK(printed.Key); err != nil || k.Fingerprint() != printed.Fingerprint {
		t.Errorf("%v, %v; want the fingerprint %s", k, err, printed.Fingerprint)
	}
	if printed.Key == strings.TrimSpace(out) {
		t.Error("the same key twice")
	}
}

func TestCreateKEKFile(t *testing.T) {
	file, fingerprint := createKEK(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if k, err := vault.ParseKEK(string(text)); err != nil || k.Fingerprint() != fingerprint {
		t.Errorf("%v, %v; want the fingerprint %s", k, err, fingerprint)
	}
	if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	_, _, err = run(t, "", "keyset", "kek", "create", "--out", file)
	if err == nil || !strings.Contains(err.Error(), file+" exists") {
		t.Errorf("over a file: %v", err)
	}
	if again, err := os.ReadFile(file); err != nil || string(again) != string(text) {
		t.Errorf("the file was changed: %v", err)
	}
	out := must(t, "", "keyset", "kek", "create", "--out", file+"2")
	if strings.Contains(out, "=") || !strings.HasSuffix(out, " is in "+file+"2\n") {
		t.Errorf("printed %q", out)
	}
	if _, _, err := run(t, "", "keyset", "kek", "crate"); err == nil ||
		!strings.Contains(err.Error(), `no command "crate"`) {
		t.Errorf("a misspelt command: %v", err)
	}
}

// sealedConfig writes a Caddyfile whose store in dir has key-encryption keys, and returns its name.
func sealedConfig(t *testing.T, dir string, keks ...string) string {
	t.Helper()
	refs := ""
	for _, file := range keks {
		refs += " {file." + file + "}"
	}
	return configOf(t, fmt.Sprintf("data_dir %q\n\t\tstore {\n\t\t\tkey_encryption_key%s\n\t\t}", dir, refs))
}

// TestKEKCommands makes a store with a key-encryption key, and replaces that.
func TestKEKCommands(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	first, firstPrint := createKEK(t)
	next, nextPrint := createKEK(t)
	config := sealedConfig(t, dir, first)
	must(t, "", "keyset", "create", "--config", config)
	if _, err := os.Stat(filepath.Join(dir, "keyset.json")); !os.IsNotExist(err) {
		t.Errorf("there is a keyset file: %v", err)
	}
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--config", config)
	must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user", "a@example.com", "--app", "openai",
		"--no-verify", "--config", config)
	if out := must(t, "", "keyset", "rotate", "--config", config); out != "1 connections sealed with the new key\n" {
		t.Errorf("rotated: %q", out)
	}
	for name, args := range map[string][]string{
		"none": {"--data", dir}, "another": {"--config", sealedConfig(t, dir, next)},
	} {
		_, _, err := run(t, "", append([]string{"tenant", "list"}, args...)...)
		if err == nil || !strings.Contains(err.Error(), "with the fingerprint "+firstPrint+",") {
			t.Errorf("with %s: %v", name, err)
		}
	}
	both := sealedConfig(t, dir, next, first)
	if out := must(t, "", "keyset", "kek", "show", "--config", both); !strings.Contains(out, nextPrint+"     opens\n") ||
		!strings.Contains(out, firstPrint+"     seals the keyset\n") {
		t.Errorf("shown: %q", out)
	}
	want := "The key-encryption key " + nextPrint + " seals the keyset now\n"
	if out := must(t, "", "keyset", "kek", "rotate", "--config", both); out != want {
		t.Errorf("rotated: %q, want %q", out, want)
	}
	want = fmt.Sprintf("{\n  \"changed\": false,\n  \"fingerprint\": %q\n}\n", nextPrint)
	if out := must(t, "", "keyset", "kek", "rotate", "--json", "--config", both); out != want {
		t.Errorf("rotated again: %q, want %q", out, want)
	}
	if out := must(t, "", "tenant", "list", "--config", sealedConfig(t, dir, next)); !strings.Contains(out, "acme") {
		t.Errorf("listed: %q", out)
	}
}

// TestSealedBackup backs a store with a key-encryption key up, and restores it in each way.
func TestSealedBackup(t *testing.T) {
	top := t.TempDir()
	kek, fingerprint := createKEK(t)
	other, _ := createKEK(t)
	config := sealedConfig(t, filepath.Join(top, "store"), kek)
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--config", config)
	must(t, `{"api_key":"sk-1"}`, "connection", "import", "--tenant", "acme", "--user", "a@example.com", "--app", "openai",
		"--no-verify", "--config", config)
	passphrase := filepath.Join(top, "passphrase")
	if err := os.WriteFile(passphrase, []byte("correct horse battery staple\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	plain, whole := filepath.Join(top, "plain"), filepath.Join(top, "whole")
	if out := must(t, "", "store", "backup", plain, "--config", config); !strings.Contains(out,
		"in it, sealed by the key-encryption key "+fingerprint) {
		t.Errorf("backed up: %q", out)
	}
	must(t, "", "store", "backup", whole, "--config", config, "--with-keyset", "--passphrase-file", passphrase)
	if out := must(t, "", "store", "verify", plain, "--config", config); !strings.Contains(out, fingerprint+" opens it") {
		t.Errorf("verified: %q", out)
	}
	wrong := sealedConfig(t, filepath.Join(top, "wrong"), other)
	for name, args := range map[string][]string{
		"verify by another key":  {"store", "verify", plain, "--config", wrong},
		"restore by another key": {"store", "restore", plain, "--config", wrong},
		"restore without a key":  {"store", "restore", plain, "--data", filepath.Join(top, "wrong")},
	} {
		if _, _, err := run(t, "", args...); err == nil || !strings.Contains(err.Error(), "fingerprint "+fingerprint) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, restore := range map[string]struct {
		backup, config string
		flags          []string
	}{
		"as it was": {plain, sealedConfig(t, filepath.Join(top, "as it was"), kek), nil},
		"another key": {whole, sealedConfig(t, filepath.Join(top, "another key"), other),
			[]string{"--passphrase-file", passphrase}},
		"a keyset file": {whole, configOf(t, fmt.Sprintf("data_dir %q", filepath.Join(top, "file"))),
			[]string{"--passphrase-file", passphrase}},
	} {
		args := append([]string{"store", "restore", restore.backup, "--config", restore.config}, restore.flags...)
		must(t, "", args...)
		if out := must(t, "", "keyset", "rotate", "--config",
			restore.config); out != "1 connections sealed with the new key\n" {
			t.Errorf("%s: rotated %q", name, out)
		}
	}
	if _, err := os.Stat(filepath.Join(top, "file", "keyset.json")); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(top, "another key", "keyset.json")); !os.IsNotExist(err) {
		t.Errorf("there is a keyset file next to a sealed keyset: %v", err)
	}
}

// TestPostgresCommandsRefuse: what is wrong with the configuration shows before anything is opened.
func TestPostgresCommandsRefuse(t *testing.T) {
	kek, _ := createKEK(t)
	t.Setenv("VG_DATABASE", "mysql://vendgate:NEVERSHOWN@db.example/vendgate")
	t.Setenv("VG_POSTGRES", "postgres://vendgate:NEVERSHOWN@db.example/vendgate")
	postgres := func(ref, rest string) string {
		return configOf(t, "store {\n\t\t\tpostgres "+ref+"\n\t\t\t"+rest+"\n\t\t}")
	}
	withKey := "key_encryption_key {file." + kek + "}"
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no key": {[]string{"--config", postgres("{env.VG_POSTGRES}", "")}, "postgres needs a key_encryption_key"},
		"another database": {[]string{"--config", postgres("{env.VG_DATABASE}", withKey)},
			"postgres: {env.VG_DATABASE} is not the URL of a PostgreSQL server"},
		"not set": {[]string{"--config", postgres("{env.VG_NOT_SET}", withKey)},
			"the secret {env.VG_NOT_SET} is missing or empty"},
		"not a key": {[]string{"--config", postgres("{env.VG_POSTGRES}", "key_encryption_key {env.VG_POSTGRES}")},
			"key_encryption_key {env.VG_POSTGRES}: "},
		"the same key twice": {[]string{"--config", postgres("{env.VG_POSTGRES}", withKey+" {file."+kek+"}")},
			"both keys are the same"},
		"a directory too": {[]string{"--config", postgres("{env.VG_POSTGRES}", withKey), "--data", t.TempDir()},
			"leave one of them out"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := run(t, "", append([]string{"tenant", "list"}, c.args...)...)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "NEVER") {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
	_, _, err := run(t, "", "store", "restore", kek, "--config", postgres("{env.VG_POSTGRES}", withKey))
	if err == nil || !strings.Contains(err.Error(), "pg_restore") {
		t.Errorf("restored: %v", err)
	}
}
