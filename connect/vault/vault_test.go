package vault

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// at finds the keyset in s.
func at(s Storage) Find { return func() (Storage, error) { return s, nil } }

// create loads the keyset in dir, and makes it if there is none.
func create(t *testing.T, dir string) *Vault {
	t.Helper()
	in := fileIn(dir)
	v := New(at(in))
	if err := v.Create(in); err != nil {
		t.Fatal(err)
	}
	return v
}

func fileIn(dir string) Storage { return File(filepath.Join(dir, FileName)) }

// rotate adds a key and has it seal.
func rotate(t *testing.T, v *Vault, in Storage) uint32 {
	t.Helper()
	id, err := v.Extend(in)
	if err == nil {
		err = v.Promote(in, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func seal(t *testing.T, v *Vault, plain string, ad []byte) []byte {
	t.Helper()
	sealed, err := v.Seal([]byte(plain), ad)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func wantPlain(t *testing.T, v *Vault, sealed, ad []byte, want string) {
	t.Helper()
	if got, err := v.Open(sealed, ad); err != nil || string(got) != want {
		t.Errorf("opened %q, %v; want %q", got, err, want)
	}
}

func TestOpenNeedsTheBinding(t *testing.T) {
	v := create(t, t.TempDir())
	ad := Bind(1, "connection", "acme")
	sealed := seal(t, v, "secret", ad)
	wantPlain(t, v, sealed, ad, "secret")
	for name, other := range map[string][]byte{
		"another version": Bind(2, "connection", "acme"), "other parts": Bind(1, "connectio", "nacme"), "none": nil,
	} {
		if got, err := v.Open(sealed, other); !errors.Is(err, ErrSealed) || got != nil {
			t.Errorf("%s: opened %q, %v; want %v", name, got, err, ErrSealed)
		}
	}
}

// TestRotate rotates in one process while another goes on, and keeps what was sealed before.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	server, tool := create(t, dir), create(t, dir)
	ad := Bind(1, "row")
	before := seal(t, server, "before", ad)
	in := fileIn(dir)
	rotate(t, tool, in)
	wantPlain(t, server, seal(t, tool, "after", ad), ad, "after")
	wantPlain(t, tool, before, ad, "before")
	rotate(t, tool, in)
	if err := server.Follow(tool.Primary(), at(in)); err != nil || server.Primary() != tool.Primary() {
		t.Errorf("key %d, %v; want %d", server.Primary(), err, tool.Primary())
	}
	if err := server.Follow(tool.Primary()+1, at(in)); !errors.Is(err, ErrKeysetMismatch) {
		t.Errorf("following a key that the file lacks: %v, want %v", err, ErrKeysetMismatch)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	v, ad := create(t, dir), []byte("check")
	check := seal(t, v, "value", ad)
	path := filepath.Join(dir, FileName)
	if err := New(nil).Load(fileIn(dir), check, ad); err != nil {
		t.Error(err)
	}
	if err := New(nil).Load(fileIn(dir), seal(t, create(t, t.TempDir()), "value", ad), ad); !errors.Is(err,
		ErrKeysetMismatch) {
		t.Errorf("another keyset's check: %v, want %v", err, ErrKeysetMismatch)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := New(nil).Load(fileIn(dir), check, ad); !errors.Is(err, ErrKeysetExposed) {
		t.Errorf("open to the group: %v, want %v", err, ErrKeysetExposed)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := New(nil).Load(fileIn(dir), check, ad); !errors.Is(err, ErrKeysetMissing) {
		t.Errorf("no file: %v, want %v", err, ErrKeysetMissing)
	}
}
