package pgserver

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/stdlib"
)

// connector makes pgx's connections speak the store's SQL: placeholders as SQLite spells
// them, true and false as 1 and 0. What happens to them is told to the server that it is of.
type connector struct {
	driver.Connector
	server *Server
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := c.server.Up(); err != nil {
		return nil, err
	}
	ctx, cancel := WithPatience(ctx, acquireTimeout)
	defer cancel()
	made, err := c.Connector.Connect(ctx)
	if errors.Is(err, errPooler) { // the next one is made for it
		made, err = c.Connector.Connect(ctx)
	}
	if err != nil {
		return nil, c.server.Observe(ctx, err)
	}
	inner, ok := made.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T is no connection of pgx", made), made.Close())
	}
	return &conn{inner, c.server}, nil
}

// conn is a connection of the database/sql face.
type conn struct {
	*stdlib.Conn
	server *Server
}

func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result,
	error) {
	r, err := c.Conn.ExecContext(ctx, rebind(query), plainArgs(args))
	return r, c.server.Observe(ctx, err)
}

func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	rows, err := c.Conn.QueryContext(ctx, rebind(query), plainArgs(args))
	return rows, c.server.Observe(ctx, err)
}

// plainArgs replaces what PostgreSQL does not take: a flag is a number there, and text holds
// neither NUL nor bytes that are not UTF-8. Nothing that is stored has any; what is looked for may,
// and is then not found.
func plainArgs(args []driver.NamedValue) []driver.NamedValue {
	for i, a := range args {
		switch v := a.Value.(type) {
		case bool:
			args[i].Value = int64(0)
			if v {
				args[i].Value = int64(1)
			}
		case string:
			args[i].Value = storable(v)
		}
	}
	return args
}

func storable(text string) string {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// rebind spells `?` as `$1`, `$2` and so on, and `?3` as `$3`; a statement has the one or the
// other. What is quoted stays.
func rebind(query string) string {
	if !strings.Contains(query, "?") {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	quoted, n := false, 0
	for i := range len(query) {
		switch c := query[i]; {
		case c == '\'':
			quoted = !quoted
			b.WriteByte(c)
		case c != '?' || quoted:
			b.WriteByte(c)
		case i+1 < len(query) && '0' < query[i+1] && query[i+1] <= '9':
			b.WriteByte('$')
		default:
			n++
			b.WriteByte('$')
			b.WriteString(strconv.Itoa(n))
		}
	}
	return b.String()
}
