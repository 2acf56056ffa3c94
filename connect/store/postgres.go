package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/vending"
)

// ErrUnavailable says that the database server cannot be reached, or does not answer. While that is
// known, calls return it at once. It wraps a *vending.Error with `upstream_unavailable`.
var ErrUnavailable = pgserver.ErrUnavailable

const (
	// rowTimeout bounds a read of one row.
	rowTimeout = 2 * time.Second
	// updateTimeout bounds a write transaction, and viewTimeout one that may read a long list.
	updateTimeout = 10 * time.Second
	viewTimeout   = 30 * time.Second
	// attempts is how often a transaction is tried that the server ends for the sake of another.
	attempts = 5
)

// postgresDB is a store's database of PostgreSQL, which any number of processes share. Each
// transaction is complete in itself: nothing is kept in a session, so that a pooler may hand each
// to another one.
type postgresDB struct {
	store  *Store
	server *pgserver.Server
	// sql runs transactions, and rows reads single rows once the store is open.
	sql, rows *sql.DB
	// pretend, if it is not nil, changes for a test what the server says of itself.
	pretend func(*facts)
}

// newPostgres connects to nothing yet.
func newPostgres(s *Store) (*postgresDB, error) {
	v, err := pgserver.New(s.o.Postgres, s.o.ListenURL, s.log)
	if err != nil {
		return nil, err
	}
	c := v.Connector()
	return &postgresDB{store: s, server: v, sql: v.DB(c, 2), rows: v.DB(opener{c, s}, 4)}, nil
}

// update implements dialect. Its transactions are at the level READ COMMITTED, and f may run more
// than once: where the server ended one for the sake of another, nothing of it was done.
func (p *postgresDB) update(ctx context.Context, f func(*tx) error) (err error) {
	ctx, cancel := pgserver.WithPatience(ctx, updateTimeout)
	defer cancel()
	for n := range attempts {
		if err = p.transact(ctx, nil, f); err == nil || !pgserver.IsConflict(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(rand.N(time.Duration(n+1) * 10 * time.Millisecond)): // #nosec G404 -- no secret
		}
	}
	return err
}

// view implements dialect.
func (p *postgresDB) view(ctx context.Context, f func(*tx) error) error {
	ctx, cancel := pgserver.WithPatience(ctx, viewTimeout)
	defer cancel()
	return p.transact(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, f)
}

func (p *postgresDB) transact(ctx context.Context, o *sql.TxOptions, f func(*tx) error) error {
	return p.server.Observe(ctx, inTransaction(ctx, p.sql, o, tx{shared: true}, f))
}

// hotQuery names few columns: each costs about as much as a parameter does.
const hotQuery = `SELECT app, name, status, auth_type,
	via_link + 2 * needs_reconnection + 4 * refresh_pending, created_at, updated_at, version, sealed
	FROM connections WHERE id = $1 AND tenant = $2 AND end_user = $3`

