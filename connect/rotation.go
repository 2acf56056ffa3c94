package connect

import (
	"context"
	"database/sql"
	"fmt"
)

// resealBatch is how many rows one write transaction re-seals: few enough that a refresh waiting
// for the lock waits milliseconds.
const resealBatch = 100

// RotateKeyset adds a key that seals from now on, and re-seals every row by it, in transactions of
// at most 100 connections. Other processes may go on working. The old keys stay in the keyset, so a
// rotation that was interrupted loses nothing; the next one re-seals what is left. Attempts are
// left to lapse within the hour.
//
// resealed counts the rows, also when err is not nil. Rows that do not open are left as they are,
// and make an error that wraps ErrSealed in the end.
func (s *Store) RotateKeyset(ctx context.Context) (resealed int, err error) {
	if err := s.update(ctx, "rotating the keyset", func(tx *sql.Tx) error { return s.addKey(ctx, tx) }); err != nil {
		return 0, err
	}
	unopened := 0
	for _, reseal := range [...]func(context.Context, *sql.Tx, *batch) error{s.resealClients, s.reseal} {
		for b := (batch{}); !b.end; {
			if err := s.update(ctx, "re-sealing rows", func(tx *sql.Tx) error { return reseal(ctx, tx, &b) }); err != nil {
				return resealed, err
			}
			resealed, unopened = resealed+b.resealed, unopened+b.unopened
		}
	}
	if unopened > 0 {
		return resealed, fmt.Errorf("re-sealing rows: %d of them: %w", unopened, ErrSealed)
	}
	return resealed, nil
}

// addKey works under the database's write lock, which is what orders rotations.
func (s *Store) addKey(ctx context.Context, tx *sql.Tx) error {
	if err := s.followKeys(ctx, tx); err != nil {
		return err
	}
	if err := s.vault.rotate(); err != nil {
		return err
	}
	if err := s.record(ctx, tx, AuditRow{Event: KeysetRotated}); err != nil {
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

func (s *Store) reseal(ctx context.Context, tx *sql.Tx, b *batch) error {
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
		if _, err := tx.ExecContext(ctx, `UPDATE connections SET sealed = ? WHERE id = ?`, sealed, r.id); err != nil {
			return err
		}
	}
	return nil
}

// resealClients is reseal for the secrets of OAuth clients. There are few of them: one transaction
// does.
func (s *Store) resealClients(ctx context.Context, tx *sql.Tx, b *batch) error {
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
		if _, err := tx.ExecContext(ctx, `UPDATE oauth_clients SET sealed = ? WHERE tenant = ? AND app = ?`, sealed, r.tenant,
			r.app); err != nil {
			return err
		}
	}
	return nil
}

// sealAgain returns what sealed holds, sealed by the newest key, and counts it in b. What does not
// open is returned as it is.
func (s *Store) sealAgain(sealed, ad []byte, b *batch, whose ...any) ([]byte, error) {
	plain, err := s.vault.open(sealed, ad)
	if err != nil {
		s.log.Error("a row does not open", append(whose, "error", err)...)
		b.unopened++
		return sealed, nil
	}
	defer clear(plain)
	b.resealed++
	return s.vault.seal(plain, ad)
}

// ofOldKeys is true of what is sealed by another key than the newest; it takes the length of a
// prefix and the newest key's.
const ofOldKeys = `sealed IS NOT NULL AND substr(sealed, 1, ?) <> ?`

func (s *Store) rowsOfOldKeys(ctx context.Context, tx *sql.Tx, after string) (found []sealedRow, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, id, user, app, version, sealed FROM connections
		WHERE id > ? AND `+ofOldKeys+` ORDER BY id LIMIT ?`, after, prefixLen, s.vault.keys.Load().prefix(), resealBatch)
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

// closeRows closes rows and keeps the first error.
func closeRows(rows *sql.Rows, err *error) {
	if e := rows.Close(); *err == nil {
		*err = e
	}
}
