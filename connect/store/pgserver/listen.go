package pgserver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vendgate/vendgate/internal/broadcast"
)

// changeChannel is what a change of a tenant or a key is announced on. Nothing else is: at its
// commit, an announcement takes a lock that all of the server's have in common.
const changeChannel = "vendgate_tenants"

// AnnounceQuery tells the other processes of a change when the transaction commits.
const AnnounceQuery = `SELECT pg_notify('` + changeChannel + `', '')`

const (
	// heartbeat is how long a connection that listens is silent before it is tried.
	heartbeat = 15 * time.Second
	// relistenAfter is how long after it was lost a connection is made again: at first, and at most.
	relistenAfter  = 250 * time.Millisecond
	relistenAtMost = 15 * time.Second
)

// listener hears of changes by LISTEN, over a connection of its own. It only hurries those who ask
// for the version of the tenants each second: what it misses is seen then.
type listener struct {
	server *Server
	// dsn is nil where the server's own is used.
	dsn   *dsn
	start sync.Once

	changes broadcast.Broadcast
}

func newListener(v *Server, url string) (*listener, error) {
	l := &listener{server: v}
	if url == "" {
		return l, nil
	}
	d, err := parseDSN(url)
	if err != nil {
		return nil, fmt.Errorf("listen_url: %w", err)
	}
	l.dsn = &d
	return l, nil
}

// Changed returns a channel that receives soon after another process has changed a tenant or a key,
// at each Signal, and whenever changes may have been missed; until ctx ends. Nothing is heard of
// other processes where the database is behind a pooler and no address was given for LISTEN.
func (v *Server) Changed(ctx context.Context) <-chan struct{} {
	l := v.listener
	c := l.changes.Subscribe(ctx)
	l.start.Do(func() {
		v.changing.Lock()
		defer v.changing.Unlock()
		if v.life.Err() == nil {
			v.goroutines.Go(func() { l.run(v.life) })
		}
	})
	return c
}

// Signal tells those in this process of a change that it has made itself.
func (v *Server) Signal() { v.listener.changes.Signal() }

// run listens until ctx ends, on one connection after the other.
func (l *listener) run(ctx context.Context) {
	wait, failing := relistenAfter, false
	for ctx.Err() == nil {
		heard, err := l.listen(ctx)
		if heard {
			wait, failing = relistenAfter, false
		}
		if ctx.Err() == nil && err != nil && !failing {
			failing = true
			l.server.log.Warn("changes of tenants and keys are seen by asking each second: LISTEN does not work", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, relistenAtMost)
	}
}

// listen hears on one connection until that is lost; heard is true if there was one.
func (l *listener) listen(ctx context.Context) (heard bool, err error) {
	d := l.dsn
	if d == nil {
		if l.server.pooler.Load() || l.server.lost.Load() != nil {
			return false, nil // not to be had there, or not yet
		}
		d = &l.server.dsn
	}
	config := d.ConnConfig.Copy()
	config.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) { l.changes.Signal() }
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), pingTimeout)
		defer cancel()
		err = errors.Join(err, conn.Close(closing))
	}()
	if err := bounded(ctx, func(ctx context.Context) (err error) {
		heard, err = l.subscribe(ctx, conn.PgConn())
		return err
	}); err != nil || !heard {
		return false, err
	}
	l.changes.Signal() // what changed before it
	return true, l.hear(ctx, conn)
}

// errListenPooler is of an address that a session cannot be had at.
var errListenPooler = errors.New("LISTEN needs a direct connection, and this one is to a pooler: " +
	"name the database server in listen_url")

// subscribe reports false where there is a pooler and no address of a server.
func (l *listener) subscribe(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	pooler, err := isPooler(ctx, conn)
	switch {
	case err != nil:
		return false, err
	case pooler && l.dsn == nil:
		l.server.pooler.Store(true)
		return false, nil
	case pooler:
		return false, errListenPooler
	}
	return true, conn.Exec(ctx, `LISTEN `+changeChannel).Close()
}

func (l *listener) hear(ctx context.Context, conn *pgx.Conn) error {
	for {
		quiet, cancel := context.WithTimeout(ctx, heartbeat)
		err := conn.PgConn().WaitForNotification(quiet)
		cancel()
		switch {
		case err == nil: // and signalled
		case ctx.Err() != nil:
			return nil //nolint:nilerr // the store is closed
		case quiet.Err() == nil:
			return err
		default:
			if err := bounded(ctx, conn.Ping); err != nil {
				return err
			}
		}
	}
}

// bounded runs one exchange with the server.
func bounded(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := WithPatience(ctx, readTimeout)
	defer cancel()
	return f(ctx)
}
