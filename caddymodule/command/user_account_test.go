package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
	"github.com/vendgate/vendgate/vending"
)

// TestUserAccount: what a provider calls an end user's account is exported with their data, and
// erased with it.
func TestUserAccount(t *testing.T) {
	s := newRevocationScene(t, nil)
	id := s.imports("acme", harness.Alice, "key", `{"api_key":"sk-SECRET"}`)
	store, err := store.Open(t.Context(), store.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	seen, err := store.Describe(t.Context(), "acme", harness.Alice, id)
	if err != nil {
		t.Fatal(err)
	}
	grant := connect.NewGrant(connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: "sk-SECRET"}}})
	if _, err := store.ReplaceGrant(t.Context(), seen, grant.Verify().OfAccount("wonderland-account"), ""); err != nil {
		t.Fatal(err)
	}
	store.Close()
	of := []string{"--tenant", "acme", "--user", harness.Alice, "--data", s.dir, "--config", s.config}
	out := must(t, "", append([]string{"user", "export"}, of...)...)
	if !strings.Contains(out, `"account": "wonderland-account"`) {
		t.Errorf("exported %s", out)
	}
	if trail := must(t, "", "audit", "--data", s.dir); strings.Contains(trail, "wonderland") {
		t.Errorf("the audit trail:\n%s", trail)
	}
	if _, _, err := run(t, "", append([]string{"user", "erase", "--yes"}, of...)...); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"vendgate.db", "vendgate.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(s.dir, file))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if strings.Contains(string(raw), "wonderland") {
			t.Errorf("%s still names the account", file)
		}
	}
}
