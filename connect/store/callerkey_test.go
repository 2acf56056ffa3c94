package store

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func callerKey(connection string) connect.CallerKey {
	return connect.CallerKey{Tenant: "acme", Connection: connection}
}

func createCallerKey(t testing.TB, s *Store, k connect.CallerKey) (vending.Secret, connect.CallerKey) {
	t.Helper()
	key, made, err := s.CreateCallerKey(t.Context(), k, true)
	if err != nil {
		t.Fatal(err)
	}
	return key, made
}

func TestCallerKeys(t *testing.T) { storetest.EachAtOnce(t, testCallerKeys) }

func testCallerKeys(t *testing.T) {
	var clock ticker
	dir := t.TempDir()
	tool, server := openStoreAt(t, dir, clock.now), openStoreAt(t, dir, clock.now)
	mine, other := importGmail(t, tool, "ya29.one"), importGmail(t, tool, "ya29.two")
	version := must[int64](t)(server.TenantsVersion(t.Context()))

	plain, first := createCallerKey(t, tool, callerKey(mine))
	clock.add(time.Minute)
	full := connect.CallerKey{
		Tenant: "acme", User: "alice@example.com", Connection: other, Name: "agent 7", Apps: []string{"gmail", "slack"},
		Methods: []string{"GET", "M-SEARCH"}, Paths: []string{"/v1/**", "/a b,c"}, Budget: 30,
		ExpiresAt: epoch.Add(time.Hour + time.Microsecond),
	}
	bound, second := createCallerKey(t, tool, full)
	elsewhere := connect.CallerKey{Tenant: "far", User: "u-42", Connection: "apn_1", Name: "x"}
	foreign, third, err := tool.CreateCallerKey(t.Context(), elsewhere, false)
	if err != nil {
		t.Fatal(err)
	}
	if after := must[int64](t)(server.TenantsVersion(t.Context())); after != version+3 {
		t.Errorf("the version went from %d to %d: gateways would not look", version, after)
	}
	for i, key := range []vending.Secret{plain, bound, foreign} {
		if text := key.Reveal(); !policy.IsCallerKey(text) || len(text) != len(policy.CallerKeyPrefix)+43 {
			t.Errorf("key %d has %d digits, or another prefix", i, len(text))
		}
	}
	want := []connect.CallerKey{callerKey(mine), full, elsewhere}
	want[0].User = "alice@example.com"
	want[1].ExpiresAt = epoch.Add(time.Hour)
	for i, made := range []connect.CallerKey{first, second, third} {
		want[i].ID, want[i].CreatedAt = made.ID, epoch.Add(time.Duration(min(i, 1))*time.Minute)
		if !strings.HasPrefix(made.ID, "ckey_") || len(made.ID) != len("ckey_")+11 ||
			!reflect.DeepEqual(made, want[i]) {
			t.Errorf("made %+v, want %+v", made, want[i])
		}
	}
	for tenant, want := range map[string][]connect.CallerKey{"acme": want[:2], "far": want[2:], "nobody": nil} {
		if got := must[[]connect.CallerKey](t)(server.CallerKeys(t.Context(), tenant)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", tenant, got, want)
		}
	}
	if got := must[[]connect.CallerKey](t)(server.CallerKeys(t.Context(), "")); len(got) != 3 {
		t.Errorf("%d keys in all", len(got))
	}
	wantStored := &policy.CallerKey{
		ID: want[1].ID, Tenant: "acme", User: "alice@example.com", Connection: other, Apps: full.Apps,
		Rules: policy.RulesFor(full.Methods, full.Paths), Budget: 30, Expires: want[1].ExpiresAt,
	}
	stored := must[policy.Stored](t)(server.TenantKeys(t.Context())).Callers
	if got := stored[policy.DigestOf(bound.Reveal())]; !reflect.DeepEqual(got, wantStored) || len(stored) != 3 {
		t.Errorf("a gateway reads %+v among %d, want %+v", got, len(stored), wantStored)
	}
	if _, isTenants := liveKeys(t, server)[connect.DigestOf(plain.Reveal())]; isTenants {
		t.Error("a caller key is a tenant's")
	}
}

