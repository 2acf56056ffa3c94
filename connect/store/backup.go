package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// The rows of meta that only a backup has.
const (
	backupTimeRow   = "backup_at"
	backupKeysetRow = "backup_keyset"
)

// Why a file is not taken for a copy of a store. See also ErrDamaged and ErrNewerSchema.
var (
	// ErrNoRoom says that the disk is full. What was begun has been removed.
	ErrNoRoom = errors.New("the disk is full: nothing was kept of what was written")
	// ErrPlainCopy is of a database that was copied as a file. It is a whole database all the same,
	// and nothing in it says what it lacks.
	ErrPlainCopy = errors.New("the file is a plain copy of a database in use, which lacks its newest changes: " +
		"take a backup that `vendgate store backup` made")
	// ErrForeignCode is of a database that does by itself what this program does not have it do.
	ErrForeignCode = errors.New(
		"the database has triggers, views or virtual tables that this program did not make, or lacks " +
			"some, which could undo what you revoke: use a backup without them, and find out who changed this one")
	// ErrOtherTrail says that a database is of another store, or went another way since the copy.
	ErrOtherTrail = errors.New("its audit trail does not continue that of the backup")
	// ErrPostgresBackup is of a store that this program does not copy.
	ErrPostgresBackup = errors.New("the store is in PostgreSQL: back it up by pg_dump and restore it by pg_restore, " +
		"see docs/backup.md")
)

// Copy is what is known of a copy of a store's database.
type Copy struct {
	// Schema is the version of the database's schema.
	Schema int
	// At is when the backup was made; zero of a copy that an upgrade kept.
	At time.Time
	// Tenants and Connections count what it holds.
	Tenants, Connections int
	// Newest is the newest row of its audit trail; the zero row of none.
	Newest connect.AuditRow
	// Key is the id of the key that sealed it, which its keyset must have. It is not secret.
	Key uint32
	// SealedKeyset is the keyset as the backup was asked to hold it, or nil.
	SealedKeyset []byte
	// KEK is the fingerprint of the key-encryption key that seals the keyset which the copy has as the
	// store did; empty of one whose keyset is in a file.
	KEK string

	check, keyset []byte
}

// OpenedBy reports by vault.ErrKeysetMismatch that keyset, as its file has it, is not that of the
// copy, and by vault.ErrKeysetInvalid that it is not a keyset.
func (c *Copy) OpenedBy(keyset []byte) error { return vault.Check(keyset, c.check, keyCheckAD) }

// OpenedByKEK reports by *vault.KEKError that none of keks seals the keyset of the copy, and by
// vault.ErrKeysetMismatch that the keyset is not that of the copy.
func (c *Copy) OpenedByKEK(keks []vault.KEK) error {
	keyset, err := vault.Cleartext(c.keyset, keks)
	if err != nil {
		return err
	}
	defer clear(keyset)
	return c.OpenedBy(keyset)
}

// copyDatabase writes a consistent copy of a database into a new file next to file, of mode 0600,
// and returns its name. It may be in use; writers go on.
func copyDatabase(ctx context.Context, database, file string) (_ string, err error) {
	temp := filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+"."+rand.Text()[:8]+".tmp")
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) // #nosec G304 -- the operator's own file
	if err != nil {
		return "", fmt.Errorf("creating the copy: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeDatabase(temp))
		}
	}()
	if err := f.Close(); err != nil {
		return "", err
	}
	db, err := openPool(database, copying)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, `VACUUM INTO ?`, temp); err != nil {
		return "", fmt.Errorf("copying the database to %s: %w", filepath.Dir(file), explainFull(err))
	}
	return temp, nil
}

