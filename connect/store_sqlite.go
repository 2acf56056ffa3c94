package connect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	// A port of SQLite to Go, chosen because a gateway that needs no C compiler can be built by
	// xcaddy for every platform.
	"modernc.org/sqlite"

	"github.com/vendgate/vendgate/internal/privatefile"
)

// ErrDamaged says that the file is not our database, or is corrupt. Restore it from a backup.
var ErrDamaged = errors.New(databaseName +
	" is damaged, or is not a database of this program; nothing was changed, restore it from a backup")

// access is how a pool uses the database.
type access string

// foreign_keys, synchronous and the rest are per connection, so they are in the DSN.
// trusted_schema=0 keeps a tampered schema from running functions.
const (
	reading access = "_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-8192)&_pragma=trusted_schema(0)"
	// immediate: a transaction that reads first and writes later would otherwise fail with
	// SQLITE_BUSY instead of waiting. secure_delete wipes the ciphertext of deleted grants.
	// fullfsync is what durability takes on macOS.
	writing access = "_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=synchronous(FULL)" +
		"&_pragma=fullfsync(1)&_pragma=secure_delete(1)&_pragma=trusted_schema(0)"
)

// creating is held while createDatabase has the file open; see there.
var creating sync.Mutex

// createDatabase makes an empty file that only its owner can read, unless there is one. SQLite
// would make it readable by all.
//
// SQLite's locks are POSIX locks: closing any descriptor of a file drops all locks that the process
// holds on it. The mutex keeps another store of this process from locking the database between our
// creating and our closing it. For the same reason nothing else here ever opens the database file.
func createDatabase(path string) error {
	creating.Lock()
	defer creating.Unlock()
	return privatefile.Create(path)
}

func newConnector(database string, how access) (driver.Connector, error) {
	path := filepath.ToSlash(database)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/… is /C:/… in a file URI
	}
	dsn := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: string(how)}
	return sqlite.NewConnector(dsn.String())
}

func openPool(database string, how access) (*sql.DB, error) {
	c, err := newConnector(database, how)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(c), nil
}

// prepare checks what there is, makes what there is not, and loads the keyset.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.quickCheck(ctx); err != nil {
		return err
	}
	// One immediate transaction covers the making of schema and keyset: of two processes that
	// open a new directory, the second waits and then finds both.
	if err := s.update(ctx, "preparing the database", func(tx *sql.Tx) error { return s.adopt(ctx, tx) }); err != nil {
		return err
	}
	return s.useWAL(ctx)
}

// quickCheck refuses a corrupt database before anything is written to it.
func (s *Store) quickCheck(ctx context.Context) error {
	var verdict string
	err := s.writer.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
	switch {
	case err != nil && isCorruption(err):
		return fmt.Errorf("%w (%w)", ErrDamaged, err)
	case err != nil:
		return fmt.Errorf("checking the database: %w", err)
	case verdict != "ok":
		return fmt.Errorf("%w (%s)", ErrDamaged, verdict)
	}
	return nil
}

// walPatience bounds how long an open waits for others to finish theirs.
const walPatience = 10 * time.Second

// useWAL lets readers work while the writer does. The mode is kept in the database, so only the
// first open changes anything; while another process does the same, the change may be refused as
// busy without SQLite's own waiting.
func (s *Store) useWAL(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, walPatience)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		var mode string
		err := s.writer.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode)
		switch {
		case err == nil && mode == "wal":
			return nil
		case err == nil:
			return fmt.Errorf("the file system does not support SQLite's WAL mode (the journal mode stays %q)", mode)
		case !isBusy(err):
			return fmt.Errorf("switching to WAL mode: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("switching to WAL mode: %w", ctx.Err())
		case <-retry.C:
		}
	}
}

// SQLite's primary result codes (https://sqlite.org/rescode.html).
const (
	sqliteBusy    = 5
	sqliteCorrupt = 11
	sqliteNotADB  = 26
)

func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff // the higher bits refine the primary code
}

func isBusy(err error) bool { return resultCode(err) == sqliteBusy }

func isCorruption(err error) bool {
	code := resultCode(err)
	return code == sqliteCorrupt || code == sqliteNotADB
}

// ErrNewerSchema says that a later version of the program has changed the database.
var ErrNewerSchema = errors.New(
	databaseName + " was written by a newer version of this program; nothing was changed, use that version or newer")

// applicationID marks the database as ours ("VEND"), so that no other program's is adopted.
const applicationID = 0x56454e44

// schemas holds what brings the database from version i-1 to i, as schema/i.sql; PRAGMA
// user_version holds the version. A migration that has been released is never edited.
//
//go:embed schema/*.sql
var schemas embed.FS

var migrations = loadMigrations()

func loadMigrations() (scripts []string) {
	for {
		script, err := schemas.ReadFile(fmt.Sprintf("schema/%d.sql", len(scripts)+1))
		if err != nil {
			return scripts
		}
		scripts = append(scripts, string(script))
	}
}

// adopt brings the database to the current schema and checks that the keyset belongs to it.
func (s *Store) adopt(ctx context.Context, tx *sql.Tx) error {
	var application, version, objects int
	err := tx.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&application, &version, &objects)
	switch {
	case err != nil:
		return fmt.Errorf("reading the schema version: %w", err)
	case version == 0 && objects == 0 && application == 0:
		return s.create(ctx, tx)
	case application != applicationID:
		return ErrDamaged
	case version > len(migrations):
		return ErrNewerSchema
	}
	if err := s.loadVault(ctx, tx); err != nil {
		return err
	}
	return migrate(ctx, tx, version)
}

// create makes the schema and, before it, the keyset: should the process die in between, an unused
// keyset stays, which the next open takes over; the other order could leave a sealed database
// without its key.
func (s *Store) create(ctx context.Context, tx *sql.Tx) error {
	if err := s.vault.LoadOrCreate(); err != nil {
		return err
	}
	if err := migrate(ctx, tx, 0); err != nil {
		return err
	}
	// A PRAGMA takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return fmt.Errorf("marking the database: %w", err)
	}
	return s.putKeyCheck(ctx, tx)
}

func migrate(ctx context.Context, tx *sql.Tx, from int) error {
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
