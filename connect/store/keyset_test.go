package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/vendgate/vendgate/connect/store/storetest"
	"github.com/vendgate/vendgate/connect/vault"
)

// otherByte is sealed with another byte in its middle.
const otherByte = `CAST(substr(sealed, 1, 20) || CASE substr(sealed, 21, 1) WHEN x'00' THEN x'01' ELSE x'00' END ||
	substr(sealed, 22) AS BLOB)`

// TestTamperedRow checks that a grant opens in the row it was sealed for and nowhere else, whatever
// somebody who can write the database does, and that storing a new grant does not launder the row.
func TestTamperedRow(t *testing.T) { storetest.DirectAtOnce(t, testTamperedRow) }

func testTamperedRow(t *testing.T) {
	for name, tamper := range map[string]string{
		"grants swapped": `UPDATE connections SET sealed = o.sealed FROM (SELECT id, sealed FROM connections) o ` +
			`WHERE o.id <> connections.id`,
		"grant of an old version": `UPDATE connections SET version = version + 1`,
		"moved to a tenant":       `UPDATE connections SET tenant = 'evil'`,
		"moved to a user":         `UPDATE connections SET end_user = 'mallory@example.com'`,
		"moved to an app":         `UPDATE connections SET app = 'evil-app'`,
		"a byte changed":          `UPDATE connections SET sealed = ` + otherByte,
		"cut short":               `UPDATE connections SET sealed = substr(sealed, 1, 4)`,
		"unknown key":             `UPDATE connections SET sealed = CAST(x'0100000000' || substr(sealed, 6) AS BLOB)`,
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			ids := []string{importGmail(t, s, "ya29.one"), importGmail(t, s, "ya29.two")}
			execSQL(t, s, tamper)
			for _, id := range ids {
				var tenant, user string
				var version int64
				row := s.queryRow(t.Context(), `SELECT tenant, end_user, version FROM connections WHERE id = ?`, id)
				if err := row.Scan(&tenant, &user, &version); err != nil {
					t.Fatal(err)
				}
				if _, g, err := s.Grant(t.Context(), tenant, user, id); !errors.Is(err, vault.ErrSealed) || !g.IsZero() {
					t.Errorf("Grant: %v, want %v", err, vault.ErrSealed)
				}
				if _, err := s.UpdateGrant(t.Context(), id, version, oauthGrant("ya29.new", ""), false); !errors.Is(err,
					vault.ErrSealed) {
					t.Errorf("UpdateGrant: %v, want %v", err, vault.ErrSealed)
				}
			}
		})
	}
}

func TestActiveWithoutGrant(t *testing.T) { storetest.EachAtOnce(t, testActiveWithoutGrant) }

func testActiveWithoutGrant(t *testing.T) {
	for name, sealed := range map[string]string{"NULL": "NULL", "empty": "x''"} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, t.TempDir())
			id := importGmail(t, s, "ya29.one")
			execSQL(t, s, `UPDATE connections SET sealed = `+sealed)
			if _, _, err := s.Grant(t.Context(), "acme", "alice@example.com", id); !errors.Is(err, vault.ErrSealed) {
				t.Errorf("error %v, want %v", err, vault.ErrSealed)
			}
		})
	}
}

func TestAssociatedDataIsUnambiguous(t *testing.T) {
	seen := make(map[string]binding)
	for _, b := range []binding{
		{"ab", "c", "u", "a", 1}, {"a", "bc", "u", "a", 1}, {"abc", "", "u", "a", 1},
		{"ab", "c", "ua", "", 1}, {"ab", "c", "", "ua", 1}, {"ab", "c", "u", "a", 2}, {"ab", "c", "u", "a", 1 << 32},
	} {
		ad := string(b.associatedData())
		if other, ok := seen[ad]; ok {
			t.Errorf("%v and %v have the same associated data", b, other)
		}
		seen[ad] = b
	}
}

func TestRotateKeyset(t *testing.T) { storetest.EachAtOnce(t, testRotateKeyset) }

func testRotateKeyset(t *testing.T) {
	dir := t.TempDir()
	server, tool := openStore(t, dir), openStore(t, dir)
	var ids []string
	for range 2*resealBatch + 3 {
		ids = append(ids, importGmail(t, server, "ya29.before"))
	}
	resealed, err := tool.RotateKeyset(t.Context())
	if err != nil || resealed != len(ids) {
		t.Fatalf("%d re-sealed, %v; want %d", resealed, err, len(ids))
	}
	// The server has not heard of it: it meets a ciphertext of an unknown key.
	if server.vault.Primary() == tool.vault.Primary() {
		t.Fatal("the server knows the new key already; the test would show nothing")
	}
	for _, id := range ids {
		wantAccess(t, server, id, "ya29.before")
	}
	if again, err := tool.RotateKeyset(t.Context()); err != nil || again != len(ids) {
		t.Fatalf("second rotation: %d re-sealed, %v; want %d", again, err, len(ids))
	}
	// What the server seals now is of the newest key, though it has read nothing since.
	wantPrimary(t, tool, importGmail(t, server, "ya29.after"))
	if err := errors.Join(server.Close(), tool.Close()); err != nil {
		t.Fatal(err)
	}
	wantAccess(t, openStore(t, dir), ids[0], "ya29.before")
	if n := len(openStore(t, dir).vault.Keys()); n != 3 {
		t.Errorf("%d keys in the keyset, want 3", n)
	}
}

func wantPrimary(t *testing.T, s *Store, id string) {
	t.Helper()
	var sealed []byte
	if err := s.queryRow(t.Context(), `SELECT sealed FROM connections WHERE id = ?`, id).Scan(&sealed); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(sealed), string(s.vault.Prefix())) {
		t.Errorf("sealed by key %x, want the newest", sealed[1:5])
	}
}

