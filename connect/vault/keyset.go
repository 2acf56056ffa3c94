package vault

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"

	// Tink, because it makes key rotation part of the ciphertext format and leaves no choice of
	// nonce or mode to get wrong.
	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/vendgate/vendgate/internal/privatefile"
)

// FileName is what the keyset file of a store is called.
const FileName = "keyset.json"

// Why a keyset is refused. Each leaves all files as they were.
var (
	ErrKeysetMissing = errors.New(FileName +
		" is missing, and the database cannot be read without it; nothing was created, restore the keyset from a backup")
	ErrKeysetMismatch = errors.New(FileName +
		" does not belong to the database; nothing was changed, restore the keyset that does")
	ErrKeysetExposed = errors.New(FileName +
		" can be read by others than its owner; run chmod 600 on it, and consider its keys known: rotate them")
	ErrKeysetInvalid = errors.New(FileName + " is not a valid keyset; nothing was changed, restore it from a backup")
)

// keyring is one state of the keyset file: the primary key seals, every key opens.
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

// rotated returns k with a new primary key. The old keys stay, or old rows could not be opened.
func (k *keyring) rotated() (*keyring, error) {
	m := keyset.NewManagerFromHandle(k.handle)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err == nil {
		err = m.SetPrimary(id)
	}
	if err != nil {
		return nil, fmt.Errorf("adding a key: %w", err)
	}
	h, err := m.Handle()
	if err != nil {
		return nil, fmt.Errorf("adding a key: %w", err)
	}
	return newKeyring(h)
}

// readKeyring reads the keyset file. What the parser says about a bad one is dropped: it may quote
// the file.
func readKeyring(path string) (*keyring, error) {
	data, err := privatefile.Read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrKeysetMissing
	case errors.Is(err, privatefile.ErrExposed):
		return nil, ErrKeysetExposed
	case err != nil:
		return nil, fmt.Errorf("reading %s: %w", FileName, err)
	}
	defer clear(data)
	return parseKeyring(data)
}

func parseKeyring(data []byte) (*keyring, error) {
	h, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, ErrKeysetInvalid
	}
	k, err := newKeyring(h)
	if err != nil {
		return nil, ErrKeysetInvalid
	}
	return k, nil
}

// write replaces the keyset file. The caller holds the database's write lock.
func (k *keyring) write(path string) error {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&b)); err != nil {
		return fmt.Errorf("encoding the keyset: %w", err)
	}
	err := privatefile.Write(path, b.Bytes())
	clear(b.Bytes())
	if err != nil {
		return fmt.Errorf("writing %s: %w", FileName, err)
	}
	return nil
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
