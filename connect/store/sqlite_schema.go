package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"sync"

	"github.com/vendgate/vendgate/internal/privatefile"
)

// ErrNewerSchema says that a later version of the program has changed the database.
var ErrNewerSchema = errors.New(
	DatabaseName + " was written by a newer version of this program; nothing was changed, use that version or newer")

// ErrOlderSchema says that an earlier version of the program wrote the database, and that it was to
// stay as it is.
var ErrOlderSchema = errors.New(
	DatabaseName + " was written by an older version of this program: stop the gateway of " +
		"that version, and run `vendgate store upgrade` or start the new one")

// Upgrade is what opening a store changed of its schema.
type Upgrade struct {
	// From and To are the versions of the schema.
	From, To int
	// Copy is the file that holds the database as it was.
	Copy string
	// KeysetFile is where the keyset file is now that the keyset is in the database; empty if it was
	// there before.
	KeysetFile string
}

// applicationID marks the database as ours ("VEND"), so that no other program's is adopted.
const applicationID = 0x56454e44

// schemas holds what brings the database from version i-1 to i, as schema/sqlite/i.sql; PRAGMA
// user_version holds the version. A migration that has been released is never edited.
//
//go:embed schema/sqlite/*.sql
var schemas embed.FS

var migrations = loadMigrations()

func loadMigrations() (scripts []string) {
	for {
		script, err := schemas.ReadFile(fmt.Sprintf("schema/sqlite/%d.sql", len(scripts)+1))
		if err != nil {
			return scripts
		}
		scripts = append(scripts, string(script))
	}
}

// header is what a database says of itself.
type header struct{ application, version, objects int }

// querier is a transaction, or a pool.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func readHeader(ctx context.Context, db querier) (h header, err error) {
	err = db.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&h.application, &h.version, &h.objects)
	if err != nil {
		return h, fmt.Errorf("reading the schema version: %w", err)
	}
	return h, nil
}

// empty is true of a database that was made and never written to.
func (h header) empty() bool { return h == header{} }

// check refuses what is not ours, or not ours yet.
func (h header) check() error {
	switch {
	case h.application != applicationID, h.version < 1: // which goes with the id from the first
		return ErrDamaged
	case h.version > len(migrations):
		return ErrNewerSchema
	}
	return nil
}

// checkCode refuses, by ErrForeignCode, a database of a version of the schema that runs statements
// which are not of that: a trigger could bring back each key that is revoked.
func checkCode(ctx context.Context, db querier, version int) error {
	want, err := codeOf(ctx, version)
	if err != nil {
		return err
	}
	got, err := statements(ctx, db, codeQuery)
	if err == nil && !maps.Equal(got, want) {
		err = ErrForeignCode
	}
	return err
}

// codes holds what codeOf returned, by version. Migrations do not change while a process runs, and
// running them takes longer than everything else that opens a store.
var codes sync.Map

// codeOf returns the statements that a database of a version of the schema runs, by name. They are
// shared: do not change the map.
func codeOf(ctx context.Context, version int) (map[string]string, error) {
	if known, ok := codes.Load(version); ok {
		return known.(map[string]string), nil
	}
	code, err := madeBy(ctx, migrations[:version], codeQuery)
	if err == nil {
		codes.Store(version, code)
	}
	return code, err
}

// The statements that make the triggers, views and virtual tables of a database, and those that
// make its tables and indexes; each with its name.
const (
	codeQuery = `SELECT name, sql FROM sqlite_schema
		WHERE type IN ('trigger', 'view') OR type = 'table' AND rootpage = 0`
	tablesQuery = `SELECT name, sql FROM sqlite_schema WHERE type IN ('table', 'index') AND rootpage <> 0
		AND name NOT LIKE 'sqlite!_%' ESCAPE '!'`
)