// removeDatabase removes a database that no one has open, with what SQLite may have left next to
// it.
func removeDatabase(path string) (err error) {
	for _, suffix := range []string{"", "-journal"} {
		if e := os.Remove(path + suffix); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

func explainFull(err error) error {
	if resultCode(err) == sqliteFull {
		return fmt.Errorf("%w (%w)", ErrNoRoom, err)
	}
	return err
}

// Backup writes a consistent copy of the database to file, of mode 0600, and returns what it is.
// The store may be in use; writers go on. A file that exists is an error that wraps fs.ErrExist. On
// any error there is no file.
//
// sealKeyset, if it is not nil, gets the keyset file that opens the copy, and what it returns is
// kept in it.
func (s *Store) Backup(ctx context.Context, file string, sealKeyset func([]byte) ([]byte, error)) (c Copy, err error) {
	if s.o.Postgres != "" {
		return c, ErrPostgresBackup
	}
	if err := s.Ready(ctx); err != nil {
		return c, err
	}
	if _, err := os.Lstat(file); err == nil { // before all the work; Publish makes sure
		return c, &fs.PathError{Op: "backup", Path: file, Err: fs.ErrExist}
	}
	at := s.now()
	temp, err := copyDatabase(ctx, filepath.Join(s.o.Dir, DatabaseName), file)
	if err != nil {
		return c, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, removeDatabase(temp))
		}
	}()
	keyset, err := s.keysetOf(ctx, temp)
	if err != nil {
		return c, err
	}
	defer clear(keyset)
	var sealed []byte
	if sealKeyset != nil {
		if sealed, err = sealKeyset(keyset); err != nil {
			return c, err
		}
	}
	if err := markBackup(ctx, temp, at, sealed); err != nil {
		return c, fmt.Errorf("finishing the copy: %w", explainFull(err))
	}
	if c, err = ReadCopy(ctx, temp); err != nil {
		return c, fmt.Errorf("checking the copy: %w", err)
	}
	if err := c.OpenedBy(keyset); err != nil {
		return c, fmt.Errorf("checking the copy: %w", err)
	}
	return c, privatefile.Publish(temp, file)
}

// keysetOf returns the keyset that opens a copy which was just made, as a keyset file has it. A
// rotation writes the new keyset before it uses it.
func (s *Store) keysetOf(ctx context.Context, file string) (_ []byte, err error) {
	db, err := openPool(file, looking)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var sealed []byte
	err = db.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = ?`, keysetRow).Scan(&sealed)
	if err == nil {
		return vault.Cleartext(sealed, s.o.KeyEncryptionKeys)
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("reading the keyset of the copy: %w", err)
	}
	keyset, err := privatefile.Read(filepath.Join(s.o.Dir, vault.FileName))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", vault.FileName, err)
	}
	return keyset, nil
}

// DropKeyset takes the sealed keyset out of a copy that no one else has open: it is in a file then.
func DropKeyset(ctx context.Context, file string) error {
	return finish(ctx, file, "taking the keyset out", func(tx *tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM meta WHERE name IN (?, ?)`, keysetRow, pendingKeyRow)
		return err
	})
}

