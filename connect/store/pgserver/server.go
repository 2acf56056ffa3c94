package pgserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// acquireTimeout bounds the wait for a connection of the pool.
	acquireTimeout = 3 * time.Second
	// probeEvery is how long after an attempt to reach a lost server the next one begins.
	probeEvery = 200 * time.Millisecond
	// probeRefused is that after a refusal, see probePause.
	probeRefused = time.Second
	// probeTimeout bounds one attempt, at each of its addresses.
	probeTimeout = time.Second
)

// Server is the pool of connections to PostgreSQL, and what is known of who answers there.
type Server struct {
	log  *slog.Logger
	dsn  dsn
	pool *pgxpool.Pool
	// pooler is true once something between us and the server was found.
	pooler atomic.Bool
	// lost is why calls fail at once; nil while the server answers. Then, and only then, a goroutine
	// looks for it.
	lost atomic.Pointer[unavailable]

	// changing is held while lost is set, and while the end is. back is when the server was found
	// last.
	changing   sync.Mutex
	back       time.Time
	life       context.Context //nolint:containedctx // that of its goroutines
	end        context.CancelFunc
	goroutines sync.WaitGroup

	listener *listener
}

// New returns the server at url, to which it connects when it is first used. Without listenURL, url
// serves for LISTEN too, if it turns out to lead to the server directly.
func New(url, listenURL string, log *slog.Logger) (*Server, error) {
	d, err := parseDSN(url)
	if err != nil {
		return nil, err
	}
	v := &Server{log: log, dsn: d}
	if v.listener, err = newListener(v, listenURL); err != nil {
		return nil, err
	}
	v.life, v.end = context.WithCancel(context.Background())
	config := d.Copy()
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		if v.pooler.Load() && !d.mode {
			useExec(c)
		}
		return nil
	}
	config.AfterConnect = v.look
	if v.pool, err = pgxpool.NewWithConfig(v.life, config); err != nil {
		v.end()
		return nil, fmt.Errorf("making the pool of connections: %w", err)
	}
	return v, nil
}

// Place names the database and the address of the server. It is not secret.
func (v *Server) Place() string { return v.dsn.String() }

// Connector returns the database/sql face of the pool.
func (v *Server) Connector() driver.Connector { return connector{stdlib.GetPoolConnector(v.pool), v} }

// DB opens a connector that is, or wraps, that of Connector. It takes at most one of so many parts
// of the pool, so that enough is left for the read that proxied requests wait for.
func (v *Server) DB(c driver.Connector, parts int) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(0) // the pool keeps them
	db.SetMaxOpenConns(max(1, int(v.dsn.MaxConns)/parts))
	return db
}

// Pool is how many connections there are, and may be.
type Pool struct{ InUse, Idle, Max int }

// Pool returns the state of the pool. The connection that listens is not of it.
func (v *Server) Pool() Pool {
	s := v.pool.Stat()
	return Pool{int(s.AcquiredConns() + s.ConstructingConns()), int(s.IdleConns()), int(s.MaxConns())}
}

// errPooler says that a connection prepares statements and must not.
var errPooler = errors.New("a pooler is in between: statements are no longer prepared")

// look finds out whether a new connection is to a server or to a pooler, which may hand each
// transaction to another session.
func (v *Server) look(ctx context.Context, conn *pgx.Conn) error {
	if v.dsn.mode {
		return nil
	}
	pooler, err := isPooler(ctx, conn.PgConn())
	if err != nil {
		return err
	}
	if v.pooler.Swap(pooler) != pooler && pooler {
		return errPooler
	}
	return nil
}

// isPooler reports whether a connection ends before the server: what is in between makes up the
// number of the server's process.
func isPooler(ctx context.Context, conn *pgconn.PgConn) (bool, error) {
	pid, err := scalar(ctx, conn, `SELECT pg_backend_pid()`)
	return err == nil && pid != strconv.FormatUint(uint64(conn.PID()), 10), err
}

// scalar runs a query of one value by the simple protocol, which every pooler takes.
func scalar(ctx context.Context, conn *pgconn.PgConn, query string) (string, error) {
	results, err := conn.Exec(ctx, query).ReadAll()
	switch {
	case err != nil:
		return "", err
	case len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 1:
		return "", fmt.Errorf("%s: not one value", query)
	}
	return string(results[0].Rows[0][0]), nil
}

// Up returns the error of a server that is known to be lost.
func (v *Server) Up() error {
	if u := v.lost.Load(); u != nil {
		return u
	}
	return nil
}

// Observe notes a server that is lost, and returns err as ErrUnavailable then.
func (v *Server) Observe(ctx context.Context, err error) error {
	if err == nil || !isLost(ctx, err) {
		return err
	}
	u := newUnavailable(err)
	v.changing.Lock()
	defer v.changing.Unlock()
	// A call that waited for the server before it came back says nothing of it now.
	var waited *slow
	outlived := errors.As(context.Cause(ctx), &waited) && waited.since.Before(v.back)
	if v.lost.Load() != nil || v.life.Err() != nil || outlived {
		return u
	}
	v.lost.Store(u.known())
	v.pool.Reset()
	v.log.Error("the database server is lost: vends are refused until it answers", "error", err)
	v.goroutines.Go(v.probe)
	return u
}

// probe looks for the server until it answers, or the store is closed. It resolves its name each
// time, and takes the first of several that takes writes.
func (v *Server) probe() {
	since := time.Now()
	for {
		err := v.reach(v.life)
		if err == nil {
			v.pool.Reset() // of what was connected before, some may be half open
			v.changing.Lock()
			v.back = time.Now()
			v.changing.Unlock()
			v.lost.Store(nil)
			v.log.Info("the database server answers again", "after", time.Since(since).Round(time.Millisecond))
			return
		}
		select {
		case <-v.life.Done():
			return
		case <-time.After(probePause(err)):
		}
	}
}

// probePause is how long the next attempt waits after one that failed. A server that is there and
// does not want us is asked seldom: a password was changed, say. One that starts will want us, and
// a pooler answers for a server that it cannot reach: it is late by itself.
func probePause(err error) time.Duration {
	code := Code(err)
	if code == "" || strings.HasPrefix(code, shutdownClass) || strings.HasPrefix(code, connectionClass) {
		return probeEvery
	}
	return probeRefused
}

// reach connects to the server, and has it run a statement.
func (v *Server) reach(ctx context.Context) (err error) {
	config := v.dsn.ConnConfig.Copy()
	config.ConnectTimeout = min(config.ConnectTimeout, probeTimeout)
	patience := probeTimeout
	for range 1 + len(config.Fallbacks) {
		patience += probeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	readOnly, err := scalar(ctx, conn.PgConn(), `SELECT current_setting('transaction_read_only')`)
	if err == nil && readOnly == "on" {
		err = ErrReadOnly
	}
	return err
}

// Close ends all connections, and the search for the server. Close what uses DB first.
func (v *Server) Close() {
	v.changing.Lock()
	v.end()
	v.changing.Unlock()
	v.goroutines.Wait()
	v.pool.Close()
}

// WithPatience is context.WithTimeout whose end, if it comes before the caller's own, tells by its
// cause that the server does not answer.
func WithPatience(ctx context.Context, patience time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, patience, &slow{time.Now()})
}
