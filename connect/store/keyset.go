package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/vendgate/vendgate/connect/vault"
)

// The rows of meta that tie the database to its keyset.
const (
	keyCheckRow   = "key_check"
	primaryKeyRow = "primary_key"
	// keysetRow is the keyset itself, sealed, if it is not in a file.
	keysetRow = "keyset"
	// pendingKeyRow is the id of a key that was added to the keyset, and seals nothing yet.
	pendingKeyRow = "pending_key"
)

// keyCheck is sealed into the database; a keyset that opens it belongs to it.
var keyCheck, keyCheckAD = []byte("vendgate key check"), []byte("meta/" + keyCheckRow)

// keysetFile is the keyset file of the store in dir.
func keysetFile(dir string) vault.Storage { return vault.File(filepath.Join(dir, vault.FileName)) }

// onPostgres reports whether the database is a server's. SQLite's has a keyset file next to it,
// unless a key-encryption key is configured.
func (s *Store) onPostgres() bool { return s.o.Postgres != "" }

// keysetInMeta is the row of meta with the keyset, in a transaction. It implements vault.Row.
type keysetInMeta struct {
	read  func() ([]byte, error)
	write func([]byte) error
}

func (k keysetInMeta) Read() ([]byte, error) { return k.read() }

func (k keysetInMeta) Write(sealed []byte) error { return k.write(sealed) }

func (s *Store) keysetInMeta(ctx context.Context, tx *tx) keysetInMeta {
	return keysetInMeta{
		read: func() ([]byte, error) {
			data, err := tx.metaBytes(ctx, keysetRow)
			if errors.Is(err, sql.ErrNoRows) {
				return nil, nil
			}
			return data, err
		},
		write: func(sealed []byte) error { return tx.putMeta(ctx, keysetRow, sealed) },
	}
}

// sealedIn is the keyset in its row of meta.
func (s *Store) sealedIn(ctx context.Context, tx *tx) vault.Storage {
	return vault.Sealed(s.keysetInMeta(ctx, tx), s.o.KeyEncryptionKeys)
}

// keysetIn finds the keyset: in its row, if there is one, whatever the configuration says. Of
// SQLite it is else in the file.
func (s *Store) keysetIn(ctx context.Context, tx *tx) vault.Find {
	return func() (vault.Storage, error) {
		found, err := s.keysetInMeta(ctx, tx).Read()
		if err != nil {
			return vault.Storage{}, fmt.Errorf("looking for the keyset: %w", err)
		}
		if found == nil && !s.onPostgres() {
			return keysetFile(s.o.Dir), nil
		}
		return s.sealedIn(ctx, tx), nil
	}
}

// keysetTimeout bounds how long a read of a grant waits for a keyset that has changed.
const keysetTimeout = 5 * time.Second

// keysetNow finds the keyset outside of a transaction. What it finds can be read and not written.
//
// Transactions may wait for it, so that it must not wait for their connections: in PostgreSQL it
// takes one of those for reads of one row.
func (s *Store) keysetNow() (vault.Storage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keysetTimeout)
	defer cancel()
	if p, ok := s.db.(*postgresDB); ok {
		var data []byte
		err := p.server.Read(ctx, `SELECT data FROM meta WHERE name = $1`, []any{keysetRow}, &data)
		return vault.Sealed(keysetInMeta{read: func() ([]byte, error) { return data, nil }}, s.o.KeyEncryptionKeys), err
	}
	var found vault.Storage
	err := s.view(ctx, "reading the keyset", func(tx *tx) error {
		in, err := s.keysetIn(ctx, tx)()
		if err != nil || !in.InRow() {
			found = in
			return err
		}
		data, err := tx.metaBytes(ctx, keysetRow)
		found = vault.Sealed(keysetInMeta{read: func() ([]byte, error) { return data, nil }}, s.o.KeyEncryptionKeys)
		return err
	})
	return found, err
}

// createVault makes the keyset of a new database, and ties the two together.
func (s *Store) createVault(ctx context.Context, tx *tx) error {
	in := keysetFile(s.o.Dir)
	if s.onPostgres() || len(s.o.KeyEncryptionKeys) > 0 {
		in = s.sealedIn(ctx, tx)
	}
	if err := s.vault.Create(in); err != nil {
		return err
	}
	return s.putKeyCheck(ctx, tx)
}

// putKeyCheck seals the check value by the primary key and records which that is.
func (s *Store) putKeyCheck(ctx context.Context, tx *tx) error {
	sealed, err := s.vault.Seal(keyCheck, keyCheckAD)
	if err != nil {
		return err
	}
	if err = tx.putMeta(ctx, keyCheckRow, sealed); err == nil {
		err = tx.putMeta(ctx, primaryKeyRow, int64(s.vault.Primary()))
	}
	if err != nil {
		return fmt.Errorf("recording the key check: %w", err)
	}
	return nil
}