func TestCallerKeysEnd(t *testing.T) { storetest.DirectAtOnce(t, testCallerKeysEnd) }

func testCallerKeysEnd(t *testing.T) {
	for name, c := range map[string]struct {
		end func(t *testing.T, s *Store, clock *ticker, id, connection string) error
		// others says that the keys of another connection and of another tenant live on.
		others bool
		want   connect.Event
	}{
		"revoked": {func(t *testing.T, s *Store, _ *ticker, id, _ string) error {
			return s.RevokeCallerKey(t.Context(), id)
		}, true, connect.CallerKeyRevoked},
		"connection deleted": {func(t *testing.T, s *Store, _ *ticker, _, connection string) error {
			return s.DeleteConnection(t.Context(), "acme", connection)
		}, true, connect.CallerKeyRevoked},
		"expired": {func(_ *testing.T, _ *Store, clock *ticker, _, _ string) error {
			clock.set(time.Hour)
			return nil
		}, true, ""},
		"tenant disabled": {func(t *testing.T, s *Store, _ *ticker, _, _ string) error {
			return s.DisableTenant(t.Context(), "acme")
		}, false, connect.CallerKeyRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			var clock ticker
			dir := t.TempDir()
			s, server := openStoreAt(t, dir, clock.now), openStoreAt(t, dir, clock.now)
			must[string](t)(s.CreateTenant(t.Context(), connect.Tenant{ID: "acme", Email: "ops@acme.example"}))
			connection := importGmail(t, s, "ya29.one")
			k := callerKey(connection)
			k.ExpiresAt = epoch.Add(time.Hour)
			key, made := createCallerKey(t, s, k)
			_, sibling := createCallerKey(t, s, callerKey(importGmail(t, s, "ya29.two")))
			_, foreign, err := s.CreateCallerKey(t.Context(),
				connect.CallerKey{Tenant: "far", User: "u", Connection: connection}, false)
			if err != nil {
				t.Fatal(err)
			}
			clock.set(time.Hour - time.Millisecond)
			before := must[policy.Stored](t)(server.TenantKeys(t.Context()))
			if k := before.Callers[policy.DigestOf(key.Reveal())]; k == nil || k.ID != made.ID {
				t.Fatal("the key does not live")
			}
			if err := c.end(t, s, &clock, made.ID, connection); err != nil {
				t.Fatal(err)
			}
			after := must[policy.Stored](t)(server.TenantKeys(t.Context()))
			if _, lives := after.Callers[policy.DigestOf(key.Reveal())]; lives {
				t.Error("the key lives")
			}
			if c.want != "" && after.Version == before.Version {
				t.Error("the version is the same: gateways would not look")
			}
			left := make(map[string]bool)
			for _, k := range must[[]connect.CallerKey](t)(server.CallerKeys(t.Context(), "")) {
				left[k.ID] = true
			}
			if left[made.ID] || left[sibling.ID] != c.others || !left[foreign.ID] {
				t.Errorf("left are %v", left)
			}
			if err := s.RevokeCallerKey(t.Context(), made.ID); !errors.Is(err, connect.ErrNoCallerKey) {
				t.Errorf("revoking it again: %v", err)
			}
			rows, _, err := s.Audit(t.Context(), connect.AuditFilter{Connection: connection, Event: connect.CallerKeyRevoked})
			if err != nil || (len(rows) == 1) != (c.want != "") {
				t.Errorf("rows %+v, %v", rows, err)
			}
			for _, r := range rows {
				if r.Tenant != "acme" || r.User != "alice@example.com" || r.Detail != made.ID {
					t.Errorf("row %+v", r)
				}
			}
		})
	}
}

// TestDeletingWithoutCallerKeys: gateways are not made to look for what did not change.
func TestDeletingWithoutCallerKeys(t *testing.T) {
	storetest.EachAtOnce(t, testDeletingWithoutCallerKeys)
}

