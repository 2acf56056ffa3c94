package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	// age, because its file format says all of how a passphrase is stretched (scrypt) and the rest
	// sealed (ChaCha20-Poly1305), is specified (https://age-encryption.org/v1), and other programs of
	// many languages open it.
	"filippo.io/age"
)

// minPassphrase bounds a passphrase from below, in bytes: anyone with the file can try as many as
// they like.
const minPassphrase = 12

// maxKeyset bounds the keyset of a backup, in bytes.
const maxKeyset = 1 << 20

// maxWorkFactor bounds what a file may ask for: age's own bound is 22, and takes 4 GiB.
const maxWorkFactor = 18

// workFactor is the binary logarithm of scrypt's cost: with 18, age's own, one try takes about a
// second and 256 MiB.
var workFactor = maxWorkFactor

// Why the keyset of a backup is not given out, or not put into one.
var (
	ErrPassphrase = errors.New("the passphrase is not the one of this backup")
	ErrNoKeyset   = errors.New("the backup holds no keyset: name the keyset file")
	ErrTooShort   = fmt.Errorf("the passphrase must have at least %d bytes", minPassphrase)
)

func checkPassphrase(passphrase []byte) error {
	if len(passphrase) < minPassphrase {
		return ErrTooShort
	}
	return nil
}

func seal(keyset, passphrase []byte) ([]byte, error) {
	to, err := age.NewScryptRecipient(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("sealing the keyset: %w", err)
	}
	to.SetWorkFactor(workFactor)
	var sealed bytes.Buffer
	w, err := age.Encrypt(&sealed, to)
	if err == nil {
		_, err = w.Write(keyset)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("sealing the keyset: %w", err)
	}
	return sealed.Bytes(), nil
}

func unseal(sealed, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, ErrPassphrase
	}
	by, err := age.NewScryptIdentity(string(passphrase))
	if err != nil {
		return nil, fmt.Errorf("opening the keyset: %w", err)
	}
	by.SetMaxWorkFactor(maxWorkFactor)
	r, err := age.Decrypt(bytes.NewReader(sealed), by)
	var other *age.NoIdentityMatchError
	if errors.As(err, &other) {
		return nil, ErrPassphrase
	}
	if err != nil {
		return nil, fmt.Errorf("opening the keyset: %w", err)
	}
	keyset, err := io.ReadAll(io.LimitReader(r, maxKeyset))
	if err != nil {
		return nil, fmt.Errorf("opening the keyset: %w", err)
	}
	return keyset, nil
}
