package vault

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// row is a row of a database.
type row struct{ data []byte }

func (r *row) Read() ([]byte, error) { return r.data, nil }

func (r *row) Write(data []byte) error {
	r.data = bytes.Clone(data)
	return nil
}

// createIn makes a keyset in r, sealed by the first of keks.
func createIn(t *testing.T, r *row, keks ...KEK) *Vault {
	t.Helper()
	in := Sealed(r, keks)
	v := New(at(in))
	if err := v.Create(in); err != nil {
		t.Fatal(err)
	}
	return v
}

func wantSealedBy(t *testing.T, r *row, k KEK) {
	t.Helper()
	if by, err := SealedBy(r.data); err != nil || by != k.Fingerprint() {
		t.Errorf("sealed by %s, %v; want %v", by, err, k)
	}
}

func TestSealedKeyset(t *testing.T) {
	kek, _ := newKEK(t)
	other, _ := newKEK(t)
	r, ad := new(row), []byte("check")
	v := createIn(t, r, kek)
	check := seal(t, v, "value", ad)
	if again := createIn(t, r, kek); again.Primary() != v.Primary() {
		t.Error("a keyset that is there was replaced")
	}
	was := string(r.data)
	err := New(nil).Load(Sealed(r, []KEK{other}), check, ad)
	var refusal *KEKError
	if !errors.As(err, &refusal) || refusal.Expected != kek.Fingerprint() ||
		!slices.Equal(refusal.Given, []string{other.Fingerprint()}) || !strings.Contains(err.Error(), kek.Fingerprint()) {
		t.Errorf("another key: %v", err)
	}
	if err := New(nil).Load(Sealed(r, nil), check, ad); !errors.As(err, &refusal) || refusal.Given != nil {
		t.Errorf("no key: %v", err)
	}
	if err := New(nil).Create(Sealed(r, []KEK{other})); !errors.As(err, &refusal) || string(r.data) != was {
		t.Errorf("creating with another key: %v", err)
	}
	if err := New(nil).Load(Sealed(new(row), []KEK{kek}), check, ad); !errors.Is(err, ErrRowMissing) {
		t.Errorf("no row: %v", err)
	}
	if err := New(nil).Load(Sealed(r, []KEK{other, kek}), check, ad); err != nil {
		t.Errorf("the second key: %v", err)
	}
}

// TestTamperedSealedKeyset: what is not a sealed keyset is refused, and no changed byte makes
// another keyset of it.
func TestTamperedSealedKeyset(t *testing.T) {
	kek, _ := newKEK(t)
	r, ad := new(row), []byte("check")
	v := createIn(t, r, kek)
	check := seal(t, v, "value", ad)
	clear, err := Cleartext(r.data, []KEK{kek})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"empty": {}, "garbage": []byte("NEVER"), "no key": []byte(`{"keyset":{}}`),
		"a keyset as it is": clear,
		"cleartext inside":  []byte(`{"kek":"` + kek.Fingerprint() + `","keyset":` + string(clear) + `}`),
		"cut":               []byte(`{"kek":"` + kek.Fingerprint() + `","keyset":{"encryptedKeyset":"AAAA"}}`),
	} {
		err := New(nil).Load(Sealed(&row{data}, []KEK{kek}), check, ad)
		if !errors.Is(err, ErrRowInvalid) || strings.Contains(err.Error(), "NEVER") {
			t.Errorf("%s: %v, want %v", name, err, ErrRowInvalid)
		}
	}
	const member = `"encryptedKeyset":"`
	start := bytes.Index(r.data, []byte(member)) + len(member)
	end := start + bytes.IndexByte(r.data[start:], '"')
	for i := start; i < end; i++ {
		data := bytes.Clone(r.data)
		data[i] = 'A'
		if data[i] == r.data[i] {
			data[i] = 'B'
		}
		if k, _, err := unseal(data, []KEK{kek}); err == nil && !bytes.Equal(mustCleartext(t, k), clear) {
			t.Fatalf("byte %d changed: another keyset is taken", i)
		}
	}
}

