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

// Vault seals and opens with the keys of one keyset. It follows the storage: another process may
// rotate the keys at any time. Nothing can be sealed before Load, Create or TakeOver.
//
// Its methods take the storage where a transaction of the caller's may be under way.
type Vault struct {
	find Find
	// changing is held while keys is replaced, so that no older state replaces a newer one.
	changing sync.Mutex
	keys     atomic.Pointer[keyring]
}

// Find returns where the keyset is now.
type Find func() (Storage, error)

// New returns a vault over the keyset that find finds, outside of any transaction.
func New(find Find) *Vault { return &Vault{find: find} }

// Create reads the keyset, or makes it if there is none. It is for a database that does not exist
// yet; the caller holds its write lock.
func (v *Vault) Create(in Storage) error {
	k, err := in.load()
	if errors.Is(err, ErrKeysetMissing) || errors.Is(err, ErrRowMissing) {
		if k, err = generateKeyring(); err == nil {
			err = in.save(k)
		}
	}
	if err == nil {
		v.keys.Store(k)
	}
	return err
}

// Load reads the keyset. One that does not open the check value is ErrKeysetMismatch.
func (v *Vault) Load(in Storage, check, ad []byte) error {
	k, err := loadChecked(in, check, ad)
	if err == nil {
		v.keys.Store(k)
	}
	return err
}

func loadChecked(in Storage, check, ad []byte) (*keyring, error) {
	k, err := in.load()
	if err != nil {
		return nil, err
	}
	if _, err := k.aead.Decrypt(check, ad); err != nil {
		return nil, ErrKeysetMismatch
	}
	return k, nil
}

// TakeOver loads the keyset as Load does, and writes it to another storage as well. The caller
// holds the database's write lock; what the keyset was read from stays.
func (v *Vault) TakeOver(from, to Storage, check, ad []byte) error {
	k, err := loadChecked(from, check, ad)
	if err != nil {
		return err
	}
	if err := to.save(k); err != nil {
		return err
	}
	v.keys.Store(k)
	return nil
}

// ChangeKEK seals the keyset in a row by the first key-encryption key of in, and reports whether
// another had sealed it. The caller holds the database's write lock.
func (v *Vault) ChangeKEK(in Storage) (changed bool, err error) {
	v.changing.Lock()
	defer v.changing.Unlock()
	k, err := v.successor(in)
	if err != nil {
		return false, err
	}
	data, err := in.row.Read()
	if err != nil {
		return false, fmt.Errorf("reading the sealed keyset: %w", err)
	}
	if by, err := SealedBy(data); err != nil || by == in.keks[0].fingerprint {
		return false, err
	}
	return true, in.saveBy(k, in.keks[0])
}

// Valid reports what is wrong with the keyset; one that does not exist has nothing wrong.
func Valid(in Storage) error {
	_, err := in.load()
	if errors.Is(err, ErrKeysetMissing) || errors.Is(err, ErrRowMissing) {
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
		if k, err = v.reload(v.find, func(k *keyring) bool { return k.knows(sealed) }); err != nil {
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

// Keys lists the ids of all keys, sorted; nil before the keyset has been loaded.
func (v *Vault) Keys() []uint32 {
	k := v.keys.Load()
	if k == nil {
		return nil
	}
	return k.keys()
}

// Prefix returns what begins every ciphertext of the primary key, [PrefixLen] bytes.
func (v *Vault) Prefix() []byte { return v.keys.Load().prefix() }

// Follow reads the keyset again if another key than id seals: another process has rotated the keys.
// A keyset without that key is ErrKeysetMismatch. One whose primary key is another all the same was
// read before or after a change that the caller has seen the other side of.
func (v *Vault) Follow(id uint32, find Find) error {
	k, err := v.reload(find, func(k *keyring) bool { return k.primary == id })
	if err == nil && !k.ids[id] {
		err = ErrKeysetMismatch
	}
	return err
}

// Learn reads the keyset again if the vault does not know key id, which may not seal yet.
func (v *Vault) Learn(id uint32, find Find) error {
	knows := func(k *keyring) bool { return k.ids[id] }
	k, err := v.reload(find, knows)
	if err == nil && !knows(k) {
		err = ErrKeysetMismatch
	}
	return err
}

// reload reads the keyset again, unless enough accepts what is known, which another goroutine may
// have read in the meantime.
func (v *Vault) reload(find Find, enough func(*keyring) bool) (*keyring, error) {
	if k := v.keys.Load(); enough(k) {
		return k, nil
	}
	v.changing.Lock()
	defer v.changing.Unlock()
	if k := v.keys.Load(); enough(k) {
		return k, nil
	}
	in, err := find()
	if err != nil {
		return nil, err
	}
	k, err := v.successor(in)
	if err != nil {
		return nil, err
	}
	v.keys.Store(k)
	return k, nil
}

// Extend adds a key, which seals nothing until Promote, and returns its id. It starts from the
// keyset as it is now: from an older state it would drop another process's key, and with it every
// row sealed by that. The caller holds the database's write lock, so no other process changes it.
//
// Where the keyset is in a row, the caller commits before it promotes the key: what is sealed by a
// key that was rolled back could not be opened.
func (v *Vault) Extend(in Storage) (id uint32, err error) {
	err = v.change(in, func(k *keyring) (*keyring, error) {
		k, id, err = k.extended()
		return k, err
	})
	return id, err
}

// Promote makes key id the one that seals. The caller holds the database's write lock.
func (v *Vault) Promote(in Storage, id uint32) error {
	return v.change(in, func(k *keyring) (*keyring, error) {
		if !k.ids[id] {
			return nil, ErrKeysetMismatch
		}
		return k.promoted(id)
	})
}

func (v *Vault) change(in Storage, f func(*keyring) (*keyring, error)) error {
	v.changing.Lock()
	defer v.changing.Unlock()
	current, err := v.successor(in)
	if err != nil {
		return err
	}
	next, err := f(current)
	if err != nil {
		return err
	}
	if err := in.save(next); err != nil {
		return err
	}
	v.keys.Store(next)
	return nil
}

// successor reads the keyset. One without the key that sealed our latest rows is not a newer state
// of the same keyset, but another.
func (v *Vault) successor(in Storage) (*keyring, error) {
	k, err := in.load()
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
