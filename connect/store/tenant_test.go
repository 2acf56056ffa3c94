package store

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"regexp"
	"testing"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func TestMintKey(t *testing.T) {
	form := regexp.MustCompile(`^pk_live_[0-9A-Za-z]{43}$`)
	seen := make(map[string]bool)
	for range 1000 {
		key, digest := connect.MintKey()
		if !form.MatchString(key) || digest != sha256.Sum256([]byte(key)) || seen[key] {
			t.Fatal("a key of another form, of another digest, or twice")
		}
		seen[key] = true
	}
}

func liveKeys(t *testing.T, s *Store) map[[32]byte]string {
	t.Helper()
	live := make(map[[32]byte]string)
	for _, tenant := range must[policy.Stored](t)(s.TenantKeys(t.Context())).Tenants {
		for _, digest := range tenant.Keys {
			live[digest] = tenant.ID
		}
	}
	return live
}

// TestKeyWithoutTenant: a key whose tenant was taken out of the database by hand, where SQLite's
// own tools leave foreign keys off, admits no one, and does not keep the others from being read.
func TestKeyWithoutTenant(t *testing.T) { storetest.EachAtOnce(t, testKeyWithoutTenant) }

func testKeyWithoutTenant(t *testing.T) {
	s := openStore(t, t.TempDir())
	for _, id := range []string{"acme", "gone"} {
		if _, err := s.CreateTenant(t.Context(), connect.Tenant{ID: id, Email: "dev@acme.example"}); err != nil {
			t.Fatal(err)
		}
	}
	off := "PRAGMA foreign_keys = OFF"
	if storetest.Of(t) != storetest.SQLite {
		off = "ALTER TABLE tenant_keys DROP CONSTRAINT tenant_keys_tenant_fkey"
	}
	execSQL(t, s, off)
	execSQL(t, s, "DELETE FROM tenants WHERE id = 'gone'")
	live := liveKeys(t, s)
	for _, tenant := range live {
		if tenant != "acme" {
			t.Errorf("a key of %q is live", tenant)
		}
	}
	if len(live) != 1 {
		t.Errorf("%d live keys, want the one of acme", len(live))
	}
}

// TestKeyLife follows a tenant's keys, as one store changes them and another watches.
func TestKeyLife(t *testing.T) { storetest.EachAtOnce(t, testKeyLife) }

func testKeyLife(t *testing.T) {
	dir := t.TempDir()
	tool, server := openStore(t, dir), openStore(t, dir)
	version, err := server.TenantsVersion(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	live := make(map[[32]byte]string)
	step := func(name string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Fatalf("%s: %v, want %v", name, err, want)
		}
		if err == nil {
			version++
		}
		if got, err := server.TenantsVersion(t.Context()); err != nil || got != version {
			t.Fatalf("%s: version %d, %v; want %d", name, got, err, version)
		}
		if got := liveKeys(t, server); !reflect.DeepEqual(got, live) {
			t.Fatalf("%s: %d live keys, want %d", name, len(got), len(live))
		}
	}

	first, err := tool.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"})
	live[sha256.Sum256([]byte(first))] = "acme"
	step("create", err, nil)
	_, err = tool.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"})
	step("create again", err, connect.ErrTenantExists)
	step("promote the only key", tool.PromoteKey(t.Context(), "acme"), connect.ErrOneKey)
	second, err := tool.RotateKey(t.Context(), "acme")
	live[sha256.Sum256([]byte(second))] = "acme"
	step("rotate", err, nil)
	_, err = tool.RotateKey(t.Context(), "acme")
	step("rotate again", err, connect.ErrTwoKeys)
	delete(live, sha256.Sum256([]byte(first)))
	step("promote", tool.PromoteKey(t.Context(), "acme"), nil)
	other, err := tool.CreateTenant(t.Context(), connect.Tenant{ID: "other", Email: "ops@other.example"})
	live[sha256.Sum256([]byte(other))] = "other"
	step("create another", err, nil)
	delete(live, sha256.Sum256([]byte(second)))
	step("disable", tool.DisableTenant(t.Context(), "acme"), nil)
	dead, err := tool.RotateKey(t.Context(), "acme")
	if step("rotate a disabled one's", err, connect.ErrTenantDisabled); dead != "" {
		t.Error("a dead key was handed out")
	}
	step("promote a disabled one's", tool.PromoteKey(t.Context(), "acme"), connect.ErrTenantDisabled)

	_, err = tool.RotateKey(t.Context(), "nobody")
	step("rotate nobody's", err, connect.ErrTenantUnknown)
	step("promote nobody's", tool.PromoteKey(t.Context(), "nobody"), connect.ErrTenantUnknown)
	step("disable nobody", tool.DisableTenant(t.Context(), "nobody"), connect.ErrTenantUnknown)
}