func testDeletingWithoutCallerKeys(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	before := must[int64](t)(s.TenantsVersion(t.Context()))
	if err := s.DeleteConnection(t.Context(), "acme", id); err != nil {
		t.Fatal(err)
	}
	if after := must[int64](t)(s.TenantsVersion(t.Context())); after != before {
		t.Errorf("the version went from %d to %d", before, after)
	}
}

// TestSweepForgetsCallerKeys: what has expired goes, and nothing else.
func TestSweepForgetsCallerKeys(t *testing.T) { storetest.EachAtOnce(t, testSweepForgetsCallerKeys) }

func testSweepForgetsCallerKeys(t *testing.T) {
	var clock ticker
	s := openStoreAt(t, t.TempDir(), clock.now)
	k := callerKey(importGmail(t, s, "ya29.one"))
	createCallerKey(t, s, k)
	for _, hours := range []int{1, 2} {
		k.ExpiresAt = epoch.Add(time.Duration(hours) * time.Hour)
		createCallerKey(t, s, k)
	}
	clock.set(time.Hour)
	must[int](t)(s.Sweep(t.Context()))
	if n := len(rowsOf(t, s, `SELECT id FROM caller_keys`)); n != 2 {
		t.Errorf("%d keys are left, want 2", n)
	}
}

// TestCreateCallerKeyRefuses checks that what is wrong is named, and that nothing is stored.
func TestCreateCallerKeyRefuses(t *testing.T) { storetest.EachAtOnce(t, testCreateCallerKeyRefuses) }

func testCreateCallerKeyRefuses(t *testing.T) {
	s := openStore(t, t.TempDir())
	id := importGmail(t, s, "ya29.one")
	long := strings.Repeat("x", 600)
	many := strings.Split(strings.Repeat("GET ", connect.MaxCallerList+1), " ")[:connect.MaxCallerList+1]
	for name, c := range map[string]struct {
		change  func(*connect.CallerKey)
		foreign bool
		code    vending.Code
		names   string
	}{
		"no tenant":      {func(k *connect.CallerKey) { k.Tenant = "" }, false, vending.InvalidRequest, "tenant:"},
		"bad tenant":     {func(k *connect.CallerKey) { k.Tenant = "Acme" }, false, vending.InvalidRequest, "tenant:"},
		"another tenant": {func(k *connect.CallerKey) { k.Tenant = "evil" }, false, vending.ConnectionDeleted, ""},
		"another user": {func(k *connect.CallerKey) {
			k.User = "bob@example.com"
		}, false, vending.ConnectionDeleted, ""},
		"unknown connection": {func(k *connect.CallerKey) { k.Connection = "conn_x" }, false, vending.ConnectionDeleted, ""},
		"no connection": {func(k *connect.CallerKey) {
			k.Connection = ""
		}, false, vending.InvalidRequest, "connection:"},
		"long connection": {func(k *connect.CallerKey) {
			k.Connection = long
		}, true, vending.InvalidRequest, "connection:"},
		"connection of lines": {func(k *connect.CallerKey) {
			k.Connection = "a\nb"
		}, true, vending.InvalidRequest, "connection:"},
		"nobody's":          {func(*connect.CallerKey) {}, true, vending.InvalidRequest, "user:"},
		"long user":         {func(k *connect.CallerKey) { k.User = long }, true, vending.InvalidRequest, "user:"},
		"long name":         {func(k *connect.CallerKey) { k.Name = long }, false, vending.InvalidRequest, "name:"},
		"name of an escape": {func(k *connect.CallerKey) { k.Name = "\x1b[2J" }, false, vending.InvalidRequest, "name:"},
		"negative budget":   {func(k *connect.CallerKey) { k.Budget = -1 }, false, vending.InvalidRequest, "budget:"},
		"expired": {func(k *connect.CallerKey) {
			k.ExpiresAt = epoch
		}, false, vending.InvalidRequest, "expires:"},
		"expires too soon": {func(k *connect.CallerKey) {
			k.ExpiresAt = epoch.Add(time.Microsecond)
		}, false, vending.InvalidRequest, "expires:"},
		"app": {func(k *connect.CallerKey) {
			k.Apps = []string{"gmail", "a/b"}
		}, false, vending.InvalidRequest, "apps:"},
		"app of lines": {func(k *connect.CallerKey) {
			k.Apps = []string{"gmail\nslack"}
		}, false, vending.InvalidRequest, "apps:"},
		"no app": {func(k *connect.CallerKey) { k.Apps = []string{""} }, false, vending.InvalidRequest, "apps:"},
		"method": {func(k *connect.CallerKey) {
			k.Methods = []string{"get"}
		}, false, vending.InvalidRequest, "methods:"},
		"no method": {func(k *connect.CallerKey) { k.Methods = []string{""} }, false, vending.InvalidRequest, "method "},
		"methods of lines": {func(k *connect.CallerKey) {
			k.Methods = []string{"GET\nPOST"}
		}, false, vending.InvalidRequest, "methods:"},
		"many methods": {func(k *connect.CallerKey) {
			k.Methods = many
		}, false, vending.InvalidRequest, "apps, methods, paths:"},
		"path without slash": {func(k *connect.CallerKey) {
			k.Paths = []string{"v1"}
		}, false, vending.InvalidRequest, "path pattern"},
		"second path": {func(k *connect.CallerKey) {
			k.Paths = []string{"/v1", "/**/x"}
		}, false, vending.InvalidRequest, "path pattern"},
		"no path": {func(k *connect.CallerKey) { k.Paths = []string{""} }, false, vending.InvalidRequest, "paths:"},
		"path of lines": {func(k *connect.CallerKey) {
			k.Paths = []string{"/a\n/b"}
		}, false, vending.InvalidRequest, "paths:"},
		"long path": {func(k *connect.CallerKey) {
			k.Paths = []string{"/" + long}
		}, false, vending.InvalidRequest, "paths:"},
	} {
		t.Run(name, func(t *testing.T) {
			k := callerKey(id)
			c.change(&k)
			key, _, err := s.CreateCallerKey(t.Context(), k, !c.foreign)
			e := new(vending.Error)
			if !errors.As(err, &e) || e.Code != c.code || c.names != "" && !strings.HasPrefix(e.Text(), c.names) ||
				!key.IsZero() {
				t.Errorf("error %v, want %s that begins with %q", err, c.code, c.names)
			}
		})
	}
	if n := len(rowsOf(t, s, `SELECT id FROM caller_keys`)); n != 0 {
		t.Errorf("%d keys were stored", n)
	}
	wantEvents(t, s, connect.AuditFilter{}, connect.ConnectionImported)
}

