package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
)

// dialect is a kind of database, and the one of a store. All else of the store is the same for
// each.
type dialect interface {
	// open checks what there is, makes or migrates the schema, and loads the keyset. On an error
	// nothing has changed, and it can be called again. It returns what it changed of the schema.
	open(ctx context.Context) (Upgrade, error)
	// inspect reports the errors of open, and changes nothing.
	inspect(ctx context.Context) error
	// update runs f in a transaction that writes, and view on one snapshot.
	update(ctx context.Context, f func(*tx) error) error
	view(ctx context.Context, f func(*tx) error) error
	// queryRow reads one row outside of a transaction.
	queryRow(ctx context.Context, query string, args ...any) *sql.Row
	// readRow reads a connection and its sealed grant, which every call waits for. Without one of this
	// tenant and end user it is connect.NoConnection.
	readRow(ctx context.Context, tenant, user, id string) (connect.Connection, []byte, error)
	// forget takes what was deleted or replaced out of files that would keep it.
	forget(ctx context.Context) error
	// isBusy reports whether err says that another process keeps writing.
	isBusy(err error) bool
	// close waits for reads under way. Calls after it return ErrClosed.
	close() error
}

// tx is a transaction. Its statements have `?` for their arguments, or `?1`, whatever the dialect
// calls them.
type tx struct {
	*sql.Tx
	// shared is true of PostgreSQL, where other transactions write at the same time; SQLite has one
	// writer, which may rely on what it has read.
	shared bool
	// announces says that a change of tenants or keys is to be told when the transaction has ended.
	announces bool
}

// lock waits until no other transaction holds the lock called name, and holds it until this one
// ends. It comes before the first statement that reads what it protects.
func (t *tx) lock(ctx context.Context, name string) error {
	return t.ifShared(ctx, lockQuery, lockID(name))
}

// share is lock of which any number of transactions have a part, and none while one has it all.
func (t *tx) share(ctx context.Context, name string) error {
	return t.ifShared(ctx, shareQuery, lockID(name))
}

// lockConnection waits until no other transaction changes a connection, its links or its holds, and
// keeps them from it until this one ends.
func (t *tx) lockConnection(ctx context.Context, id string) error {
	return t.ifShared(ctx, `SELECT 1 FROM connections WHERE id = ? FOR UPDATE`, id)
}

// ifShared runs a statement of PostgreSQL.
func (t *tx) ifShared(ctx context.Context, query string, args ...any) error {
	if !t.shared {
		return nil
	}
	_, err := t.ExecContext(ctx, query, args...)
	return err
}

// locking returns a clause that locks the rows which are selected, such as `FOR UPDATE`; SQLite has
// none.
func (t *tx) locking(clause string) string {
	if !t.shared {
		return ""
	}
	return " " + clause
}

// metaColumn returns where meta has a value that is no number. In PostgreSQL a column has one type.
func (t *tx) metaColumn() string {
	if !t.shared {
		return "value"
	}
	return "data"
}

// metaBytes returns a row of meta that is no number, or sql.ErrNoRows.
func (t *tx) metaBytes(ctx context.Context, name string) (value []byte, err error) {
	// #nosec G202 -- one of two names
	err = t.QueryRowContext(ctx, `SELECT `+t.metaColumn()+` FROM meta WHERE name = ?`, name).Scan(&value)
	return value, err
}

// putMeta writes a row of meta, a number or bytes.
func (t *tx) putMeta(ctx context.Context, name string, value any) error {
	column := "value"
	if _, ok := value.([]byte); ok {
		column = t.metaColumn()
	}
	// #nosec G202 -- one of two names
	_, err := t.ExecContext(ctx, `INSERT INTO meta (name, `+column+`) VALUES (?, ?)
		ON CONFLICT (name) DO UPDATE SET `+column+` = excluded.`+column, name, value)
	return err
}

// update runs f in a write transaction. It has been written through to the disk when update
// returns nil; otherwise nothing has changed. doing says in the error what was tried.
func (s *Store) update(ctx context.Context, doing string, f func(*tx) error) error {
	announces := false
	began := time.Now()
	err := s.transact(ctx, doing, s.db.update, func(tx *tx) error {
		err := f(tx)
		announces = tx.announces
		return err
	})
	s.observe(opWrite, began, err)
	if err == nil && announces {
		s.announce()
	}
	return err
}

// view runs f on one snapshot of the database.
func (s *Store) view(ctx context.Context, doing string, f func(*tx) error) error {
	began := time.Now()
	err := s.transact(ctx, doing, s.db.view, f)
	s.observe(opRead, began, err)
	return err
}

func (s *Store) transact(ctx context.Context, doing string, run func(context.Context, func(*tx) error) error,
	f func(*tx) error) error {
	err := ErrClosed
	if !s.isClosed() {
		err = s.Ready(ctx)
	}
	if err == nil {
		err = run(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// queryRow reads one row outside of a transaction.
func (s *Store) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	began := time.Now()
	row := s.db.queryRow(ctx, query, args...)
	s.observe(opRead, began, row.Err())
	return row
}

// inTransaction runs f in a transaction of db, of which like is the dialect.
func inTransaction(ctx context.Context, db *sql.DB, o *sql.TxOptions, like tx, f func(*tx) error) error {
	begun, err := db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	like.Tx = begun
	if err := f(&like); err != nil {
		// The error of f says more; a rollback that fails leaves the same: nothing.
		_ = begun.Rollback()
		return err
	}
	if err := begun.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
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