func mustCleartext(t *testing.T, k *keyring) []byte {
	t.Helper()
	data, err := k.cleartext()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRotateInARow extends and promotes: between the two, others learn the key.
func TestRotateInARow(t *testing.T) {
	kek, _ := newKEK(t)
	r, ad := new(row), []byte("ad")
	tool, server := createIn(t, r, kek), createIn(t, r, kek)
	in := Sealed(r, []KEK{kek})
	first := tool.Primary()
	id, err := tool.Extend(in)
	if err != nil || tool.Primary() != first || !slices.Contains(tool.Keys(), id) {
		t.Fatalf("extended: primary %d, keys %d, %v", tool.Primary(), tool.Keys(), err)
	}
	if slices.Contains(server.Keys(), id) {
		t.Fatal("the server knows the new key already")
	}
	if err := server.Learn(id, at(in)); err != nil || server.Primary() != first || !slices.Contains(server.Keys(), id) {
		t.Fatalf("learnt: primary %d, keys %d, %v", server.Primary(), server.Keys(), err)
	}
	if err := tool.Promote(in, id); err != nil || tool.Primary() != id {
		t.Fatalf("promoted: primary %d, %v; want %d", tool.Primary(), err, id)
	}
	sealed := seal(t, tool, "new", ad)
	wantPlain(t, server, sealed, ad, "new")
	if server.Primary() != first {
		t.Error("the server had to read the keyset to open a key that it knows")
	}
	// What it seals next must be of the new key, though it knew that one before it was promoted.
	if err := server.Follow(id, at(in)); err != nil || server.Primary() != id {
		t.Errorf("followed: primary %d, %v; want %d", server.Primary(), err, id)
	}
	if err := tool.Promote(in, id+1); !errors.Is(err, ErrKeysetMismatch) {
		t.Errorf("promoting a key that there is not: %v", err)
	}
	if err := server.Learn(id+1, at(in)); !errors.Is(err, ErrKeysetMismatch) {
		t.Errorf("learning a key that there is not: %v", err)
	}
}

// TestRolledBackPromotion: a promotion that is not committed leaves a vault that follows the old
// key again.
func TestRolledBackPromotion(t *testing.T) {
	kek, _ := newKEK(t)
	r := new(row)
	v := createIn(t, r, kek)
	in := Sealed(r, []KEK{kek})
	first := v.Primary()
	id, err := v.Extend(in)
	if err != nil {
		t.Fatal(err)
	}
	was := r.data
	if err := v.Promote(in, id); err != nil {
		t.Fatal(err)
	}
	r.data = was
	if err := v.Follow(first, at(in)); err != nil || v.Primary() != first {
		t.Errorf("primary %d, %v; want %d", v.Primary(), err, first)
	}
}

func TestChangeKEK(t *testing.T) {
	old, _ := newKEK(t)
	next, _ := newKEK(t)
	r, ad := new(row), []byte("ad")
	v := createIn(t, r, old)
	sealed := seal(t, v, "secret", ad)
	both := Sealed(r, []KEK{next, old})
	// A rotation of the keyset leaves the key: a node that has the old one alone can follow it.
	rotate(t, v, both)
	wantSealedBy(t, r, old)
	if changed, err := v.ChangeKEK(both); err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	wantSealedBy(t, r, next)
	if changed, err := v.ChangeKEK(both); err != nil || changed {
		t.Errorf("the second time: changed %v, %v", changed, err)
	}
	only := New(nil)
	if err := only.Load(Sealed(r, []KEK{next}), sealed, ad); err != nil {
		t.Fatal(err)
	}
	wantPlain(t, only, sealed, ad, "secret")
	var refusal *KEKError
	if _, err := v.ChangeKEK(Sealed(r, []KEK{old})); !errors.As(err, &refusal) {
		t.Errorf("without the key that seals: %v", err)
	}
}

// TestTakeOver moves a keyset from a file into a row.
func TestTakeOver(t *testing.T) {
	kek, _ := newKEK(t)
	dir, r, ad := t.TempDir(), new(row), []byte("check")
	check := seal(t, create(t, dir), "value", ad)
	foreign := seal(t, create(t, t.TempDir()), "value", ad)
	v := New(nil)
	if err := v.TakeOver(fileIn(dir), Sealed(r, []KEK{kek}), foreign, ad); !errors.Is(err, ErrKeysetMismatch) ||
		r.data != nil {
		t.Errorf("a keyset of another database: %v", err)
	}
	if err := v.TakeOver(fileIn(dir), Sealed(r, []KEK{kek}), check, ad); err != nil {
		t.Fatal(err)
	}
	wantPlain(t, v, check, ad, "value")
	wantPlain(t, createIn(t, r, kek), check, ad, "value")
	wantSealedBy(t, r, kek)
	if strings.Contains(string(r.data), `"value"`) {
		t.Error("the keys are in the row as they are")
	}
}
