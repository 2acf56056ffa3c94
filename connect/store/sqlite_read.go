package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

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
