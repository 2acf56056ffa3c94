package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/internal/privatefile"
)

// MovedName is the file, next to the database, which says that the store is in PostgreSQL now.
const MovedName = DatabaseName + ".moved"

var (
	// ErrMoved is of a store that was moved: refresh tokens in it may have been replaced since, and a
	// provider may end a grant whose old one is sent.
	ErrMoved = errors.New("the store was moved to PostgreSQL, and is here as it was then: write postgres into the store " +
		"block of the configuration; to go back to it and lose what was changed since, delete " + MovedName)
	// ErrInUse is of a store that must not be open anywhere.
	ErrInUse = errors.New("a gateway or a command has the store open: stop it first")
	// ErrNotEmpty is of a database that has a store already.
	ErrNotEmpty = errors.New("the PostgreSQL database has a store already; nothing was changed: make an empty one by " +
		"createdb, or drop that store's tables")
	errNotPostgres = errors.New("the store does not move to PostgreSQL: name a database")
)

// movedTables are all tables of a store, those first that others refer to, but meta and nodes.
var movedTables = []string{
	"tenants", "tenant_keys", "connections", "connection_counts", "links", "attempts", "holds", "oauth_clients",
	"sessions", "mcp_urls", "caller_keys", "audit",
}

// Moved is a table and how many rows it has on both sides.
type Moved struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// Progress is told how far the move of a table is.
type Progress func(table string, rows, total int64)

// progressRows is how often, in rows.
const progressRows = 50_000

// Move copies the SQLite store of from into the empty PostgreSQL database of to, in one
// transaction: all of it is there in the end, or nothing. Sealed rows stay as they are, and the
// keyset is sealed into the database by the first of to's key-encryption keys. The store of from
// must not be open anywhere, and is not changed; a file next to it keeps gateways from starting on
// it, see ErrMoved.
func Move(ctx context.Context, from, to Options, progress Progress) (moved []Moved, err error) {
	if to.Postgres == "" {
		return nil, errNotPostgres
	}
	from.Postgres, from.Existing, from.KeepSchema, from.alone = "", true, true, true
	source, err := Open(ctx, from)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.Close()) }() //nolint:contextcheck // it bounds its own
	target, err := New(to)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.Close()) }() //nolint:contextcheck // it bounds its own
	m := &mover{source: source, target: target, db: target.db.(*postgresDB), progress: progress}
	err = source.view(ctx, "moving the store", func(tx *tx) error {
		m.from = tx
		return m.run(ctx)
	})
	return m.moved, pgserver.Explain(err)
}

// mover moves a store, from one transaction to another.
type mover struct {
	source, target *Store
	db             *postgresDB
	progress       Progress
	conn           *sql.Conn
	from, to       *tx
	moved          []Moved
}

func (m *mover) run(ctx context.Context) (err error) {
	if m.conn, err = m.db.sql.Conn(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.conn.Close()) }()
	begun, err := m.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	m.to = &tx{Tx: begun, shared: true}
	err = m.fill(ctx)
	if err == nil {
		err = m.mark()
	}
	if err != nil {
		_ = begun.Rollback() // the error says more
		return err
	}
	if err := begun.Commit(); err != nil {
		return m.notCommitted(err)
	}
	return nil
}

// mark keeps gateways from the old store, before the new one is there: a machine that fails in
// between must not leave two.
func (m *mover) mark() error {
	return privatefile.Write(filepath.Join(m.source.o.Dir, MovedName),
		[]byte("moved to PostgreSQL on "+m.source.now().UTC().Format(time.RFC3339)+"\n"))
}

// notCommitted takes the mark back if the server says that nothing was moved. Without an answer it
// may have been.
func (m *mover) notCommitted(err error) error {
	if pgserver.Code(err) != "" {
		return errors.Join(fmt.Errorf("committing: %w", err), os.Remove(filepath.Join(m.source.o.Dir, MovedName)))
	}
	return fmt.Errorf("the server did not say whether the store was moved: see whether the database has tables; if it "+
		"has, "+
		"the store is there, and if not, delete %s and move it again: %w", filepath.Join(m.source.o.Dir, MovedName), err)
}

// fill makes the tables and fills them.
func (m *mover) fill(ctx context.Context) error {
	if err := m.prepare(ctx); err != nil {
		return err
	}
	for _, table := range movedTables {
		if err := m.copyTable(ctx, table); err != nil {
			return fmt.Errorf("moving table %s: %w", table, err)
		}
	}
	if err := m.copyMeta(ctx); err != nil {
		return fmt.Errorf("moving table meta: %w", err)
	}
	if err := m.sealKeyset(ctx); err != nil {
		return fmt.Errorf("moving the keyset: %w", err)
	}
	return m.finish(ctx)
}

