package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrSealed says that a ciphertext does not open: it was changed, moved here from another row, or
// sealed by a key that is gone.
var ErrSealed = errors.New(
	"the ciphertext cannot be decrypted in this row: it was changed, moved, or sealed by a key that is gone")

// Vault seals and opens with the keys of one file. It follows the file: another process may rotate
// the keys at any time. Nothing can be sealed before Load or LoadOrCreate.
type Vault struct {
	path string
	// changing is held while keys is replaced, so that no older state replaces a newer one.
	changing sync.Mutex
	keys     atomic.Pointer[keyring]
}

// New returns a vault over the keyset file at path.
func New(path string) *Vault { return &Vault{path: path} }

// LoadOrCreate reads the keyset file, or makes it if there is none. It is for a database that does
// not exist yet; the caller holds its write lock.
func (v *Vault) LoadOrCreate() error {
	k, err := readKeyring(v.path)
	if errors.Is(err, ErrKeysetMissing) {
		if k, err = generateKeyring(); err == nil {
			err = k.write(v.path)
		}
	}
	if err == nil {
		v.keys.Store(k)
	}
	return err
}

// Load reads the keyset file. One that does not open the check value is ErrKeysetMismatch.
func (v *Vault) Load(check, ad []byte) error {
	k, err := readKeyring(v.path)
	if err != nil {
		return err
	}
	if _, err := k.aead.Decrypt(check, ad); err != nil {
		return ErrKeysetMismatch
	}
	v.keys.Store(k)
	return nil
}

// Valid reports what is wrong with the keyset file; one that does not exist has nothing wrong.
func (v *Vault) Valid() error {
	_, err := readKeyring(v.path)
	if errors.Is(err, ErrKeysetMissing) {
		return nil
	}
	return err
}

// Check reports whether keyset, as its file holds it, opens the check value: ErrKeysetInvalid is of
// one that is no keyset, ErrKeysetMismatch of that of another database.
func Check(keyset, check, ad []byte) error {
	k, err := parseKeyring(keyset)
	if err != nil {
		return err
	}
	if _, err := k.aead.Decrypt(check, ad); err != nil {
		return ErrKeysetMismatch
	}
	return nil
}

// Seal encrypts plain so that it opens with ad only.
func (v *Vault) Seal(plain, ad []byte) ([]byte, error) {
	sealed, err := v.keys.Load().aead.Encrypt(plain, ad)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return sealed, nil
}

// Open decrypts what Seal made with the same ad. On a key that it does not know it reads the keyset
// once more: another process may just have added it.
func (v *Vault) Open(sealed, ad []byte) ([]byte, error) {
	k := v.keys.Load()
	if !k.knows(sealed) {
		var err error
		if k, err = v.reload(func(k *keyring) bool { return k.knows(sealed) }); err != nil {
			return nil, err
		}
	}
	plain, err := k.aead.Decrypt(sealed, ad)
	if err != nil {
		return nil, ErrSealed // Tink's text says no more
	}
	return plain, nil
}

// Primary returns the id of the key that seals. It is not secret.
func (v *Vault) Primary() uint32 { return v.keys.Load().primary }

// Prefix returns what begins every ciphertext of the primary key, [PrefixLen] bytes.
func (v *Vault) Prefix() []byte { return v.keys.Load().prefix() }

// Follow reads the keyset file again if the vault does not know key id: another process has rotated
// the keys. A file without that key is ErrKeysetMismatch.
func (v *Vault) Follow(id uint32) error {
	knows := func(k *keyring) bool { return k.ids[id] }
	if knows(v.keys.Load()) {
		return nil
	}
	k, err := v.reload(knows)
	if err == nil && !knows(k) {
		err = ErrKeysetMismatch
	}
	return err
}

// reload reads the keyset again, unless another goroutine did so in the meantime and enough accepts
// what it read.
func (v *Vault) reload(enough func(*keyring) bool) (*keyring, error) {
	v.changing.Lock()
	defer v.changing.Unlock()
	if k := v.keys.Load(); enough(k) {
		return k, nil
	}
	k, err := v.successor()
	if err != nil {
		return nil, err
	}
	v.keys.Store(k)
	return k, nil
}

// Rotate adds a key to the file and makes it primary. It starts from the file as it is now: from an
// older state it would drop another process's key, and with it every row sealed by that. The caller
// holds the database's write lock, so no other process changes the file.
func (v *Vault) Rotate() error {
	v.changing.Lock()
	defer v.changing.Unlock()
	current, err := v.successor()
	if err != nil {
		return err
	}
	next, err := current.rotated()
	if err != nil {
		return err
	}
	if err := next.write(v.path); err != nil {
		return err
	}
	v.keys.Store(next)
	return nil
}

// successor reads the file. A keyset without the key that sealed our latest rows is not a newer
// state of the same keyset, but another.
func (v *Vault) successor() (*keyring, error) {
	k, err := readKeyring(v.path)
	if err == nil && !k.ids[v.keys.Load().primary] {
		err = ErrKeysetMismatch
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Bind encodes what a ciphertext is bound to: its row, say, and the version of that. Each part is
// preceded by its length, so that no two bindings look the same.
func Bind(version int64, parts ...string) []byte {
	n := 8
	for _, p := range parts {
		n += 4 + len(p)
	}
	ad := make([]byte, 0, n)
	for _, p := range parts {
		ad = binary.BigEndian.AppendUint32(ad, uint32(len(p))) // #nosec G115 -- bounded when the row is made
		ad = append(ad, p...)
	}
	return binary.BigEndian.AppendUint64(ad, uint64(version)) // #nosec G115 -- versions count up from 1
}
