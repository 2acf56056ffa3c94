package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/vendgate/vendgate/connect/store/sqlitestmt"
	"github.com/vendgate/vendgate/connect/vault"
	"github.com/vendgate/vendgate/internal/filelock"
	"github.com/vendgate/vendgate/internal/presence"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// DatabaseName is what the database of a store is called; the keyset is next to it.
const DatabaseName = "vendgate.db"

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

func (d *sqliteDB) open(ctx context.Context) (u Upgrade, err error) {
	if d.store.isClosed() {
		return u, ErrClosed
	}
	dir := d.store.o.Dir
	if err := checkFiles(dir, d.store.o.Existing); err != nil {
		return u, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return u, fmt.Errorf("creating the directory: %w", err)
	}
	lock, err := d.lockDir(dir)
	if err != nil {
		return u, err
	}
	defer func() {
		if err == nil {
			d.shared = lock
			return
		}
		d.writer.SetMaxIdleConns(0) // the next try must not find files that were replaced meanwhile
		d.writer.SetMaxIdleConns(1)
		err = errors.Join(err, lock.Close())
	}()
	if err := checkFiles(dir, d.store.o.Existing); err != nil { // with the lock, nothing can replace them any more
		return u, err
	}
	if err := createDatabase(filepath.Join(dir, DatabaseName)); err != nil {
		return u, fmt.Errorf("creating the database: %w", err)
	}
	return d.prepare(ctx)
}

// lockDir keeps a restore away from the directory, or all others.
func (d *sqliteDB) lockDir(dir string) (*filelock.Lock, error) {
	take, refused := filelock.Shared, ErrReplacing
	if d.store.o.alone {
		take, refused = filelock.Exclusive, ErrInUse
	}
	lock, got, err := take(dir)
	if err != nil || got {
		return lock, err
	}
	if others, _ := presence.Others(dir); d.store.o.alone && len(others) > 0 { // commands leave no note
		return nil, fmt.Errorf("%w: %s", refused, others[0])
	}
	return nil, refused
}

// checkFiles looks at what is in a store's directory without opening anything.
func checkFiles(dir string, mustExist bool) error {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return errNotDirectory
	}
	err := privatefile.CheckOwner(dir, DatabaseName, DatabaseName+"-wal", DatabaseName+"-shm", vault.FileName)
	if err != nil {
		return err
	}
	if Exists(dir) {
		if _, err := os.Lstat(filepath.Join(dir, MovedName)); err == nil {
			return ErrMoved
		}
		return nil
	}
	if _, err := os.Lstat(filepath.Join(dir, RestoringName)); err == nil {
		return ErrRestoreInterrupted
	}
	if mustExist {
		return ErrNoStore
	}
	return nil
}

