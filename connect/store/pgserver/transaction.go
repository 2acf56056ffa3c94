package pgserver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// How transactions begin, whatever the database's defaults are. A machine that has lost its power
// or its network says nothing more, and the server would keep its locks, for two hours by TCP's
// means: no other gateway could refresh that connection, or any if the keyset's lock is among them.
const (
	idle       = `; SET LOCAL idle_in_transaction_session_timeout = '60s'`
	beginWrite = `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE` + idle
	beginRead  = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY` + idle
)

// transaction is one of the database/sql face.
type transaction struct {
	pgx.Tx
	ctx context.Context //nolint:containedctx // database/sql's interface has none
}

func (t transaction) Commit() error { return t.Tx.Commit(t.ctx) }

func (t transaction) Rollback() error { return t.Tx.Rollback(t.ctx) }

// BeginTx begins one of the two kinds of transactions, in one round trip.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	var begin string
	switch {
	case c.Conn.Conn().IsClosed():
		return nil, driver.ErrBadConn // database/sql takes another one
	case o == driver.TxOptions{}:
		begin = beginWrite
	case o == driver.TxOptions{Isolation: driver.IsolationLevel(sql.LevelRepeatableRead), ReadOnly: true}:
		begin = beginRead
	default:
		return nil, fmt.Errorf("a transaction of isolation %d is not made here", o.Isolation)
	}
	tx, err := c.Conn.Conn().BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return nil, c.server.Observe(ctx, err)
	}
	return transaction{tx, ctx}, nil
}
