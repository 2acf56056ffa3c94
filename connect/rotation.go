package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// resealBatch is how many rows one write transaction re-seals: few enough that a refresh waiting for
// the lock waits milliseconds.
const resealBatch = 100

// RotateKeyset adds a key that seals from now on, and re-seals every row by it, in transactions of
// at most 100 rows. Other processes may go on working. The old keys stay in the keyset, so a rotation
// that was interrupted loses nothing; the next one re-seals what is left.
//
// resealed counts the rows, also when err is not nil. Rows that do not open are left as they are, and
// make an error that wraps ErrSealed in the end.
func (s *Store) RotateKeyset(ctx context.Context) (resealed int, err error) {
	if err := s.update(ctx, "rotating the keyset", func(tx *sql.Tx) error { return s.addKey(ctx, tx) }); err != nil {
		return 0, err
	}
	var b batch
	for unopened := 0; !b.end; unopened += b.unopened {
		err := s.update(ctx, "re-sealing rows", func(tx *sql.Tx) error { return s.reseal(ctx, tx, &b) })
		if err != nil {
			return resealed, err
		}
		resealed += b.resealed
		if b.end && unopened+b.unopened > 0 {
			return resealed, fmt.Errorf("re-sealing rows: %d of them: %w", unopened+b.unopened, ErrSealed)
		}
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
	if err := s.resealClients(ctx, tx); err != nil {
		return err
	}
	if err := s.record(ctx, tx, AuditRow{Event: KeysetRotated}); err != nil {
		return err
	}
	return s.putKeyCheck(ctx, tx)
}

// resealClients seals the secrets of OAuth clients with the new key. There are few of them.
func (s *Store) resealClients(ctx context.Context, tx *sql.Tx) error {
	type row struct {
		tenant, app string
		ad, sealed  []byte
	}
	var found []row
	rows, err := tx.QueryContext(ctx, `SELECT tenant, app, client_id, version, sealed FROM oauth_clients WHERE sealed IS NOT NULL`)
	if err != nil {
		return err
	}
	for rows.Next() {
		var r row
		var id string
		var version int64
		if err := rows.Scan(&r.tenant, &r.app, &id, &version, &r.sealed); err != nil {
			return errors.Join(err, rows.Close())
		}
		r.ad = clientAD(r.tenant, r.app, id, version)
		found = append(found, r)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, r := range found {
		plain, err := s.vault.open(r.sealed, r.ad)
		if err != nil {
			s.log.Error("the secret of an oauth client does not open", "app", r.app, "tenant", r.tenant, "error", err)
			continue // it stays as it is; whoever needs it hears of it
		}
		sealed, err := s.vault.seal(plain, r.ad)
		clear(plain)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE oauth_clients SET sealed = ? WHERE tenant = ? AND app = ?`, sealed, r.tenant, r.app); err != nil {
			return err
		}
	}
	return nil
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
		ad := r.associatedData()
		plain, err := s.vault.open(r.sealed, ad)
		if err != nil {
			s.log.Error("a grant does not open", "connection", r.id, "tenant", r.tenant, "error", err)
			b.unopened++
			continue
		}
		sealed, err := s.vault.seal(plain, ad)
		clear(plain)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE connections SET sealed = ? WHERE id = ?`, sealed, r.id); err != nil {
			return err
		}
		b.resealed++
	}
	return nil
}

func (s *Store) rowsOfOldKeys(ctx context.Context, tx *sql.Tx, after string) (found []sealedRow, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, id, user, app, version, sealed FROM connections
		WHERE id > ? AND sealed IS NOT NULL AND substr(sealed, 1, ?) <> ? ORDER BY id LIMIT ?`,
		after, prefixLen, s.vault.keys.Load().prefix(), resealBatch)
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