// sqliteDB is a store's database of SQLite, in its directory.
type sqliteDB struct {
	store *Store
	// shared keeps a restore away from the directory.
	shared *filelock.Lock
	// recheck looks through a database that a gateway has not closed.
	recheck recheck

	// writer has one connection, because SQLite has one writer: a second would only wait for
	// its lock, without a queue and without seeing a cancelled context.
	writer *sql.DB
	pool   *sql.DB

	// hot serves readRow.
	hot *sqlitestmt.Pool
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
func newSQLite(s *Store) (*sqliteDB, error) {
	d := &sqliteDB{store: s}
	database := filepath.Join(s.o.Dir, DatabaseName)
	var err error
	if d.writer, err = openPool(database, writing); err != nil {
		return nil, err
	}
	d.writer.SetMaxOpenConns(1)
	connector, err := newConnector(database, reading)
	if err != nil {
		return nil, err
	}
	d.pool = sql.OpenDB(opener{connector, s})
	d.pool.SetMaxOpenConns(4)
	d.pool.SetMaxIdleConns(4)
	d.hot = sqlitestmt.NewPool(min(max(4, 2*runtime.GOMAXPROCS(0)), 16), s.closed, ErrClosed)
	return d, nil
}

// prepare checks what there is, makes what there is not, and loads the keyset. It takes as long for
// a million connections as for one: the pages of the tables are not read. Damage among those is met
// later, see explainDamage.
func (d *sqliteDB) prepare(ctx context.Context) (u Upgrade, err error) {
	// One immediate transaction covers the making of schema and keyset: of two processes that
	// open a new directory, the second waits and then finds both.
	sealed := false
	if err := d.update(ctx, func(tx *tx) (err error) {
		if u, err = d.adopt(ctx, tx); err == nil {
			sealed, err = d.sealKeyset(ctx, tx)
		}
		return err
	}); err != nil {
		return Upgrade{}, fmt.Errorf("preparing the database: %w", err)
	}
	if sealed {
		u.KeysetFile = d.retireKeysetFile()
	}
	if err := d.useWAL(ctx); err != nil {
		return u, err
	}
	if d.store.o.Recheck {
		d.recheck.start(d.store) //nolint:contextcheck // it goes on after this call
	}
	return u, nil
}

// sealKeyset moves the keyset of a file into the database, if there is a key to seal it by. It
// reports whether the file is that of the keyset in the database now.
func (d *sqliteDB) sealKeyset(ctx context.Context, tx *tx) (sealed bool, err error) {
	s := d.store
	if len(s.o.KeyEncryptionKeys) == 0 || s.o.KeepSchema {
		return false, nil
	}
	check, err := tx.metaBytes(ctx, keyCheckRow)
	if err != nil {
		return false, fmt.Errorf("reading the key check: %w", err)
	}
	in, err := s.keysetIn(ctx, tx)()
	if err != nil {
		return false, err
	}
	if in.InRow() { // a process may have died before it could put its file aside
		return vault.New(nil).Load(keysetFile(s.o.Dir), check, keyCheckAD) == nil, nil
	}
	return true, s.vault.TakeOver(in, s.sealedIn(ctx, tx), check, keyCheckAD)
}

// retireKeysetFile puts a keyset file that is no longer read aside, and returns its new name. It is
// kept: older backups need it.
func (d *sqliteDB) retireKeysetFile() string {
	file := filepath.Join(d.store.o.Dir, vault.FileName)
	aside := file + ".sealed-" + d.store.now().UTC().Format("20060102T150405.000Z")
	if err := os.Rename(file, aside); err != nil {
		d.store.log.Warn("the keyset file is no longer read, and cannot be put aside", "file", file, "error", err)
		return file
	}
	return aside
}

// walPatience bounds how long an open waits for others to finish theirs.
const walPatience = 10 * time.Second

// useWAL lets readers work while the writer does. The mode is kept in the database, so only the
// first open changes anything; while another process does the same, the change may be refused as
// busy without SQLite's own waiting.
func (d *sqliteDB) useWAL(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, walPatience)
	defer cancel()
	retry := time.NewTicker(10 * time.Millisecond)
	defer retry.Stop()
	for {
		var mode string
		err := d.writer.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode)
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

// inspect implements dialect.
func (d *sqliteDB) inspect(ctx context.Context) error {
	if err := checkFiles(d.store.o.Dir, d.store.o.Existing); err != nil {
		return err
	}
	database := filepath.Join(d.store.o.Dir, DatabaseName)
	size, err := sizeOf(database)
	if err != nil {
		return err
	}
	wal, err := sizeOf(database + "-wal")
	if err != nil {
		return err
	}
	if size <= 0 && wal <= 0 {
		return d.validKeysetFile()
	}
	how := looking
	if wal > 0 {
		how = following
		if shared, err := sizeOf(database + "-shm"); err != nil || shared < 0 {
			return errors.Join(err, d.validKeysetFile())
		}
	}
	return d.inspectDatabase(ctx, database, how)
}

// validKeysetFile reports what is wrong with the keyset file of a database that cannot be looked
// into.
func (d *sqliteDB) validKeysetFile() error {
	if len(d.store.o.KeyEncryptionKeys) > 0 {
		return nil
	}
	return vault.Valid(keysetFile(d.store.o.Dir))
}

// sizeOf returns -1 of a file that does not exist.
func sizeOf(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	return info.Size(), nil
}

func (d *sqliteDB) inspectDatabase(ctx context.Context, database string, how access) (err error) {
	db, err := openPool(database, how)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	h, err := readHeader(ctx, db)
	if err != nil || h.empty() {
		return err
	}
	if err := h.check(); err != nil {
		return err
	}
	if err := checkCode(ctx, db, h.version); err != nil {
		return err
	}
	if err := plainTransaction(ctx, db, func(tx *tx) error { return d.store.loadVault(ctx, tx) }); err != nil {
		return fmt.Errorf("checking the keyset: %w", err)
	}
	return nil
}

// plainTransaction is inTransaction for a database of SQLite.
func plainTransaction(ctx context.Context, db *sql.DB, f func(*tx) error) error {
	return inTransaction(ctx, db, nil, tx{}, f)
}

// update implements dialect.
func (d *sqliteDB) update(ctx context.Context, f func(*tx) error) error {
	return plainTransaction(ctx, d.writer, f)
}

// view implements dialect.
func (d *sqliteDB) view(ctx context.Context, f func(*tx) error) error {
	return plainTransaction(ctx, d.pool, f)
}

// queryRow implements dialect.
func (d *sqliteDB) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	return d.pool.QueryRowContext(ctx, query, args...)
}

// isBusy implements dialect.
func (*sqliteDB) isBusy(err error) bool { return isBusy(err) }

// close implements dialect.
func (d *sqliteDB) close() error {
	errs := []error{d.recheck.end(), d.hot.Close()}
	d.store.opening.Lock() // no one opens it any more
	defer d.store.opening.Unlock()
	// The writer goes last: closing the last connection folds the WAL into the database.
	errs = append(errs, d.pool.Close(), d.writer.Close(), d.shared.Close())
	return errors.Join(errs...)
}

// forget implements dialect. It brings the write-ahead log into the database and empties it: it
// holds pages as they were. Where a reader keeps it from that, the next time does.
func (d *sqliteDB) forget(ctx context.Context) error {
	var busy, pages, folded int
	err := d.writer.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &folded)
	if err != nil && !isBusy(err) {
		return fmt.Errorf("folding the write-ahead log: %w", err)
	}
	return nil
}
