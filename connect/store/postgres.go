package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

const (
	// readTimeout bounds a read of one row: proxied requests wait for it.
	readTimeout = 2 * time.Second
	// updateTimeout bounds a write transaction, and viewTimeout one that may read a long list.
	updateTimeout = 10 * time.Second
	viewTimeout   = 30 * time.Second
	// attempts is how often a transaction is tried that the server ends for the sake of another.
	attempts = 5
)

// postgres is the dialect of a store in PostgreSQL, which any number of processes share. Each
// transaction stands for itself: nothing is kept in a session, so that a pooler may hand each to
// another one.
type postgres struct {
	server *server
	db     *sql.DB
	listen *listener
	// pretend, if it is not nil, changes for a test what the server says of itself.
	pretend func(*facts)
}

// newPostgres connects to nothing yet. Without listenURL, url serves for LISTEN too, if it turns out
// to lead to a server directly.
func newPostgres(url, listenURL string, log *slog.Logger) (*postgres, error) {
	v, err := newServer(url, log)
	if err != nil {
		return nil, err
	}
	l, err := newListener(v, listenURL)
	if err != nil {
		v.close()
		return nil, err
	}
	return &postgres{server: v, db: v.db(), listen: l}, nil
}

// update runs f in a write transaction at the level READ COMMITTED. f may run more than once: where
// the server ended it for the sake of another, nothing of it was done.
func (p *postgres) update(ctx context.Context, f func(*tx) error) (err error) {
	ctx, cancel := withPatience(ctx, updateTimeout)
	defer cancel()
	for n := range attempts {
		if err = p.transact(ctx, nil, f); err == nil || !isConflict(err) {
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

// view runs f on one snapshot of the database.
func (p *postgres) view(ctx context.Context, f func(*tx) error) error {
	ctx, cancel := withPatience(ctx, viewTimeout)
	defer cancel()
	return p.transact(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, f)
}

func (p *postgres) transact(ctx context.Context, o *sql.TxOptions, f func(*tx) error) error {
	t, err := p.db.BeginTx(ctx, o)
	if err != nil {
		return p.server.observe(ctx, err)
	}
	if err := f(p.tx(t)); err != nil {
		// The error of f says more; a rollback that fails leaves the same: nothing.
		_ = t.Rollback()
		return p.server.observe(ctx, err)
	}
	if err := t.Commit(); err != nil {
		return fmt.Errorf("committing: %w", p.server.observe(ctx, err))
	}
	return nil
}

// hotQuery names few columns: each costs about as much as a parameter does.
const hotQuery = `SELECT app, name, status, auth_type,
	via_link + 2 * needs_reconnection + 4 * refresh_pending, created_at, updated_at, version, sealed
	FROM connections WHERE id = $1 AND tenant = $2 AND end_user = $3`

// readRow reads a row by its primary key, in one round trip: the statement is prepared once for each
// connection. A connection that had been closed meanwhile is no reason to refuse a call.
func (p *postgres) readRow(ctx context.Context, tenant, user, id string) (c connect.Connection, sealed []byte,
	err error) {
	if err := ctx.Err(); err != nil {
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	if err := p.server.up(); err != nil {
		return c, nil, fmt.Errorf("reading a connection: %w", err)
	}
	own, cancel := ownTime(ctx, readTimeout)
	defer cancel()
	c, sealed, err = p.readOnce(own, tenant, user, id)
	if err != nil && isLost(own, err) && own.Err() == nil {
		p.server.pool.Reset()
		c, sealed, err = p.readOnce(own, tenant, user, id)
	}
	switch {
	case err == nil:
		return c, sealed, nil
	case errors.Is(err, pgx.ErrNoRows):
		return c, nil, errNoConnection()
	default:
		return c, nil, fmt.Errorf("reading a connection: %w", p.server.observe(own, err))
	}
}

func (p *postgres) readOnce(ctx context.Context, tenant, user, id string) (connect.Connection, []byte, error) {
	c := connect.Connection{ID: id, Tenant: tenant, User: user}
	var authType string
	var flags, created, updated int64
	var sealed []byte
	err := p.server.pool.QueryRow(ctx, hotQuery, storable(id), storable(tenant), storable(user)).Scan(&c.App, &c.Name,
		&c.Status, &authType, &flags, &created, &updated, &c.Version, &sealed)
	if err != nil {
		return connect.Connection{}, nil, err
	}
	c.AuthType = vending.AuthType(authType)
	c.ViaLink, c.NeedsReconnection, c.RefreshPending = flags&1 != 0, flags&2 != 0, flags&4 != 0
	c.CreatedAt, c.UpdatedAt = time.UnixMilli(created).UTC(), time.UnixMilli(updated).UTC()
	return c, sealed, nil
}

// ownTime returns a context that ends after patience, or when ctx has no more time; not when ctx is
// cancelled: a client that hangs up would cost the connection to the server, which is worth more
// than the rest of a short read.
func ownTime(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	own := context.WithoutCancel(ctx)
	if at, ok := ctx.Deadline(); ok && time.Until(at) < patience {
		return context.WithDeadline(own, at)
	}
	return withPatience(own, patience)
}

// queryRow runs a read of one statement. The row tells its errors.
func (p *postgres) queryRow(ctx context.Context, query string, args ...any) *sql.Row {
	ctx, _ = withPatience(ctx, readTimeout) // which ends by itself: the row is read after this
	return p.db.QueryRowContext(ctx, query, args...)
}

// isBusy is true where another transaction keeps a lock for longer than can be waited for.
func (p *postgres) isBusy(err error) bool {
	return isConflict(err) || pgCode(err) == pgLockNotAvailable
}

func (p *postgres) close() error {
	p.listen.close()
	err := p.db.Close()
	p.server.close()
	return err
}

// lockID is the number of an advisory lock. Locks are a database's: the name keeps them apart from
// another program's, as well as a number can.
func lockID(name string) int64 {
	sum := sha256.Sum256([]byte("vendgate\x00" + name))
	return int64(binary.BigEndian.Uint64(sum[:8])) // #nosec G115 -- any number will do
}

// The statements that take a lock until the end of the transaction, for one of it, or for all but
// those who take it for one.
const (
	lockQuery   = `SELECT pg_advisory_xact_lock(CAST(? AS BIGINT))`
	sharedQuery = `SELECT pg_advisory_xact_lock_shared(CAST(? AS BIGINT))`
)