func TestTenants(t *testing.T) { storetest.EachAtOnce(t, testTenants) }

func testTenants(t *testing.T) {
	s := openStore(t, t.TempDir())
	first := must[string](t)(s.CreateTenant(t.Context(),
		connect.Tenant{ID: "other", Email: "Ops@Other.example", Capabilities: []string{"token", "apps", "token"}}))
	must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
	second, err := s.RotateKey(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.DisableTenant(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	tenants, err := s.Tenants(t.Context())
	if err != nil || len(tenants) != 2 || len(tenants[0].Keys) != 1 || len(tenants[1].Keys) != 2 {
		t.Fatalf("%+v, %v; want two tenants of one key and of two", tenants, err)
	}
	digest := sha256.Sum256([]byte(second))
	if want := (connect.KeyInfo{Fingerprint: hex.EncodeToString(digest[:6]),
		CreatedAt: epoch}); tenants[1].Keys[1] != want {
		t.Errorf("newer key %+v, want %+v", tenants[1].Keys[1], want)
	}
	want := []connect.Tenant{
		{ID: "acme", Email: "ops@acme.example", Capabilities: []string{"apps", "connections", "token", "delete"},
			Disabled: true, CreatedAt: epoch, Keys: tenants[0].Keys},
		{ID: "other", Email: "ops@other.example", Capabilities: []string{"apps", "token"}, CreatedAt: epoch,
			Keys: tenants[1].Keys},
	}
	if !reflect.DeepEqual(tenants, want) {
		t.Errorf("%+v, want %+v", tenants, want)
	}
	wantStored := []policy.StoredTenant{
		{ID: "acme", Capabilities: policy.AllCapabilities, Disabled: true},
		{ID: "other", Capabilities: []policy.Capability{policy.CapApps, policy.CapToken},
			Keys: []policy.Digest{policy.DigestOf(first), policy.DigestOf(second)}},
	}
	if got := must[policy.Stored](t)(s.TenantKeys(t.Context())).Tenants; !reflect.DeepEqual(got, wantStored) {
		t.Errorf("the keyring reads %+v, want %+v", got, wantStored)
	}
}

func TestCreateTenantRefuses(t *testing.T) { storetest.EachAtOnce(t, testCreateTenantRefuses) }

func testCreateTenantRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	for name, c := range map[string]struct {
		tenant connect.Tenant
		want   vending.Code
	}{
		"no id":        {connect.Tenant{Email: "a@b.example"}, vending.InvalidRequest},
		"upper case":   {connect.Tenant{ID: "Acme", Email: "a@b.example"}, vending.InvalidRequest},
		"leading dash": {connect.Tenant{ID: "-acme", Email: "a@b.example"}, vending.InvalidRequest},
		"path":         {connect.Tenant{ID: "a/b", Email: "a@b.example"}, vending.InvalidRequest},
		"64 bytes":     {connect.Tenant{ID: string(make([]byte, 64)), Email: "a@b.example"}, vending.InvalidRequest},
		"no email":     {connect.Tenant{ID: "acme"}, vending.InvalidUserEmail},
		"unknown capability": {connect.Tenant{ID: "acme", Email: "a@b.example", Capabilities: []string{"root"}},
			vending.InvalidRequest},
	} {
		t.Run(name, func(t *testing.T) {
			key, err := s.CreateTenant(t.Context(), c.tenant)
			if e := new(vending.Error); !errors.As(err, &e) || e.Code != c.want || key != "" {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}
