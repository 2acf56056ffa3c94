package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"time"

	// A port of SQLite to Go, chosen because a gateway that needs no C compiler can be built by
	// xcaddy for every platform.
	"modernc.org/sqlite"

	"github.com/vendgate/vendgate/connect"
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
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff // the higher bits refine the primary code
}

func isBusy(err error) bool { return resultCode(err) == sqliteBusy }

// reader is a connection to the database with the one statement of the hot path prepared. It goes
// to the driver directly: through database/sql the same read takes half again as long.
type reader struct {
	conn  driver.Conn
	stmt  driver.Stmt
	query driver.StmtQueryContext // stmt again
	args  [3]driver.NamedValue
	dest  [9]driver.Value
}

func (d *sqliteDB) newReader(ctx context.Context) (*reader, error) {
	conn, err := d.connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	stmt, err := conn.Prepare(grantQuery)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	query, ok := stmt.(driver.StmtQueryContext)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T has no QueryContext", stmt), stmt.Close(), conn.Close())
	}
	return &reader{conn: conn, stmt: stmt, query: query}, nil
}

func (r *reader) close() error {
	return errors.Join(r.stmt.Close(), r.conn.Close())
}

func (d *sqliteDB) readRow(ctx context.Context, tenant, user, id string) (c connect.Connection, sealed []byte,
	err error) {
	if err := ctx.Err(); err != nil { // select would pick a free reader as well
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	var r *reader
	select {
	case <-ctx.Done():
		return c, nil, fmt.Errorf("reading a connection: %w", ctx.Err())
	case <-d.store.closed:
		return c, nil, fmt.Errorf("reading a connection: %w", ErrClosed)
	case r = <-d.hot:
	}
	defer func() { d.hot <- r }()
	if r == nil {
		if r, err = d.newReader(ctx); err != nil {
			return c, nil, fmt.Errorf("reading a connection: %w", err)
		}
	}
	c, sealed, err = r.read(tenant, user, id) //nolint:contextcheck // see read
	if err != nil && !errors.Is(err, io.EOF) {
		// Whatever it was, the next read starts on a new connection.
		err = errors.Join(err, r.close())
		r = nil
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	if err != nil {
		return c, nil, connect.NoConnection()
	}
	return c, sealed, nil
}

// read returns io.EOF if there is no such row. It takes no context: the driver would start a
// goroutine to watch it, for a read that takes microseconds.
func (r *reader) read(tenant, user, id string) (c connect.Connection, sealed []byte, err error) {
	for i, v := range [...]string{id, tenant, user} {
		r.args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	rows, err := r.query.QueryContext(context.Background(), r.args[:])
	if err != nil {
		return c, nil, err
	}
	defer func() {
		clear(r.args[:])
		clear(r.dest[:])
		if e := rows.Close(); e != nil && (err == nil || errors.Is(err, io.EOF)) {
			err = e
		}
	}()
	if err := rows.Next(r.dest[:]); err != nil {
		return c, nil, err
	}
	c = connect.Connection{ID: id, Tenant: tenant, User: user}
	sealed, err = r.scan(&c)
	return c, sealed, err
}

// scan takes the columns of grantQuery. The table is STRICT, so a type that does not fit is another
// table than ours.
func (r *reader) scan(c *connect.Connection) (sealed []byte, err error) {
	var ok [8]bool
	var status, authType string
	var flags, created, updated int64
	c.App, ok[0] = r.dest[0].(string)
	c.Name, ok[1] = r.dest[1].(string)
	status, ok[2] = r.dest[2].(string)
	authType, ok[3] = r.dest[3].(string)
	flags, ok[4] = r.dest[4].(int64)
	created, ok[5] = r.dest[5].(int64)
	updated, ok[6] = r.dest[6].(int64)
	c.Version, ok[7] = r.dest[7].(int64)
	sealed, isBlob := r.dest[8].([]byte)
	if ok != [8]bool{true, true, true, true, true, true, true, true} || !isBlob && r.dest[8] != nil {
		return nil, errors.New("a column has an unexpected type")
	}
	c.Status, c.AuthType = connect.Status(status), vending.AuthType(authType)
	c.ViaLink, c.NeedsReconnection, c.RefreshPending = flags&1 != 0, flags&2 != 0, flags&4 != 0
	c.CreatedAt, c.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return sealed, nil
}