// TestCallerKeyNeverPrints formats what a caller might log.
func TestCallerKeyNeverPrints(t *testing.T) { storetest.EachAtOnce(t, testCallerKeyNeverPrints) }

func testCallerKeyNeverPrints(t *testing.T) {
	s := openStore(t, t.TempDir())
	key, made := createCallerKey(t, s, callerKey(importGmail(t, s, "ya29.one")))
	for name, text := range printed(key, made, must[policy.Stored](t)(s.TenantKeys(t.Context()))) {
		if strings.Contains(text, key.Reveal()) {
			t.Errorf("%s prints the key", name)
		}
	}
}

// TestMigrationToCallerKeys opens a database of the version before.
func TestMigrationToCallerKeys(t *testing.T) {
	dir := t.TempDir()
	released := migrations
	migrations = released[:2]
	old := openStore(t, dir)
	migrations = released
	restore := asBeforeEndUser(t, old)
	id := importGmail(t, old, "ya29.before")
	restore()
	err := old.update(t.Context(), "looking", func(tx *tx) error {
		_, err := tx.ExecContext(t.Context(), `SELECT id FROM caller_keys`)
		return err
	})
	if err == nil {
		t.Fatal("the old version has caller keys")
	}
	s := openStore(t, dir)
	key, made := createCallerKey(t, s, callerKey(id))
	stored := must[policy.Stored](t)(s.TenantKeys(t.Context())).Callers
	if got := stored[policy.DigestOf(key.Reveal())]; got == nil || got.ID != made.ID {
		t.Errorf("the key is %+v, want %q", got, made.ID)
	}
	wantAccess(t, s, id, "ya29.before")
}
