package command_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect"
)

var keyForm = regexp.MustCompile(`^pk_live_[0-9A-Za-z]{43}$`)

func TestTenantCommands(t *testing.T) {
	dir := t.TempDir()
	first, noted, err := run(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	if err != nil || noted != "tenant acme is in the store in "+dir+"\n" {
		t.Fatalf("created: %v, and said %q", err, noted)
	}
	if !keyForm.MatchString(strings.TrimSuffix(first, "\n")) {
		t.Fatalf("created: %q", first)
	}
	var minted struct{ Tenant, Key, KeySHA256 string }
	out := must(t, "", "tenant", "create", "beta", "--email", "b@b.example", "--capabilities", "token,apps", "--name",
		" Beta ", "--json", "--data", dir)
	if err := json.Unmarshal([]byte(strings.ReplaceAll(out, "key_sha256", "KeySHA256")), &minted); err != nil ||
		minted.Tenant != "beta" || !keyForm.MatchString(minted.Key) || len(minted.KeySHA256) != 64 {
		t.Fatalf("created: %s, %v", out, err)
	}
	second := must(t, "", "tenant", "rotate", "acme", "--data", dir)
	if !keyForm.MatchString(strings.TrimSuffix(second, "\n")) || second == first {
		t.Fatalf("rotated: %q", second)
	}
	must(t, "", "tenant", "disable", "beta", "--data", dir)

	table := must(t, "", "tenant", "list", "--data", dir)
	lines := strings.Split(strings.TrimSuffix(table, "\n"), "\n")
	for i, want := range []string{
		`^TENANT +NAME +EMAIL +STATE +SOURCE +CAPABILITIES +KEY FINGERPRINTS +CREATED$`,
		`^acme +- +dev@acme\.example +active +- +apps,connections,token,delete +[0-9a-f]{12},[0-9a-f]{12} ` +
			`+20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$`,
		`^beta +Beta +b@b\.example +disabled +- +apps,token +[0-9a-f]{12} +20\S+Z$`,
	} {
		if i >= len(lines) || !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("line %d is no %s:\n%s", i, want, table)
		}
	}
	listed := must(t, "", "tenant", "list", "--json", "--data", dir)
	var rows []struct {
		ID           string   `json:"id"`
		Disabled     bool     `json:"disabled"`
		Fingerprints []string `json:"key_fingerprints"`
	}
	if err := json.Unmarshal([]byte(listed), &rows); err != nil || len(rows) != 2 || rows[0].ID != "acme" ||
		len(rows[0].Fingerprints) != 2 || !rows[1].Disabled {
		t.Errorf("listed: %s, %v", listed, err)
	}
	if rows[1].Fingerprints[0] != minted.KeySHA256[:12] {
		t.Errorf("fingerprint %s of a key with digest %s", rows[1].Fingerprints[0], minted.KeySHA256)
	}
	if strings.Contains(table+listed, "pk_live_") {
		t.Errorf("a key is listed:\n%s%s", table, listed)
	}
	if out := must(t, "", "tenant", "promote", "acme", "--data", dir); out != "" {
		t.Errorf("promote printed %q", out)
	}
}

// TestNoCodes: what the store refuses is told without the code, which is for callers of the API.
func TestNoCodes(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	for begins, args := range map[string][]string{
		"an email address must": {"tenant", "create", "other", "--email", "nobody"},
		"name: ":                {"tenant", "brand", "acme", "--name", "\x01"},
		"scopes: ":              {"oauth-client", "set", "gmail", "--client-id", "id", "--public", "--scopes", "a b"},
	} {
		if _, _, err := run(t, "", append(args, "--data", dir)...); err == nil || !strings.HasPrefix(err.Error(), begins) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

func TestTenantCommandErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, "", "tenant", "create", "acme", "--email", "dev@acme.example", "--data", dir)
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"taken":     {[]string{"create", "acme", "--email", "x@x.example"}, connect.ErrTenantExists.Error()},
		"no email":  {[]string{"create", "other"}, `required flag(s) "email" not set`},
		"bad email": {[]string{"create", "other", "--email", "nobody"}, "email"},
		"bad name":  {[]string{"create", "Other", "--email", "x@x.example"}, "1 to 63 of a-z"},
		"bad capability": {[]string{"create", "other", "--email", "x@x.example", "--capabilities", "root"},
			"any of apps, connections, token, delete"},
		"no name":         {[]string{"rotate"}, "accepts 1 arg(s), received 0"},
		"two names":       {[]string{"rotate", "acme", "beta"}, "accepts 1 arg(s), received 2"},
		"rotate unknown":  {[]string{"rotate", "nobody"}, connect.ErrTenantUnknown.Error() + " in this store: create it"},
		"promote unknown": {[]string{"promote", "nobody"}, connect.ErrTenantUnknown.Error() + " in this store: create it"},
		"disable unknown": {[]string{"disable", "nobody"}, connect.ErrTenantUnknown.Error() + " in this store: create it"},
		"promote one key": {[]string{"promote", "acme"}, connect.ErrOneKey.Error()},
		"unknown flag":    {[]string{"list", "--keys"}, "unknown flag: --keys"},
		"missing config": {[]string{"list", "--config", filepath.Join(dir, "none")},
			"reading " + filepath.Join(dir, "none")},
		"list with argument": {[]string{"list", "acme"}, "accepts 0 arg(s), received 1"},
	} {
		t.Run(name, func(t *testing.T) {
			out, _, err := run(t, "", append([]string{"tenant", "--data", dir}, tt.args...)...)
			if err == nil || !strings.Contains(err.Error(), tt.want) || out != "" {
				t.Errorf("%v, printed %q", err, out)
			}
		})
	}
	must(t, "", "tenant", "rotate", "acme", "--data", dir)
	if _, _, err := run(t, "", "tenant", "rotate", "acme", "--data", dir); err == nil ||
		!strings.Contains(err.Error(), connect.ErrTwoKeys.Error()) {
		t.Errorf("a third key: %v", err)
	}
}
