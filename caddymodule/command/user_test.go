package command_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/tests/harness"
)

// userScene has an end user with all that can be kept of one, and another one.
func userScene(t *testing.T, answers map[string][]int) (s *revocationScene, crm string) {
	t.Helper()
	s = newRevocationScene(t, answers)
	crm = s.imports("acme", harness.Alice, "crm", `{"access_token":"at-SECRET","refresh_token":"rt-SECRET"}`)
	s.imports("acme", harness.Alice, "key", `{"api_key":"sk-SECRET"}`)
	s.imports("acme", "bob@example.com", "crm", `{"refresh_token":"rt-bob"}`)
	s.imports("other", harness.Alice, "key", `{"api_key":"sk-SECRET"}`)
	if _, _, err := run(t, "", "caller-key", "create", "--tenant", "acme", "--connection", crm, "--name",
		"for Alice Smith", "--data", s.dir, "--config", s.config); err != nil {
		t.Fatal(err)
	}
	store, err := store.Open(t.Context(), store.Options{Dir: s.dir})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := store.Hold(t.Context(), "acme", harness.Alice, crm, "invoices of Alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := store.RenewLink(t.Context(), "acme", harness.Alice, crm); err != nil {
		t.Fatal(err)
	}
	// A free text that names the end user, in the row of another.
	if err := store.Record(t.Context(), connect.AuditRow{Event: connect.HoldPlaced, Tenant: "acme",
		User: "bob@example.com", Detail: "shared with " + strings.ToUpper(harness.Alice)}); err != nil {
		t.Fatal(err)
	}
	return s, crm
}

func TestUserExport(t *testing.T) {
	s, crm := userScene(t, nil)
	out := must(t, "", "user", "export", "--tenant", "acme", "--user", " "+strings.ToUpper(harness.Alice), "--data", s.dir,
		"--config", s.config)
	var got struct {
		Tenant, User string
		Connections  []struct {
			ID, App, Status string
			AuthType        string `json:"auth_type"`
			Links           []struct{ Status string }
			Holds           []struct{ Name string }
		}
		CallerKeys []struct{ ID, Name, Key string } `json:"caller_keys"`
		Audit      []auditRow
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	if got.Tenant != "acme" || got.User != harness.Alice || len(got.Connections) != 2 || len(got.CallerKeys) != 1 ||
		got.CallerKeys[0].Key != "" || len(got.Audit) != 5 {
		t.Errorf("exported %s", out)
	}
	if c := got.Connections[0]; c.ID != crm || c.AuthType != "o_auth" || len(c.Links) != 1 ||
		len(c.Holds) != 1 || c.Holds[0].Name != "invoices of Alice" {
		t.Errorf("exported %+v", c)
	}
	if strings.Contains(out, "SECRET") || strings.Contains(out, "bob@") {
		t.Errorf("exported %s", out)
	}
	if _, _, err := run(t, "", "user", "export", "--tenant", "acme", "--user", "eve@example.com", "--data",
		s.dir); err == nil || !strings.Contains(err.Error(), connect.ErrUserUnknown.Error()) {
		t.Errorf("unknown: %v", err)
	}
}

// TestUserErase leaves nothing of the end user in any file of the store, and all of the others.
func TestUserErase(t *testing.T) {
	s, _ := userScene(t, map[string][]int{"rt-SECRET": {500, 500, 500}})
	erase := []string{"user", "erase", "--tenant", "acme", "--user", strings.ToUpper(harness.Alice)}
	if _, _, err := run(t, "", append(erase, "--data", s.dir)...); err == nil ||
		!strings.Contains(err.Error(), "write --yes to do it") {
		t.Errorf("without --yes: %v", err)
	}
	got, err := s.run(erase...)
	if err == nil || len(got.Failed) != 1 || len(got.Stay) != 1 {
		t.Errorf("with a provider that fails: %+v, %v", got, err)
	}
	if keys := must(t, "", "caller-key", "list", "--data", s.dir); strings.Contains(keys, "ckey_") {
		t.Errorf("calls go on by %s", keys)
	}
	out, said, err := run(t, "", append(erase, "--yes", "--data", s.dir, "--config", s.config)...)
	pseudonym := regexp.MustCompile(`erased-[0-9a-f]{32}`).FindString(said)
	if err != nil || pseudonym == "" || !strings.Contains(out, "revoked at the provider      1") {
		t.Fatalf("erased: %v, said %s and printed %s", err, said, out)
	}
	if asked := s.asked(); asked != "rt-SECRET rt-SECRET rt-SECRET rt-SECRET" {
		t.Errorf("the provider was asked to end %s", asked)
	}
	trail := must(t, "", "audit", "--data", s.dir, "--tenant", "acme")
	if strings.Contains(strings.ToLower(trail), "alice") || strings.Count(trail, "user_erased") != 1 ||
		!strings.Contains(trail, "shared with "+pseudonym) || !strings.Contains(trail, "bob@example.com") {
		t.Errorf("the audit trail:\n%s", trail)
	}
	if trail = must(t, "", "audit", "--data", s.dir, "--tenant", "other"); !strings.Contains(trail, harness.Alice) {
		t.Errorf("the other tenant's end user of that address is gone:\n%s", trail)
	}
	if _, said, err = run(t, "", append(erase, "--yes", "--data", s.dir, "--config", s.config)...); err != nil ||
		!strings.Contains(said, "nothing was left") || !strings.Contains(said, pseudonym) {
		t.Errorf("again: %v, said %s", err, said)
	}
	if _, err := s.run("user", "erase", "--tenant", "acme", "--user", "eve@example.com"); err == nil ||
		!strings.Contains(err.Error(), connect.ErrUserUnknown.Error()) {
		t.Errorf("unknown: %v", err)
	}
	// of the other tenant's too, there is nothing left that a search of the files could find
	if _, err := s.run("user", "erase", "--tenant", "other", "--user", harness.Alice); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"vendgate.db", "vendgate.db-wal"} {
		raw, err := os.ReadFile(filepath.Join(s.dir, file))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToLower(string(raw)), "alice") {
			t.Errorf("%s still names the end user", file)
		}
	}
}

// TestPseudonym is the same for one end user of a tenant, also after the keyset was rotated.
func TestPseudonym(t *testing.T) {
	s := newRevocationScene(t, nil)
	erased := func(tenant, user string) string {
		s.imports(tenant, user, "key", `{"api_key":"sk-1"}`)
		_, said, err := run(t, "", "user", "erase", "--tenant", tenant, "--user", user, "--yes", "--data", s.dir, "--config",
			s.config)
		if err != nil {
			t.Fatal(err)
		}
		return regexp.MustCompile(`erased-[0-9a-f]{32}`).FindString(said)
	}
	first := erased("acme", "a@example.com")
	must(t, "", "keyset", "rotate", "--data", s.dir)
	if again := erased("acme", "a@example.com"); first == "" || again != first {
		t.Errorf("%s, and then %s", first, again)
	}
	for _, other := range [][2]string{{"acme", "b@example.com"}, {"other", "a@example.com"}} {
		if p := erased(other[0], other[1]); p == first {
			t.Errorf("%s has the same pseudonym", other)
		}
	}
}
