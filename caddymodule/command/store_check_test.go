package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/store"
)

// TestStoreCheck checks a sound store and a damaged one.
func TestStoreCheck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	if out, _, err := run(t, "", "store", "check", "--data", dir); err == nil || out != "" {
		t.Errorf("without a store: %v, printed %q", err, out)
	}
	for i := range 40 {
		if _, _, err := run(t, "", "tenant", "create", "acme"+strings.Repeat("x", i), "--email", "ops@acme.example", "--data",
			dir); err != nil {
			t.Fatal(err)
		}
	}
	out, _, err := run(t, "", "store", "check", "--data", dir)
	if err != nil || !strings.HasPrefix(out, "The store is in order: 40 tenants, 0 connections;") {
		t.Errorf("%v, printed %q", err, out)
	}
	out, _, err = run(t, "", "store", "check", "--data", dir, "--json")
	var checked map[string]any
	if err != nil || json.Unmarshal([]byte(out), &checked) != nil || checked["tenants"] != 40.0 ||
		len(checked["problems"].([]any)) != 0 {
		t.Errorf("%v, printed %q", err, out)
	}
	database := filepath.Join(dir, store.DatabaseName)
	data, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)-4096:], strings.Repeat("x", 64)) // of the trail, which no start reads
	if err := os.WriteFile(database, data, 0o600); err != nil {
		t.Fatal(err)
	}
	out, _, err = run(t, "", "store", "check", "--data", dir)
	if err == nil || !strings.Contains(err.Error(), "the store is damaged: ") || !strings.Contains(out, "database") ||
		!strings.Contains(out, "restore a backup") {
		t.Errorf("%v, printed %q", err, out)
	}
}