// madeBy returns what query finds in a database that these scripts made.
func madeBy(ctx context.Context, scripts []string, query string) (found map[string]string, err error) {
	db, err := openMemory()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, script := range scripts {
		if _, err := db.ExecContext(ctx, script); err != nil {
			return nil, fmt.Errorf("making the schema to compare with: %w", err)
		}
	}
	return statements(ctx, db, query)
}

// statements returns the text that query finds, by name.
func statements(ctx context.Context, db querier, query string) (found map[string]string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	defer closeRows(rows, &err)
	found = make(map[string]string)
	for rows.Next() {
		var name, statement string
		if err := rows.Scan(&name, &statement); err != nil {
			return nil, fmt.Errorf("reading the schema: %w", err)
		}
		found[name] = statement
	}
	return found, rows.Err()
}

// adopt brings the database to the current schema and checks that the keyset belongs to it. It
// returns what it changed.
func (d *sqliteDB) adopt(ctx context.Context, tx *tx) (u Upgrade, err error) {
	h, err := readHeader(ctx, tx)
	switch {
	case err != nil:
		return u, err
	case h.empty() && d.store.o.Existing:
		return u, ErrNoStore
	case h.empty():
		return u, d.create(ctx, tx)
	}
	if err := h.check(); err != nil {
		return u, err
	}
	if err := checkCode(ctx, tx, h.version); err != nil {
		return u, err
	}
	if err := d.store.loadVault(ctx, tx); err != nil {
		return u, err
	}
	switch {
	case h.version == len(migrations):
		return u, nil
	case d.store.o.KeepSchema:
		return u, ErrOlderSchema
	}
	u = Upgrade{From: h.version, To: len(migrations)}
	// The transaction keeps all other writers away, so that the copy holds all that is migrated.
	if u.Copy, err = d.keepCopy(ctx, h.version); err != nil {
		return Upgrade{}, fmt.Errorf("the database is not upgraded, because it cannot be kept as it was: %w", err)
	}
	return u, migrate(ctx, tx, h.version)
}

// keepCopy writes the database as it was before an upgrade next to it. It stays until the operator
// deletes it.
func (d *sqliteDB) keepCopy(ctx context.Context, version int) (file string, err error) {
	file = filepath.Join(d.store.o.Dir, fmt.Sprintf("%s.schema%d-%s", DatabaseName, version,
		d.store.now().UTC().Format("20060102T150405.000Z")))
	temp, err := copyDatabase(ctx, filepath.Join(d.store.o.Dir, DatabaseName), file)
	if err != nil {
		return "", err
	}
	if err := privatefile.Publish(temp, file); err != nil {
		return "", errors.Join(fmt.Errorf("writing %s: %w", file, err), os.Remove(temp))
	}
	return file, nil
}

// create makes the schema and the keyset. Should the process die before the transaction is
// committed, an unused keyset file stays, which the next open takes over.
func (d *sqliteDB) create(ctx context.Context, tx *tx) error {
	if err := migrate(ctx, tx, 0); err != nil {
		return err
	}
	// A PRAGMA takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return fmt.Errorf("marking the database: %w", err)
	}
	return d.store.createVault(ctx, tx)
}

func migrate(ctx context.Context, tx *tx, from int) error {
	if from == len(migrations) {
		return nil
	}
	for i, script := range migrations[from:] {
		if _, err := tx.ExecContext(ctx, script); err != nil {
			return fmt.Errorf("migrating the schema to version %d: %w", from+i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations))); err != nil {
		return fmt.Errorf("recording the schema version: %w", err)
	}
	return nil
}

// Inspect reports what would keep the store from being opened, by the errors of Open, and writes
// nothing: it makes no file, not even one of SQLite's own, and changes none. A directory without a
// store has nothing wrong with it, and neither has a database of an older version.
//
// A database that a process left in the middle of its work is not looked into if SQLite would have
// to make a file for that.
func (s *Store) Inspect(ctx context.Context) error {
	if s.IsReady() {
		return nil
	}
	if err := s.db.inspect(ctx); err != nil {
		return s.notOpened(explainDamage(err))
	}
	return nil
}
