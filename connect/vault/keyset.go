package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	// Tink, because it makes key rotation part of the ciphertext format and leaves no choice of
	// nonce or mode to get wrong.
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// FileName is what the keyset file of a store is called.
const FileName = "keyset.json"

// Why a keyset is refused. Each leaves all as it was. See also [KEKError].
var (
	ErrKeysetMissing = errors.New(FileName +
		" is missing, and the database cannot be read without it; nothing was created, restore the keyset from a backup")
	ErrKeysetMismatch = errors.New("the keyset does not belong to the database; nothing was changed, " +
		"restore the keyset that does")
	ErrKeysetExposed = errors.New(FileName +
		" can be read by others than its owner; run chmod 600 on it, and consider its keys known: rotate them")
	ErrKeysetInvalid = errors.New(FileName + " is not a valid keyset; nothing was changed, restore it from a backup")
	ErrRowMissing    = errors.New(
		"the database has no keyset (row keyset of table meta), and cannot be read without it; " +
			"nothing was created, restore the database from a backup")
	ErrRowInvalid = errors.New("the sealed keyset in the database (row keyset of table meta) was changed; " +
		"nothing was changed by this program, restore the database from a backup")
)

// keyring is one state of a keyset: the primary key seals, every key opens.
type keyring struct {
	handle *keyset.Handle
	aead   tink.AEAD
	// primary is the id of the key that seals; ids are not secret.
	primary uint32
	ids     map[uint32]bool
}

func newKeyring(h *keyset.Handle) (*keyring, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, err
	}
	k := &keyring{handle: h, aead: a, ids: make(map[uint32]bool, h.Len())}
	for i := range h.Len() {
		e, err := h.Entry(i)
		if err != nil {
			return nil, err
		}
		k.ids[e.KeyID()] = true
		if e.IsPrimary() {
			k.primary = e.KeyID()
		}
	}
	return k, nil
}

// generateKeyring makes a keyset of one AES256-GCM key.
func generateKeyring() (*keyring, error) {
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("making a keyset: %w", err)
	}
	return newKeyring(h)
}

// extended returns k with one more key, which seals nothing yet. The old keys stay, or old rows
// could not be opened.
func (k *keyring) extended() (_ *keyring, id uint32, err error) {
	m := keyset.NewManagerFromHandle(k.handle)
	if id, err = m.Add(aead.AES256GCMKeyTemplate()); err != nil {
		return nil, 0, fmt.Errorf("adding a key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, 0, fmt.Errorf("adding a key: %w", err)
	}
	k, err = newKeyring(h)
	return k, id, err
}

// promoted returns k with a key that it has as the primary one.
func (k *keyring) promoted(id uint32) (*keyring, error) {
	m := keyset.NewManagerFromHandle(k.handle)
	if err := m.SetPrimary(id); err != nil {
		return nil, fmt.Errorf("promoting a key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("promoting a key: %w", err)
	}
	return newKeyring(h)
}

// keys lists the ids, sorted.
func (k *keyring) keys() (ids []uint32) {
	for id := range k.ids {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// PrefixLen is the length of Tink's output prefix: a version byte and the key's id, big-endian
// (https://developers.google.com/tink/wire-format).
const PrefixLen = 5

// prefix is what begins every ciphertext of the primary key.
func (k *keyring) prefix() []byte {
	return binary.BigEndian.AppendUint32([]byte{1}, k.primary)
}

// knows reports whether sealed names a key of k.
func (k *keyring) knows(sealed []byte) bool {
	return len(sealed) >= PrefixLen && k.ids[binary.BigEndian.Uint32(sealed[1:PrefixLen])]
}
