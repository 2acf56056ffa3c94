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
	"sync"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/filelock"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// DatabaseName is what the database of a store is called; the keyset is next to it.
const DatabaseName = "vendgate.db"

// Why a store is not opened. Each leaves all files as they were.
var (
	// ErrClosed is returned by calls on a store that was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrNoStore is of a directory without a store, where none may be made.
	ErrNoStore      = errors.New("there is no store in the directory")
	errNotDirectory = errors.New("it is a file: name the directory of the store")
	// ErrReplacing says that a restore puts another store in the place of this one.
	ErrReplacing = errors.New("the store is being replaced by `vendgate store restore`: wait until that has ended")
	// ErrRestoreInterrupted says that a restore ended half-way. An empty store in the place of the one
	// that it moved aside would look as if all had been lost.
	ErrRestoreInterrupted = errors.New("a restore of this store was interrupted: run `vendgate store restore` again")
)

// Options say where a store lives.
type Options struct {
	// Dir holds the database and the keyset. It is made with mode 0700 if it does not exist.
	Dir string
	// Existing makes a directory without a store ErrNoStore; else the store is made.
	Existing bool
	// KeepSchema makes a database of an older version ErrOlderSchema; else it is upgraded, and kept as
	// it was in a copy.
	KeepSchema bool
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
	o     Options

	// opening is held while the store is opened, and while it is closed; ready is true once it is
	// open.
	opening sync.Mutex
	ready   atomic.Bool
	// checked is true once Inspect has found the database sound, which takes long if it is large.
	checked atomic.Bool
	// shared keeps a restore away from the directory.
	shared   *filelock.Lock
	upgraded Upgrade

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
// ErrNewerSchema), and so are a keyset that others than its owner may read (vault.ErrKeysetExposed)
// and files of another user (*privatefile.OwnerError).
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := New(o)
	if err != nil {
		return nil, err
	}
	if err := s.Ready(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// New returns the store in o.Dir, which is opened when it is first used, as Open does; until then
// nothing is read or written.
func New(o Options) (*Store, error) {
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", o.Dir, err)
	}
	o.Dir = dir
	s := &Store{
		o:      o,
		log:    o.Logger,
		now:    o.Now,
		vault:  vault.New(vault.At(keysetFile(dir))),
		closed: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if err := s.connect(filepath.Join(dir, DatabaseName)); err != nil {
		return nil, fmt.Errorf("opening the store in %s: %w", dir, err)
	}
	return s, nil
}

// Ready opens the store, unless it is open already. Its errors are those of Open; a store that
// could not be opened is tried again at the next use.
func (s *Store) Ready(ctx context.Context) error {
	if s.ready.Load() {
		return nil
	}
	s.opening.Lock()
	defer s.opening.Unlock()
	if s.ready.Load() {
		return nil
	}
	if err := s.open(context.WithoutCancel(ctx)); err != nil { // the others wait for it too
		return fmt.Errorf("opening the store in %s: %w", s.o.Dir, err)
	}
	s.ready.Store(true)
	return nil
}

// IsReady reports whether the store is open.
func (s *Store) IsReady() bool { return s.ready.Load() }

// Dir is the directory of the store.
func (s *Store) Dir() string { return s.o.Dir }

// Upgraded tells, once, what opening the store changed of its schema; the zero Upgrade is nothing.
func (s *Store) Upgraded() (u Upgrade) {
	s.opening.Lock()
	defer s.opening.Unlock()
	u, s.upgraded = s.upgraded, u
	return u
}

// Exists reports whether there is a store in dir, for those who would only read and should not make
// one. A dir that cannot be looked into counts as one that has a store: Open then says what is
// wrong.
func Exists(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, DatabaseName)) // and never open it: see createDatabase
	return !errors.Is(err, fs.ErrNotExist)
}

// RestoringName is the directory, in that of the store, in which a restore puts together what it
// then moves into place.
const RestoringName = ".restoring"

func (s *Store) open(ctx context.Context) (err error) {
	if s.isClosed() {
		return ErrClosed
	}
	dir := s.o.Dir
	if err := checkFiles(dir, s.o.Existing); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("creating the directory: %w", err)
	}
	lock, got, err := filelock.Shared(dir)
	if err != nil {
		return err
	}
	if !got {
		return ErrReplacing
	}
	defer func() {
		if err == nil {
			s.shared = lock
			return
		}
		s.writer.SetMaxIdleConns(0) // the next try must not find files that were replaced meanwhile
		s.writer.SetMaxIdleConns(1)
		err = errors.Join(err, lock.Close())
	}()
	if err := checkFiles(dir, s.o.Existing); err != nil { // with the lock, nothing can replace them any more
		return err
	}
	if err := createDatabase(filepath.Join(dir, DatabaseName)); err != nil {
		return fmt.Errorf("creating the database: %w", err)
	}
	return s.prepare(ctx)
}

// checkFiles looks at what is in a store's directory without opening anything.
func checkFiles(dir string, mustExist bool) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return errNotDirectory
	}
	err := privatefile.CheckOwner(dir, DatabaseName, DatabaseName+"-wal", DatabaseName+"-shm", vault.FileName)
	if err != nil || Exists(dir) {
		return err
	}
	if _, err := os.Lstat(filepath.Join(dir, RestoringName)); err == nil {
		return ErrRestoreInterrupted
	}
	if mustExist {
		return ErrNoStore
	}
	return nil
}

// opener is a connector whose first connection opens the store.
type opener struct {
	driver.Connector
	store *Store
}

func (o opener) Connect(ctx context.Context) (driver.Conn, error) {
	if err := o.store.Ready(ctx); err != nil {
		return nil, err
	}
	return o.Connector.Connect(ctx)
}

// connect makes the pools. They open their connections when they are first used.
func (s *Store) connect(database string) (err error) {
	if s.writer, err = openPool(database, writing); err != nil {
		return err
	}
	s.writer.SetMaxOpenConns(1)
	if s.connector, err = newConnector(database, reading); err != nil {
		return err
	}
	s.connector = opener{s.connector, s}
	s.pool = sql.OpenDB(s.connector)
	s.pool.SetMaxOpenConns(4)
	s.pool.SetMaxIdleConns(4)
	s.hot = make(chan *reader, min(max(4, 2*runtime.GOMAXPROCS(0)), 16))
	for range cap(s.hot) {
		s.hot <- nil
	}
	return nil
}

func (s *Store) isClosed() bool {
	select {
	case <-s.closed:
		return true
	default:
		return false
	}
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
		s.opening.Lock() // no one opens it any more
		defer s.opening.Unlock()
		// The writer goes last: closing the last connection folds the WAL into the database.
		errs = append(errs, s.pool.Close(), s.writer.Close(), s.shared.Close())
		if err := errors.Join(errs...); err != nil {
			s.closeErr = fmt.Errorf("closing the store: %w", err)
		}
	})
	return s.closeErr
}