// loadVault reads the keyset and tries it on the check value.
func (s *Store) loadVault(ctx context.Context, tx *tx) error {
	check, err := tx.metaBytes(ctx, keyCheckRow)
	if err != nil {
		return fmt.Errorf("reading the key check: %w", err)
	}
	in, err := s.keysetIn(ctx, tx)()
	if err != nil {
		return err
	}
	return s.vault.Load(in, check, keyCheckAD)
}

// Healthy reports what keeps calls from using the store at this moment: it cannot be read, a newer
// program has changed its schema to one that this one cannot work with (ErrNewerSchema), or the
// keyset does not open what is sealed (vault.ErrSealed, say).
func (s *Store) Healthy(ctx context.Context) error {
	return s.view(ctx, "checking the store", func(tx *tx) error {
		if tx.shared {
			schema, err := readSchema(ctx, tx.Tx, facts{})
			if err == nil {
				err = schema.check()
			}
			if err != nil {
				return err
			}
		}
		if err := s.follow(ctx, tx); err != nil {
			return err
		}
		check, err := tx.metaBytes(ctx, keyCheckRow)
		if err == nil {
			_, err = s.vault.Open(check, keyCheckAD)
		}
		return err
	})
}

// followKeys is called before sealing in a write transaction: after a rotation by another process,
// a row sealed by the old key would be missed by the re-sealing.
func (s *Store) followKeys(ctx context.Context, tx *tx) error {
	if err := tx.share(ctx, keysetLock); err != nil {
		return err
	}
	return s.follow(ctx, tx)
}

// keysetLock is held by who changes which key seals, and shared by all who seal: a row must not be
// sealed by the old key after the re-sealing has gone by.
const keysetLock = "keyset"

func (s *Store) follow(ctx context.Context, tx *tx) error {
	id, err := primaryKey(ctx, tx)
	if err != nil {
		return err
	}
	return s.vault.Follow(id, s.keysetIn(ctx, tx))
}

// primaryKey is the id of the key that seals.
func primaryKey(ctx context.Context, tx *tx) (id uint32, err error) {
	if err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, primaryKeyRow).Scan(&id); err != nil {
		return 0, fmt.Errorf("reading the primary key's id: %w", err)
	}
	return id, nil
}

// resealBatch is how many rows one write transaction re-seals: few enough that a refresh waiting
// for the lock waits milliseconds.
const resealBatch = 100

// batch is how far a re-sealing got, and what its last transaction did.
type batch struct {
	after              string
	resealed, unopened int
	end                bool
}

// sealedRow is a row as the re-sealing needs it.
type sealedRow struct {
	binding
	sealed []byte
}

func (s *Store) reseal(ctx context.Context, tx *tx, b *batch) error {
	if err := s.followKeys(ctx, tx); err != nil {
		return err
	}
	rows, err := s.rowsOfOldKeys(ctx, tx, b.after)
	if err != nil {
		return err
	}
	*b = batch{after: b.after, end: len(rows) < resealBatch}
	for _, r := range rows {
		b.after = r.id
		sealed, err := s.sealAgain(r.sealed, r.associatedData(), b, "connection", r.id, "tenant", r.tenant)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE connections SET sealed = ? WHERE id = ? AND version = ?`, sealed, r.id,
			r.version); err != nil {
			return err
		}
	}
	return nil
}

// resealClients is reseal for the secrets of OAuth clients. There are few of them: one transaction
// does.
func (s *Store) resealClients(ctx context.Context, tx *tx, b *batch) error {
	if err := s.followKeys(ctx, tx); err != nil {
		return err
	}
	rows, err := s.clientsOfOldKeys(ctx, tx)
	if err != nil {
		return err
	}
	*b = batch{end: true}
	for _, r := range rows {
		sealed, err := s.sealAgain(r.sealed, r.associatedData(), b, "oauth_client", r.app, "tenant", r.tenant)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE oauth_clients SET sealed = ? WHERE tenant = ? AND app = ? AND version = ?`,
			sealed, r.tenant, r.app, r.version); err != nil {
			return err
		}
	}
	return nil
}

// sealAgain returns what sealed holds, sealed by the newest key, and counts it in b. What does not
// open is returned as it is.
func (s *Store) sealAgain(sealed, ad []byte, b *batch, whose ...any) ([]byte, error) {
	plain, err := s.vault.Open(sealed, ad)
	if err != nil {
		s.log.Error("a row cannot be decrypted", append(whose, "error", err)...)
		b.unopened++
		return sealed, nil
	}
	defer clear(plain)
	b.resealed++
	return s.vault.Seal(plain, ad)
}

// ofOldKeys is true of what is sealed by another key than the newest; it takes the length of a
// prefix and the newest key's.
const ofOldKeys = `sealed IS NOT NULL AND substr(sealed, 1, ?) <> ?`

func (s *Store) rowsOfOldKeys(ctx context.Context, tx *tx, after string) (found []sealedRow, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, id, end_user, app, version, sealed FROM connections
		WHERE id > ? AND `+ofOldKeys+` ORDER BY id LIMIT ?`, after, vault.PrefixLen, s.vault.Prefix(), resealBatch)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var r sealedRow
		if err := rows.Scan(&r.tenant, &r.id, &r.user, &r.app, &r.version, &r.sealed); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}
