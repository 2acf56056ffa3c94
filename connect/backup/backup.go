// Package backup makes backups of a store and puts them back. A backup is one file: a copy of the
// database, which holds ciphertext, and in it, if that was asked for, the keyset, sealed by a
// passphrase.
//
// It must never put the keyset into a file as it is, leave half of a file behind, or overwrite one.
package backup

import (
	"context"
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/connect/store"
)

// Write backs the store up into file, which must not exist. With a passphrase the backup holds the
// keyset too, sealed by it.
func Write(ctx context.Context, s *store.Store, file string, passphrase []byte) (store.Copy, error) {
	var sealKeyset func([]byte) ([]byte, error)
	if passphrase != nil {
		if err := checkPassphrase(passphrase); err != nil {
			return store.Copy{}, err
		}
		sealKeyset = func(keyset []byte) ([]byte, error) { return seal(keyset, passphrase) }
	}
	c, err := s.Backup(ctx, file, sealKeyset)
	if err != nil {
		return store.Copy{}, fmt.Errorf("writing the backup %s: %w", file, err)
	}
	return c, nil
}

// Read checks a backup and tells what it is.
func Read(ctx context.Context, file string) (store.Copy, error) {
	c, err := store.ReadCopy(ctx, file)
	switch {
	case errors.Is(err, store.ErrDamaged):
		err = ErrDamaged
	case errors.Is(err, store.ErrNewerSchema):
		err = ErrNewer
	}
	if err != nil {
		return store.Copy{}, fmt.Errorf("reading the backup %s: %w", file, err)
	}
	return c, nil
}

// Why a backup is refused. See also [connect.ErrPlainCopy].
var (
	ErrDamaged = errors.New("the file is damaged or incomplete, or is no backup of a store: take another one")
	ErrNewer   = errors.New("a newer version of this program made it: restore it with that version or a newer one")
)

// Keyset returns the keyset of a backup that holds it, or ErrPassphrase.
func Keyset(c store.Copy, passphrase []byte) ([]byte, error) {
	if c.SealedKeyset == nil {
		return nil, ErrNoKeyset
	}
	keyset, err := unseal(c.SealedKeyset, passphrase)
	if err != nil {
		return nil, err
	}
	return keyset, c.OpenedBy(keyset)
}
