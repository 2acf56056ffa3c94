package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

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
	// check reads all of an open database, and finds what is wrong with it.
	check(ctx context.Context) ([]Problem, error)
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
	// spell brings a statement into the dialect's own spelling; nil leaves it as it is.
	spell func(query string) string
	// locking takes a named lock; nil where a transaction that writes is alone.
	locking func(ctx context.Context, begun *sql.Tx, name string) error
}

// lock waits until no other transaction holds the lock called name, and holds it until this one
// ends. SQLite has one writer, which holds all.
func (t *tx) lock(ctx context.Context, name string) error {
	if t.locking == nil {
		return nil
	}
	return t.locking(ctx, t.Tx, name)
}

func (t *tx) spelled(query string) string {
	if t.spell == nil {
		return query
	}
	return t.spell(query)
}

// ExecContext implements what sql.Tx does.
func (t *tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.Tx.ExecContext(ctx, t.spelled(query), args...)
}

// QueryContext implements what sql.Tx does.
func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.Tx.QueryContext(ctx, t.spelled(query), args...)
}

// QueryRowContext implements what sql.Tx does.
func (t *tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.Tx.QueryRowContext(ctx, t.spelled(query), args...)
}

// update runs f in a write transaction. It has been written through to the disk when update
// returns nil; otherwise nothing has changed. doing says in the error what was tried.
func (s *Store) update(ctx context.Context, doing string, f func(*tx) error) error {
	return s.transact(ctx, doing, s.db.update, f)
}

// view runs f on one snapshot of the database.
func (s *Store) view(ctx context.Context, doing string, f func(*tx) error) error {
	return s.transact(ctx, doing, s.db.view, f)
}

func (s *Store) transact(ctx context.Context, doing string, run func(context.Context, func(*tx) error) error,
	f func(*tx) error) error {
	err := error(ErrClosed)
	if !s.isClosed() {
		err = s.Ready(ctx)
	}
	if err == nil {
		err = run(ctx, f)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, explainDamage(err))
	}
	return nil
}

// oneRow is a row that was read outside of a transaction.
type oneRow struct{ *sql.Row }

// Scan implements what sql.Row does.
func (r oneRow) Scan(dest ...any) error { return explainDamage(r.Row.Scan(dest...)) }

// queryRow reads one row outside of a transaction.
func (s *Store) queryRow(ctx context.Context, query string, args ...any) oneRow {
	return oneRow{s.db.queryRow(ctx, query, args...)}
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
