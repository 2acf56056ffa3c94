package connect

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/vendgate/vendgate/connect/vault"
)

// databaseName is what the database of a store is called; the keyset is next to it.
const databaseName = "vendgate.db"

// ErrClosed is returned by calls on a store that was closed.
var ErrClosed = errors.New("the store is closed")

// Options say where a store lives.
type Options struct {
	// Dir holds the database and the keyset. It is made with mode 0700 if it does not exist.
	Dir string
	// Logger receives what no caller can be told; nil discards it.
	Logger *slog.Logger
	// Now is the clock of timestamps and refresh leases; nil means time.Now. Processes that share Dir
	// are on one machine, and so have one clock. A second's difference between them does no harm.
	Now func() time.Time
}

// Store keeps tenants and connections in one SQLite database, with the grants sealed. Several
// stores, in one process or in several on the same machine, may share a directory.
type Store struct {
	log   *slog.Logger
	now   func() time.Time
	vault *vault.Vault

	// writer has one connection, because SQLite has one writer: a second would only wait for
	// its lock, without a queue and without seeing a cancelled context.
	writer *sql.DB
	pool   *sql.DB

	// hot serves Grant; see reader. A nil reader is a connection not yet made.
	connector driver.Connector
	hot       chan *reader
	closed    chan struct{}
	closing   sync.Once
	closeErr  error
}

// Open opens the store in o.Dir, and makes it if there is none. It never overwrites what it finds:
// a database without its keyset, a keyset of another database, a damaged database or one of a newer
// version is an error (vault.ErrKeysetMissing, vault.ErrKeysetMismatch, ErrDamaged,
// ErrNewerSchema), and so is a keyset that others than its owner may read (vault.ErrKeysetExposed).
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", o.Dir, err)
	}
	return s, nil
}

// Exists reports whether there is a store in dir, for those who would only read and should not make
// one. A dir that cannot be looked into counts as one that has a store: Open then says what is
// wrong.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, databaseName)) // and never open it: see createDatabase
	return !errors.Is(err, fs.ErrNotExist)
}

func open(ctx context.Context, o Options) (_ *Store, err error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating the directory: %w", err)
	}
	database := filepath.Join(dir, databaseName)
	if err := createDatabase(database); err != nil {
		return nil, fmt.Errorf("creating the database: %w", err)
	}
	s := &Store{
		log:    o.Logger,
		now:    o.Now,
		vault:  vault.New(filepath.Join(dir, vault.FileName)),
		closed: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.connect(database); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes the pools. They open their connections when they are first used.
func (s *Store) connect(database string) (err error) {
	if s.writer, err = openPool(database, writing); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.pool, err = openPool(database, reading); err != nil {
		return err
	}
	s.pool.SetMaxOpenConns(4)
	s.pool.SetMaxIdleConns(4)
	if s.connector, err = newConnector(database, reading); err != nil {
		return err
	}
	s.hot = make(chan *reader, min(max(4, 2*runtime.GOMAXPROCS(0)), 16))
	for range cap(s.hot) {
		s.hot <- nil
	}
	return nil
}

// Close waits for reads under way and closes the database. Calls after it return ErrClosed.
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.closed)
		var errs []error
		for range cap(s.hot) {
			if r := <-s.hot; r != nil {
				errs = append(errs, r.close())
			}
		}
		// The writer goes last: closing the last connection folds the WAL into the database.
		errs = append(errs, s.pool.Close(), s.writer.Close())
		if err := errors.Join(errs...); err != nil {
			s.closeErr = fmt.Errorf("closing the store: %w", err)
		}
	})
	return s.closeErr
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
	select {
	case <-s.closed:
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	default:
	}
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
		err = errNoConnection()
	}
	return err
}
