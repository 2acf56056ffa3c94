package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"

	"modernc.org/sqlite"

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