// withoutTimeouts has the server wait for as long as SQLite's reads take. The transaction would
// else end when it is idle for a minute; transaction_timeout is there since PostgreSQL 17.
const withoutTimeouts = `SELECT set_config(name, '0', true) FROM pg_settings
	WHERE name IN ('idle_in_transaction_session_timeout', 'statement_timeout', 'transaction_timeout')`

func (m *mover) prepare(ctx context.Context) error {
	if _, err := m.to.ExecContext(ctx, withoutTimeouts); err != nil {
		return err
	}
	if err := m.to.lock(ctx, migrateLock); err != nil {
		return err
	}
	f, err := m.db.facts(ctx, m.to.Tx)
	if err != nil {
		return err
	}
	if f.ours {
		return ErrNotEmpty
	}
	// The counts are moved, and a trigger would count each row once more.
	return m.each(ctx, func() error { return migratePostgres(ctx, m.to.Tx, f, 0) },
		`ALTER TABLE connections DISABLE TRIGGER USER`)
}

// each runs f, and then statements.
func (m *mover) each(ctx context.Context, f func() error, statements ...string) error {
	if err := f(); err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := m.to.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// columnsOf lists the columns of a table of SQLite. PostgreSQL's has the same.
func (m *mover) columnsOf(ctx context.Context, table string) (columns []string, err error) {
	rows, err := m.from.QueryContext(ctx, `SELECT name FROM pragma_table_info(?)`, table)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		columns = append(columns, name)
	}
	return columns, rows.Err()
}

func (m *mover) copyTable(ctx context.Context, table string) (err error) {
	columns, err := m.columnsOf(ctx, table)
	if err != nil {
		return err
	}
	var total, arrived int64
	if err := m.from.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&total); err != nil {
		return err
	}
	// #nosec G202 -- names of our own schema
	rows, err := m.from.QueryContext(ctx, `SELECT `+strings.Join(columns, ", ")+` FROM `+table)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	sent, err := pgserver.Copy(ctx, m.conn, table, columns, m.reader(rows, len(columns), func(n int64) {
		m.progress(table, n, total)
	}))
	if err != nil {
		return err
	}
	if err := m.to.QueryRowContext(ctx, `SELECT count(*) FROM `+table).Scan(&arrived); err != nil {
		return err
	}
	if sent != total || arrived != total {
		return fmt.Errorf("%d rows are there, and %d in SQLite; nothing was moved", arrived, total)
	}
	m.progress(table, total, total)
	m.moved = append(m.moved, Moved{table, total})
	return nil
}

// reader returns a function that reads the next of rows, and nil after the last.
func (m *mover) reader(rows *sql.Rows, columns int, told func(int64)) func() ([]any, error) {
	n := int64(0)
	return func() ([]any, error) {
		if !rows.Next() {
			return nil, rows.Err()
		}
		values, dest := make([]any, columns), make([]any, columns)
		for i := range values {
			dest[i] = &values[i]
		}
		if n++; n%progressRows == 0 {
			told(n)
		}
		return values, rows.Scan(dest...)
	}
}

// copyMeta moves what is not of the database alone.
func (m *mover) copyMeta(ctx context.Context) (err error) {
	rows, err := m.from.QueryContext(ctx, `SELECT name, value FROM meta WHERE name <> ?`, keysetRow)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var name string
		var value any
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		if err := m.to.putMeta(ctx, name, value); err != nil {
			return err
		}
	}
	return rows.Err()
}

// sealKeyset puts the keyset into the new database, if it opens the check value that was moved.
func (m *mover) sealKeyset(ctx context.Context) error {
	check, err := m.to.metaBytes(ctx, keyCheckRow)
	if err != nil {
		return err
	}
	in, err := m.source.keysetIn(ctx, m.from)()
	if err != nil {
		return err
	}
	return m.target.vault.TakeOver(in, m.target.sealedIn(ctx, m.to), check, keyCheckAD)
}

func (m *mover) finish(ctx context.Context) error {
	return m.each(ctx, func() error { return nil },
		`ALTER TABLE connections ENABLE TRIGGER USER`,
		`SELECT setval(pg_get_serial_sequence('audit', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM audit), false)`,
		`ANALYZE `+strings.Join(movedTables, ", "))
}
