package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
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
func (p *postgres) adopt(ctx context.Context, o opening) (u Upgrade, err error) {
	done := false
	err = p.view(ctx, func(t *tx) (err error) {
		done, err = p.accept(ctx, t, o)
		return err
	})
	if err != nil || done {
		return u, explainConnect(err)
	}
	err = p.update(ctx, func(t *tx) (err error) {
		u, err = p.migrate(ctx, t, o)
		return err
	})
	if err != nil {
		return Upgrade{}, explainConnect(err)
	}
	return u, nil
}

// facts asks the server, and refuses one that cannot hold a store.
func (p *postgres) facts(ctx context.Context, t *sql.Tx) (facts, error) {
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
func (p *postgres) accept(ctx context.Context, t *tx, o opening) (done bool, err error) {
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
func (p *postgres) migrate(ctx context.Context, t *tx, o opening) (u Upgrade, err error) {
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

// explainConnect says what to do about a server that cannot be reached at all.
func explainConnect(err error) error {
	var dns *net.DNSError
	advice := ""
	switch code := pgCode(err); {
	case code == pgBadPassword, code == pgBadRole:
		advice = "check the role and its password in the URL"
	case code == pgNoDatabase:
		advice = "check the name of the database in the URL, or make it by createdb"
	case code == pgUndefinedParam:
		advice = "check the spelling of the parameters in the URL"
	case code == pgTooMany:
		advice = "raise max_connections of the server, or lower pool_max_conns in the URL"
	case errors.As(err, &dns):
		advice = "check the host in the URL"
	}
	if advice == "" {
		return err
	}
	return fmt.Errorf("%s: %w", advice, err)
}
