package store

import (
	"context"
	"fmt"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
)

// The rows of meta that tie the database to its keyset.
const (
	keyCheckRow   = "key_check"
	primaryKeyRow = "primary_key"
)

// keyCheck is sealed into the database; a keyset that opens it belongs to it.
var keyCheck, keyCheckAD = []byte("vendgate key check"), []byte("meta/" + keyCheckRow)

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
	sealed, err := tx.metaBytes(ctx, keyCheckRow)
	if err != nil {
		return fmt.Errorf("reading the key check: %w", err)
	}
	return s.vault.Load(sealed, keyCheckAD)
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
	var id uint32
	if err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, primaryKeyRow).Scan(&id); err != nil {
		return fmt.Errorf("reading the primary key's id: %w", err)
	}
	return s.vault.Follow(id)
}

// resealBatch is how many rows one write transaction re-seals: few enough that a refresh waiting
// for the lock waits milliseconds.
const resealBatch = 100

// RotateKeyset adds a key that seals from now on, and re-seals every row by it, in transactions of
// at most 100 connections. Other processes may go on working. The old keys stay in the keyset, so a
// rotation that was interrupted loses nothing; the next one re-seals what is left. Authorization
// requests are left to expire within the hour.
//
// resealed counts the rows, also when err is not nil. Rows that do not open are left as they are,
// and make an error that wraps [vault.ErrSealed] in the end.
func (s *Store) RotateKeyset(ctx context.Context) (resealed int, err error) {
	if err := s.update(ctx, "rotating the keyset", func(tx *tx) error { return s.addKey(ctx, tx) }); err != nil {
		return 0, err
	}
	unopened := 0
	for _, reseal := range [...]func(context.Context, *tx, *batch) error{s.resealClients, s.reseal} {
		for b := (batch{}); !b.end; {
			if err := s.update(ctx, "re-sealing rows", func(tx *tx) error { return reseal(ctx, tx, &b) }); err != nil {
				return resealed, err
			}
			resealed, unopened = resealed+b.resealed, unopened+b.unopened
		}
	}
	if unopened > 0 {
		return resealed, fmt.Errorf("re-sealing rows: %d of them: %w", unopened, vault.ErrSealed)
	}
	return resealed, nil
}

// addKey works under the database's write lock, which is what orders rotations.
func (s *Store) addKey(ctx context.Context, tx *tx) error {
	if err := tx.lock(ctx, keysetLock); err != nil {
		return err
	}
	if err := s.follow(ctx, tx); err != nil {
		return err
	}
	if err := s.vault.Rotate(); err != nil {
		return err
	}
	if err := s.resealPseudonymKey(ctx, tx); err != nil {
		return err
	}
	if err := s.record(ctx, tx, connect.AuditRow{Event: connect.KeysetRotated}); err != nil {
		return err
	}
	return s.putKeyCheck(ctx, tx)
}

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