// TestRotateTogether rotates in two stores while a third stores grants: no key may get lost.
func TestRotateTogether(t *testing.T) { storetest.EachAtOnce(t, testRotateTogether) }

func testRotateTogether(t *testing.T) {
	dir := t.TempDir()
	a, b, server := openStore(t, dir), openStore(t, dir), openStore(t, dir)
	id := importGmail(t, server, "ya29.first")
	done := make(chan error, 2)
	for _, s := range []*Store{a, b} {
		go func() {
			var err error
			for i := 0; i < 3 && err == nil; i++ {
				_, err = s.RotateKeyset(t.Context())
			}
			done <- err
		}()
	}
	version := int64(1)
	for range 20 {
		var err error
		if version, err = server.UpdateGrant(t.Context(), id, version, oauthGrant("ya29.last", ""), false); err != nil {
			t.Fatal(err)
		}
		wantAccess(t, server, id, "ya29.last")
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Fatal(err)
	}
	wantAccess(t, openStore(t, dir), id, "ya29.last")
	// Where the keyset is in the database, rotations at the same time share a key.
	if n := len(openStore(t, dir).vault.Keys()); n != 7 && storetest.Of(t) == storetest.SQLite || n < 4 || n > 7 {
		t.Errorf("%d keys in the keyset, want 7", n)
	}
}

func TestRotateSkipsWhatDoesNotOpen(t *testing.T) {
	storetest.EachAtOnce(t, testRotateSkipsWhatDoesNotOpen)
}

func testRotateSkipsWhatDoesNotOpen(t *testing.T) {
	s := openStore(t, t.TempDir())
	good, bad := importGmail(t, s, "ya29.good"), importGmail(t, s, "ya29.bad")
	execSQL(t, s, `UPDATE connections SET tenant = 'evil' WHERE id = ?`, bad)
	resealed, err := s.RotateKeyset(t.Context())
	if !errors.Is(err, vault.ErrSealed) || resealed != 1 {
		t.Fatalf("%d re-sealed, %v; want 1, %v", resealed, err, vault.ErrSealed)
	}
	wantAccess(t, s, good, "ya29.good")
	// The row is as it was: undoing the change makes it whole.
	execSQL(t, s, `UPDATE connections SET tenant = 'acme' WHERE id = ?`, bad)
	wantAccess(t, s, bad, "ya29.bad")
}

// TestInterruptedRotation dies between the new keyset and the commit that records it.
func TestInterruptedRotation(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	id := importGmail(t, s, "ya29.one")
	added := must[uint32](t)(s.vault.Extend(keysetFile(dir)))
	if err := s.vault.Promote(keysetFile(dir), added); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, dir)
	wantAccess(t, again, id, "ya29.one")
	wantAccess(t, again, importGmail(t, again, "ya29.two"), "ya29.two")
}

func TestKeysetSwappedUnderARunningStore(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	id := importGmail(t, s, "ya29.one")
	swapped := anotherKeyset(t)
	overwrite(vault.FileName, swapped)(t, dir)
	if _, err := s.RotateKeyset(t.Context()); !errors.Is(err, vault.ErrKeysetMismatch) {
		t.Errorf("RotateKeyset: %v, want %v", err, vault.ErrKeysetMismatch)
	}
	if readFile(t, dir, vault.FileName) != swapped {
		t.Error("the keyset was overwritten")
	}
	wantAccess(t, s, id, "ya29.one")
}

// keysOf returns the ids of the keys in the keyset file of a store.
func keysOf(t *testing.T, dir string) (ids []uint32) {
	t.Helper()
	h := readKeyset(t, dir)
	for i := range h.Len() {
		ids = append(ids, must[*keyset.Entry](t)(h.Entry(i)).KeyID())
	}
	return ids
}

func readKeyset(t *testing.T, dir string) *keyset.Handle {
	t.Helper()
	r := keyset.NewJSONReader(strings.NewReader(readFile(t, dir, vault.FileName)))
	return must[*keyset.Handle](t)(insecurecleartextkeyset.Read(r))
}

// anotherKeyset returns the keyset of another store.
func anotherKeyset(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := vault.New(nil).Create(keysetFile(dir)); err != nil {
		t.Fatal(err)
	}
	return readFile(t, dir, vault.FileName)
}

// dropOldKeys leaves the newest key alone in the keyset file of a store. Where the keyset is in the
// database, it checks that no row needs another one.
func dropOldKeys(t *testing.T, dir string, newest uint32) {
	t.Helper()
	if storetest.Of(t) != storetest.SQLite {
		s := openStore(t, dir)
		for _, table := range []string{"connections", "oauth_clients"} {
			n := count(t, s, `SELECT count(*) FROM `+table+` WHERE `+ofOldKeys, vault.PrefixLen, s.vault.Prefix())
			if n > 0 || s.vault.Primary() != newest {
				t.Errorf("%d rows of %s are sealed by an old key", n, table)
			}
		}
		return
	}
	m := keyset.NewManagerFromHandle(readKeyset(t, dir))
	for _, id := range keysOf(t, dir) {
		if id != newest {
			if err := m.Delete(id); err != nil {
				t.Fatal(err)
			}
		}
	}
	var b strings.Builder
	left := must[*keyset.Handle](t)(m.Handle())
	if err := insecurecleartextkeyset.Write(left, keyset.NewJSONWriter(&b)); err != nil {
		t.Fatal(err)
	}
	overwrite(vault.FileName, b.String())(t, dir)
	if n := len(keysOf(t, dir)); n != 1 {
		t.Fatalf("%d keys are left", n)
	}
}