// finish runs statements on a copy that no one else has open, in one transaction.
func finish(ctx context.Context, file, doing string, f func(*tx) error) (err error) {
	db, err := openPool(file, finishing)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := plainTransaction(ctx, db, f); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func markBackup(ctx context.Context, file string, at time.Time, sealed []byte) error {
	return finish(ctx, file, "marking the backup", func(tx *tx) error {
		const put = `INSERT INTO meta (name, value) VALUES (?, ?)`
		if _, err := tx.ExecContext(ctx, put, backupTimeRow, at.UnixMilli()); err != nil || sealed == nil {
			return err
		}
		_, err := tx.ExecContext(ctx, put, backupKeysetRow, sealed)
		return err
	})
}

// ReadCopy checks a copy of a store's database and tells what it is. It writes nothing. What is
// wrong is ErrDamaged, ErrNewerSchema, ErrForeignCode or ErrPlainCopy.
func ReadCopy(ctx context.Context, file string) (c Copy, err error) {
	if err := checkFormat(file); err != nil {
		return c, err
	}
	db, err := openPool(file, looking)
	if err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := quickCheck(ctx, db); err != nil {
		return c, err
	}
	h, err := readHeader(ctx, db)
	if err != nil {
		return c, err
	}
	if err := h.check(); err != nil {
		return c, err
	}
	if err := checkCode(ctx, db, h.version); err != nil {
		return c, err
	}
	c.Schema = h.version
	return c, c.read(ctx, db)
}

// checkFormat reads the first bytes of a database (https://sqlite.org/fileformat.html): one in WAL
// mode was copied as a file, and SQLite's own copies are not.
func checkFormat(file string) (err error) {
	f, err := os.Open(file) // #nosec G304 -- the operator's own file
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var head [20]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || string(head[:15]) != "SQLite format 3" {
		return ErrDamaged
	}
	if head[18] == 2 {
		return ErrPlainCopy
	}
	return nil
}

func (c *Copy) read(ctx context.Context, db *sql.DB) error {
	var at sql.NullInt64
	var key int64
	err := db.QueryRowContext(ctx, `SELECT
		(SELECT value FROM meta WHERE name = ?), (SELECT value FROM meta WHERE name = ?),
		(SELECT value FROM meta WHERE name = ?), (SELECT value FROM meta WHERE name = ?),
		(SELECT value FROM meta WHERE name = ?), (SELECT count(*) FROM tenants), (SELECT count(*) FROM connections)`,
		backupTimeRow, backupKeysetRow, keyCheckRow, primaryKeyRow, keysetRow).
		Scan(&at, &c.SealedKeyset, &c.check, &key, &c.keyset, &c.Tenants, &c.Connections)
	if err != nil {
		return fmt.Errorf("reading the copy: %w", err)
	}
	if c.keyset != nil {
		if c.KEK, err = vault.SealedBy(c.keyset); err != nil {
			return fmt.Errorf("reading the copy: %w", err)
		}
	}
	c.Key = uint32(key) // #nosec G115 -- as it was stored
	if at.Valid {
		c.At = time.UnixMilli(at.Int64).UTC()
	}
	if c.Schema < auditSchema {
		return nil
	}
	rows, err := auditAfter(ctx, db, ` ORDER BY id DESC LIMIT 1`)
	if err == nil && len(rows) > 0 {
		c.Newest = rows[0]
	}
	return err
}

// auditSchema is the first version of the schema that has the audit trail.
const auditSchema = 2

func auditAfter(ctx context.Context, db *sql.DB, clause string, args ...any) (found []connect.AuditRow, err error) {
	err = plainTransaction(ctx, db, func(tx *tx) error {
		found, err = scanAudit(ctx, tx, clause, args)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the audit trail: %w", err)
	}
	return found, nil
}

// ChangesSince returns what the audit trail of the store or copy at path, a directory or a file,
// has after the copy c, oldest first. ErrOtherTrail is of one that does not continue c's. A file
// that no store has open is not changed.
func ChangesSince(ctx context.Context, path string, c Copy) (rows []connect.AuditRow, err error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, DatabaseName)
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	how := looking
	if _, err := os.Stat(path + "-wal"); err == nil {
		how = following
	}
	db, err := openPool(path, how)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	h, err := readHeader(ctx, db)
	switch {
	case err != nil:
		return nil, err
	case h.application != applicationID:
		return nil, ErrDamaged
	case h.version < auditSchema:
		return nil, nil
	case h.version <= len(migrations): // of a newer one, what is foreign is not known
		if err := checkCode(ctx, db, h.version); err != nil {
			return nil, err
		}
	}
	rows, err = auditAfter(ctx, db, ` WHERE id >= ? ORDER BY id`, c.Newest.ID)
	if err != nil || c.Newest.ID == 0 {
		return rows, err
	}
	if len(rows) == 0 || !continues(rows[0], c.Newest) {
		return nil, ErrOtherTrail
	}
	return rows[1:], nil
}

// continues reports whether a row of a trail is the row that a copy of it has. The end user may
// have been erased since, and with them the name in Detail.
func continues(r, copied connect.AuditRow) bool {
	if strings.HasPrefix(r.User, erasedPrefix) {
		copied.User = r.User
	}
	copied.Detail = r.Detail
	return r == copied
}

// Adopt makes the store, whose database is a restored copy, one of its own: what was under way when
// the copy was made is ended (sessions of the dashboard, authorizations at providers, refreshes),
// and the restore is recorded. The zero Copy is one of which nothing is known, such as a dump of
// PostgreSQL. No gateway may be running.
func (s *Store) Adopt(ctx context.Context, c Copy) error {
	detail := "a copy without a date"
	if !c.At.IsZero() {
		detail = "the backup of " + c.At.Format(time.RFC3339)
	}
	return s.changeTenants(ctx, "taking over a restored copy", func(tx *tx) error {
		for _, query := range [...]string{
			`DELETE FROM sessions`, `DELETE FROM attempts`, `DELETE FROM nodes`,
			`UPDATE connections SET lease_owner = NULL, lease_until = NULL WHERE lease_owner IS NOT NULL`,
			`DELETE FROM meta WHERE name IN ('` + backupTimeRow + `', '` + backupKeysetRow + `')`,
		} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				return err
			}
		}
		if err := s.record(ctx, tx, connect.AuditRow{Event: connect.StoreRestored, Detail: detail}); err != nil {
			return err
		}
		return s.putKeyCheck(ctx, tx)
	})
}
