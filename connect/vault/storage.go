package vault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/vendgate/vendgate/internal/privatefile"
)

// Storage is where a keyset is kept: in a file, as it is, or in a row of the database, sealed by a
// key-encryption key.
type Storage struct {
	file string
	row  Row
	keks []KEK
}

// Row reads and writes the sealed keyset. It is what ties a Storage to a transaction.
type Row interface {
	// Read returns what was written last, or nil.
	Read() ([]byte, error)
	Write(sealed []byte) error
}

// File is a keyset file.
func File(path string) Storage { return Storage{file: path} }

// Sealed is a keyset in a row. All of keks open it; a row that does not exist yet is sealed by the
// first of them, and one that does by the same as before: a process that has only that key can read
// it still. See [Vault.ChangeKEK].
func Sealed(row Row, keks []KEK) Storage { return Storage{row: row, keks: keks} }

// InRow reports whether the keyset is sealed in a row.
func (s Storage) InRow() bool { return s.row != nil }

// load reads the keyset.
func (s Storage) load() (*keyring, error) {
	if s.row == nil {
		return readKeyring(s.file)
	}
	data, err := s.row.Read()
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the sealed keyset: %w", err)
	case data == nil:
		return nil, ErrRowMissing
	}
	k, _, err := unseal(data, s.keks)
	return k, err
}

// save replaces the keyset. The caller holds the database's write lock.
func (s Storage) save(k *keyring) error {
	if s.row == nil {
		return k.write(s.file)
	}
	by := s.keks[0]
	data, err := s.row.Read()
	if err == nil && data != nil {
		_, by, err = unseal(data, s.keks)
	}
	if err != nil {
		return fmt.Errorf("reading the sealed keyset: %w", err)
	}
	return s.saveBy(k, by)
}

func (s Storage) saveBy(k *keyring, by KEK) error {
	sealed, err := k.seal(by)
	if err != nil {
		return err
	}
	if err := s.row.Write(sealed); err != nil {
		return fmt.Errorf("writing the sealed keyset: %w", err)
	}
	return nil
}

// sealedKeyset is what a row holds.
type sealedKeyset struct {
	// KEK is the fingerprint of the key that seals.
	KEK string `json:"kek"`
	// Keyset is Tink's encrypted keyset. The ids in it can be read without the key.
	Keyset json.RawMessage `json:"keyset"`
}

// sealedAD binds an encrypted keyset to its use.
var sealedAD = []byte("vendgate keyset")

func (k *keyring) seal(by KEK) ([]byte, error) {
	var b bytes.Buffer
	if err := k.handle.WriteWithAssociatedData(keyset.NewJSONWriter(&b), by.aead, sealedAD); err != nil {
		return nil, fmt.Errorf("sealing the keyset: %w", err)
	}
	return json.Marshal(sealedKeyset{by.fingerprint, b.Bytes()})
}

// unseal opens what seal made, and tells which key did.
func unseal(data []byte, keks []KEK) (*keyring, KEK, error) {
	var sealed sealedKeyset
	if err := json.Unmarshal(data, &sealed); err != nil || sealed.KEK == "" {
		return nil, KEK{}, ErrRowInvalid
	}
	refusal := &KEKError{Expected: sealed.KEK}
	for _, by := range keks {
		if by.fingerprint != sealed.KEK {
			refusal.Given = append(refusal.Given, by.fingerprint)
			continue
		}
		r := keyset.NewJSONReader(bytes.NewReader(sealed.Keyset))
		h, err := keyset.ReadWithAssociatedData(r, by.aead, sealedAD)
		if err != nil {
			return nil, KEK{}, ErrRowInvalid // Tink's text says no more
		}
		k, err := newKeyring(h)
		if err != nil {
			return nil, KEK{}, ErrRowInvalid
		}
		return k, by, nil
	}
	return nil, KEK{}, refusal
}

// SealedBy returns the fingerprint of the key-encryption key that opens the sealed keyset of a row.
func SealedBy(sealed []byte) (string, error) {
	var s sealedKeyset
	if err := json.Unmarshal(sealed, &s); err != nil || s.KEK == "" {
		return "", ErrRowInvalid
	}
	return s.KEK, nil
}

// Cleartext opens the sealed keyset of a row and returns it as a keyset file has it. The caller
// clears it.
func Cleartext(sealed []byte, keks []KEK) ([]byte, error) {
	k, _, err := unseal(sealed, keks)
	if err != nil {
		return nil, err
	}
	return k.cleartext()
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

func (k *keyring) cleartext() ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("encoding the keyset: %w", err)
	}
	return b.Bytes(), nil
}

// write replaces the keyset file.
func (k *keyring) write(path string) error {
	data, err := k.cleartext()
	if err != nil {
		return err
	}
	defer clear(data)
	if err := privatefile.Write(path, data); err != nil {
		return fmt.Errorf("writing %s: %w", FileName, err)
	}
	return nil
}