// readRow implements dialect.
func (p *postgresDB) readRow(ctx context.Context, tenant, user, id string) (c connect.Connection, sealed []byte,
	err error) {
	if p.store.isClosed() {
		return c, nil, fmt.Errorf("reading a connection: %w", ErrClosed)
	}
	if err := p.store.Ready(ctx); err != nil {
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	found := connect.Connection{ID: id, Tenant: tenant, User: user}
	var authType string
	var flags, created, updated int64
	err = p.server.Read(ctx, hotQuery, []any{id, tenant, user}, &found.App, &found.Name, &found.Status, &authType, &flags,
		&created, &updated, &found.Version, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return c, nil, connect.NoConnection()
	case err != nil:
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	found.AuthType = vending.AuthType(authType)
	found.ViaLink, found.NeedsReconnection, found.RefreshPending = flags&1 != 0, flags&2 != 0, flags&4 != 0
	found.CreatedAt, found.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return found, sealed, nil
}

// queryRow implements dialect. The row tells its errors.
func (p *postgresDB) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	ctx, _ = pgserver.WithPatience(ctx, rowTimeout) // which ends by itself: the row is read after this
	return p.rows.QueryRowContext(ctx, query, args...)
}

// forget implements dialect. What was deleted stays on the server's disk until it has cleaned up
// after it, and in its log and backups; the documents say so.
func (*postgresDB) forget(context.Context) error { return nil }

// isBusy implements dialect: another transaction keeps a lock for longer than can be waited for.
func (*postgresDB) isBusy(err error) bool {
	return pgserver.IsConflict(err) || pgserver.Code(err) == pgserver.NotAvailable
}

// close implements dialect.
func (p *postgresDB) close() error {
	err := errors.Join(p.sql.Close(), p.rows.Close())
	p.server.Close()
	return err
}

// opening is what the rest of the store does while its tables are looked at.
type opening struct {
	// existing makes it ErrNoStore if there are no tables, keep ErrOlderSchema if they are older.
	existing, keep bool
	// create makes the keyset of new tables, load reads that of those which exist.
	create, load func(context.Context, *tx) error
}

// adopt makes the tables, or brings them to the current schema, and has the keyset loaded. Tables
// that are as they should be are only read, in a time that does not depend on what is in them.
func (p *postgresDB) adopt(ctx context.Context, o opening) (u Upgrade, err error) {
	done := false
	// Those who would use the store wait for this.
	soon, cancel := pgserver.WithPatience(ctx, updateTimeout)
	defer cancel()
	err = p.view(soon, func(t *tx) (err error) {
		done, err = p.accept(soon, t, o)
		return err
	})
	if err != nil || done {
		return u, pgserver.Explain(err)
	}
	ctx, cancel = pgserver.WithPatience(ctx, migrateTimeout)
	defer cancel()
	err = p.transact(ctx, nil, func(t *tx) (err error) {
		u, err = p.migrate(ctx, t, o)
		return err
	})
	if err != nil {
		return Upgrade{}, pgserver.Explain(err)
	}
	return u, nil
}

// migrateTimeout bounds a change of the tables, which may be long: an index is made of all rows.
const migrateTimeout = 30 * time.Minute

// facts asks the server, and refuses one that cannot hold a store.
func (p *postgresDB) facts(ctx context.Context, t *sql.Tx) (facts, error) {
	if err := pgserver.CheckPath(ctx, t); err != nil {
		return facts{}, err
	}
	f, err := readFacts(ctx, t)
	if err != nil {
		return f, err
	}
	if p.pretend != nil {
		p.pretend(&f)
	}
	return f, f.check()
}

// accept reports whether the tables are there and need no change, with the keyset loaded then.
func (p *postgresDB) accept(ctx context.Context, t *tx, o opening) (done bool, err error) {
	f, err := p.facts(ctx, t.Tx)
	switch {
	case err != nil:
		return false, err
	case !f.ours && o.existing:
		return false, ErrNoStore
	case !f.ours:
		return false, f.checkCreate()
	}
	s, err := readSchema(ctx, t.Tx, f)
	if err != nil {
		return false, err
	}
	if err := s.check(); err != nil {
		return false, err
	}
	if err := checkRights(ctx, t.Tx, f); err != nil {
		return false, err
	}
	if s.version >= len(postgresMigrations) {
		return true, o.load(ctx, t)
	}
	if o.keep {
		return false, errOlderTables
	}
	return false, f.checkCreate()
}

// errOlderTables is ErrOlderSchema of tables that a server keeps.
var errOlderTables = &refusal{"the database was written by an older version of this program: run `vendgate store " +
	"upgrade`, or start the new one", ErrOlderSchema}

// migrate makes or changes the tables, alone: who waited for the lock may find it done.
func (p *postgresDB) migrate(ctx context.Context, t *tx, o opening) (u Upgrade, err error) {
	if err := t.lock(ctx, migrateLock); err != nil {
		return u, err
	}
	f, err := p.facts(ctx, t.Tx)
	if err != nil {
		return u, err
	}
	if !f.ours {
		if err := migratePostgres(ctx, t.Tx, f, 0); err != nil {
			return u, err
		}
		return u, o.create(ctx, t)
	}
	s, err := readSchema(ctx, t.Tx, f)
	if err != nil {
		return u, err
	}
	if s.version < len(postgresMigrations) {
		u = Upgrade{From: s.version, To: len(postgresMigrations)}
		if err := migratePostgres(ctx, t.Tx, f, s.version); err != nil {
			return u, err
		}
	}
	return u, o.load(ctx, t)
}

// opening returns what the store's options say.
func (p *postgresDB) opening() opening {
	s := p.store
	return opening{
		existing: s.o.Existing, keep: s.o.KeepSchema, load: s.loadVault,
		create: s.createVault,
	}
}

// open implements dialect.
func (p *postgresDB) open(ctx context.Context) (Upgrade, error) {
	if p.store.isClosed() {
		return Upgrade{}, ErrClosed
	}
	return p.adopt(ctx, p.opening())
}

// inspect implements dialect.
func (p *postgresDB) inspect(ctx context.Context) error {
	return pgserver.Explain(p.view(ctx, func(t *tx) error {
		_, err := p.accept(ctx, t, p.opening())
		return err
	}))
}

// lockID is the number of an advisory lock. Locks are a database's: the name keeps them apart from
// another program's, as well as a number can.
func lockID(name string) int64 {
	sum := sha256.Sum256([]byte("vendgate\x00" + name))
	return int64(binary.BigEndian.Uint64(sum[:8])) // #nosec G115 -- any number will do
}

// The statements that take a lock until the end of the transaction: one has it alone, or any number
// have it together.
const (
	lockQuery  = `SELECT pg_advisory_xact_lock(CAST(? AS BIGINT))`
	shareQuery = `SELECT pg_advisory_xact_lock_shared(CAST(? AS BIGINT))`
)
