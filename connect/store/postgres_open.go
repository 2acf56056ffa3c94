package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/vendgate/vendgate/connect/store/pgserver"
)

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
