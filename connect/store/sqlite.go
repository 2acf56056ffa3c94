package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// A port of SQLite to Go, chosen because a gateway that needs no C compiler can be built by
// xcaddy for every platform.

// ErrDamaged says that the file is not our database, or is corrupt. Restore it from a backup.
var ErrDamaged = errors.New(DatabaseName +
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

	// looking makes no file and changes none, so that the database must be complete without a WAL;
	// following is for one whose WAL and shared memory are there. See Inspect.
	looking   = "mode=ro&immutable=1&" + reading
	following = "mode=ro&" + reading
	// copying is for VACUUM INTO, which query_only would refuse.
	copying access = "_pragma=busy_timeout(5000)&_pragma=trusted_schema(0)"
	// finishing is for a copy that no one else has open, which must stay one file.
	finishing access = "_txlock=immediate&_pragma=journal_mode(MEMORY)&_pragma=synchronous(FULL)&_pragma=secure_delete(1)" +
		"&_pragma=trusted_schema(0)"
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
	database, err := filepath.Abs(database)
	if err != nil {
		return nil, err
	}
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

// openMemory opens an empty database that is kept in memory, and in one connection alone.
func openMemory() (*sql.DB, error) {
	c, err := sqlite.NewConnector(":memory:")
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	return db, nil
}

// prepare checks what there is, makes what there is not, and loads the keyset.
func (s *Store) prepare(ctx context.Context) error {
	if !s.checked.Swap(false) {
		if err := quickCheck(ctx, s.writer); err != nil {
			return err
		}
	}
	// One immediate transaction covers the making of schema and keyset: of two processes that
	// open a new directory, the second waits and then finds both.
	err := inTransaction(ctx, s.writer, "preparing the database", func(tx *sql.Tx) (err error) {
		s.upgraded, err = s.adopt(ctx, tx)
		return err
	})
	if err != nil {
		s.upgraded = Upgrade{}
		return err
	}
	return s.useWAL(ctx)
}

// quickCheck refuses a corrupt database before anything is written to it.
func quickCheck(ctx context.Context, db *sql.DB) error {
	var verdict string
	err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict)
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
	sqliteFull    = 13
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

// update runs f in a write transaction. It has been written through to the disk when update
// returns nil; otherwise nothing has changed. doing says in the error what was tried.
func (s *Store) update(ctx context.Context, doing string, f func(*sql.Tx) error) error {
	return s.transact(ctx, s.writer, doing, f)
}

// view runs f on one snapshot of the database.
func (s *Store) view(ctx context.Context, doing string, f func(*sql.Tx) error) error {
	return s.transact(ctx, s.pool, doing, f)
}

func (s *Store) transact(ctx context.Context, db *sql.DB, doing string, f func(*sql.Tx) error) error {
	if s.isClosed() {
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	}
	if err := s.Ready(ctx); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return inTransaction(ctx, db, doing, f)
}

func inTransaction(ctx context.Context, db *sql.DB, doing string, f func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := f(tx); err != nil {
		// The error of f says more; a rollback that fails leaves the same: nothing.
		_ = tx.Rollback()
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: committing: %w", doing, err)
	}
	return nil
}

// closeRows closes rows and keeps the first error.
func closeRows(rows *sql.Rows, err *error) {
	if e := rows.Close(); *err == nil {
		*err = e
	}
}

// conditions are joined by AND. Their text is constant; values go as arguments.
type conditions struct {
	terms []string
	args  []any
}

func (c *conditions) add(term string, args ...any) {
	c.terms, c.args = append(c.terms, term), append(c.args, args...)
}

// equal adds a condition unless value is empty, which means any.
func (c *conditions) equal(column, value string) {
	if value != "" {
		c.add(column+" = ?", value)
	}
}

func (c *conditions) where() (clause string, args []any) {
	if c.terms == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(c.terms, " AND "), c.args
}

// changed turns a statement that changed no row into none.
func changed(r sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = none
	}
	return err
}

// mustChange turns a statement that found no connection into `connection_deleted`.
func mustChange(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = connect.NoConnection()
	}
	return err
}
