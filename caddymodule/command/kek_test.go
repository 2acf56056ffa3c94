package command_test

import (
	"encoding/json"
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
	if _, _, err := run(t, "", "keyset", "kek", "crate"); err == nil || !strings.Contains(err.Error(), `no command "crate"`) {
		t.Errorf("a misspelt command: %v", err)
	}
}
