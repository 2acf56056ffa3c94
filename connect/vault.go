package connect

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// ErrSealed says that a ciphertext does not open: it was changed, moved here from another row, or
// sealed by a key that is gone.
var ErrSealed = errors.New(
	"the ciphertext does not open as this row: it was changed, moved, or sealed by a key that is gone")

// vault seals and opens with the keys of one file. It follows the file: another process may rotate
// the keys at any time.
type vault struct {
	path string
	// changing is held while keys is replaced, so that no older state replaces a newer one.
	changing sync.Mutex
	keys     atomic.Pointer[keyring]
}

// loadOrCreate is for a database that does not exist yet; the caller holds its write lock.
func (v *vault) loadOrCreate() error {
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

// seal encrypts plain so that it opens with ad only.
func (v *vault) seal(plain, ad []byte) ([]byte, error) {
	sealed, err := v.keys.Load().aead.Encrypt(plain, ad)
	if err != nil {
		return nil, fmt.Errorf("sealing: %w", err)
	}
	return sealed, nil
}

// open decrypts what seal made with the same ad. On a key that it does not know it reads the keyset
// once more: another process may just have added it.
func (v *vault) open(sealed, ad []byte) ([]byte, error) {
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

// follow makes sure that the vault knows key id.
func (v *vault) follow(id uint32) error {
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

// reload reads the keyset again, unless somebody else did so in the meantime and enough says that
// theirs will do.
func (v *vault) reload(enough func(*keyring) bool) (*keyring, error) {
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

// rotate adds a key to the file and makes it primary. It starts from the file as it is now: from an
// older state it would drop another process's key, and with it every row sealed by that. The caller
// holds the database's write lock, so nobody else changes the file.
func (v *vault) rotate() error {
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
func (v *vault) successor() (*keyring, error) {
	k, err := readKeyring(v.path)
	if err == nil && !k.ids[v.keys.Load().primary] {
		err = ErrKeysetMismatch
	}
	if err != nil {
		return nil, err
	}
	return k, nil
}

// The rows of meta that tie the database to its keyset.
const (
	keyCheckRow   = "key_check"
	primaryKeyRow = "primary_key"
)

// keyCheck is sealed into the database; a keyset that opens it belongs to it.
var keyCheck, keyCheckAD = []byte("vendgate key check"), []byte("meta/" + keyCheckRow)

// putKeyCheck seals the check value by the primary key and records which that is.
func (s *Store) putKeyCheck(ctx context.Context, tx *sql.Tx) error {
	sealed, err := s.vault.seal(keyCheck, keyCheckAD)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES (?, ?), (?, ?)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
		keyCheckRow, sealed, primaryKeyRow, int64(s.vault.keys.Load().primary))
	if err != nil {
		return fmt.Errorf("recording the key check: %w", err)
	}
	return nil
}

// loadVault reads the keyset and tries it on the check value.
func (s *Store) loadVault(ctx context.Context, tx *sql.Tx) error {
	k, err := readKeyring(s.vault.path)
	if err != nil {
		return err
	}
	var sealed []byte
	if err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, keyCheckRow).Scan(&sealed); err != nil {
		return fmt.Errorf("reading the key check: %w", err)
	}
	if _, err := k.aead.Decrypt(sealed, keyCheckAD); err != nil {
		return ErrKeysetMismatch
	}
	s.vault.keys.Store(k)
	return nil
}

// followKeys is called before sealing in a write transaction: after a rotation by another process,
// a row sealed by the old key would be missed by the re-sealing.
func (s *Store) followKeys(ctx context.Context, tx *sql.Tx) error {
	var id uint32
	if err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, primaryKeyRow).Scan(&id); err != nil {
		return fmt.Errorf("reading the primary key's id: %w", err)
	}
	return s.vault.follow(id)
}

// binding is what a grant is sealed to. Beside tenant, connection and version it holds the end user
// and the app: else whoever can write the database could move a grant to their own address, or to
// an app that sends it to another host.
type binding struct {
	tenant, id, user, app string
	version               int64
}

// associatedData encodes b.
func (b binding) associatedData() []byte {
	return boundTo(b.version, "connection", b.tenant, b.id, b.user, b.app)
}

// clientBinding is what the secret of an OAuth client is sealed to.
type clientBinding struct {
	tenant, app, id string
	version         int64
}

func (b clientBinding) associatedData() []byte {
	return boundTo(b.version, "oauth_client", b.tenant, b.app, b.id)
}

// boundTo encodes what a ciphertext is bound to; each part is preceded by its length, so that no
// two bindings look the same.
func boundTo(version int64, parts ...string) []byte {
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
