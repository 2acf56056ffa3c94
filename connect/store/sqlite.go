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

	// A port of SQLite to Go, chosen because a gateway that needs no C compiler can be built by
	// xcaddy for every platform.
	"modernc.org/sqlite"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/sqlitestmt"
	"github.com/vendgate/vendgate/internal/privatefile"
	"github.com/vendgate/vendgate/vending"
)

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

// SQLite's primary result codes (https://sqlite.org/rescode.html).
const (
	sqliteBusy    = 5
	sqliteCorrupt = 11
	sqliteFull    = 13
	sqliteNotADB  = 26
)

func resultCode(err error) int {
	var e interface {
		error
		Code() int // of *sqlite.Error and *sqlitestmt.Error
	}
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff // the higher bits refine the primary code
}

func isBusy(err error) bool { return resultCode(err) == sqliteBusy }

// pragmas are the statements by which another connection gets the properties of how.
func (how access) pragmas() string {
	var statements strings.Builder
	for option := range strings.SplitSeq(string(how), "&") {
		if pragma, ok := strings.CutPrefix(option, "_pragma="); ok {
			statements.WriteString("PRAGMA " + pragma + ";")
		}
	}
	return statements.String()
}

// newReader makes a connection to the database with the one statement of the hot path prepared.
func (d *sqliteDB) newReader(ctx context.Context) (*sqlitestmt.Stmt, error) {
	if err := d.store.Ready(ctx); err != nil {
		return nil, err
	}
	return sqlitestmt.Open(filepath.Join(d.store.o.Dir, DatabaseName), reading.pragmas(), grantQuery)
}

func (d *sqliteDB) readRow(ctx context.Context, tenant, user, id string) (c connect.Connection, sealed []byte,
	err error) {
	if err := ctx.Err(); err != nil { // a statement that is free is lent all the same
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	r, err := d.hot.Borrow(ctx)
	if err != nil {
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	defer d.hot.Return(r)
	if r.Stmt == nil {
		if r.Stmt, err = d.newReader(ctx); err != nil {
			return c, nil, fmt.Errorf("reading a connection: %w", err)
		}
	}
	c = connect.Connection{ID: id, Tenant: tenant, User: user}
	found, sealed, err := read(r.Stmt, &c)
	switch {
	case err != nil:
		// Whatever it was, the next read starts on a new connection.
		err = errors.Join(err, r.Close())
		r.Stmt = nil
		return connect.Connection{}, nil, fmt.Errorf("reading a connection: %w", err)
	case !found:
		return connect.Connection{}, nil, connect.NoConnection()
	}
	return c, sealed, nil
}

// read reads the row of c. It takes no context, for a read that takes microseconds.
func read(r *sqlitestmt.Stmt, c *connect.Connection) (found bool, sealed []byte, err error) {
	found, err = r.Step(c.ID, c.Tenant, c.User)
	if found {
		sealed, err = scan(r, c)
	}
	if e := r.Reset(); err == nil {
		err = e
	}
	return found, sealed, err
}

// scan takes the columns of grantQuery. The table is STRICT, so a type that does not fit is another
// table than ours.
func scan(r *sqlitestmt.Stmt, c *connect.Connection) (sealed []byte, err error) {
	var status, authType string
	var numbers [4]int64
	ok := r.Texts(&c.App, &c.Name, &status, &authType)
	for i := range numbers {
		n, isInt := r.Int(4 + i)
		numbers[i], ok = n, ok && isInt
	}
	sealed, isBlob := r.Blob(8)
	if !ok || !isBlob {
		return nil, errors.New("a column has an unexpected type")
	}
	c.Status, c.AuthType = connect.Status(status), vending.AuthType(authType)
	flags := numbers[0]
	c.ViaLink, c.NeedsReconnection, c.RefreshPending = flags&1 != 0, flags&2 != 0, flags&4 != 0
	c.CreatedAt, c.UpdatedAt = time.UnixMilli(numbers[1]).UTC(), time.UnixMilli(numbers[2]).UTC()
	c.Version = numbers[3]
	return sealed, nil
}
