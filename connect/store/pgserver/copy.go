package pgserver

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Copy adds rows to a table by COPY, which takes a tenth of the time of INSERT, in the transaction
// that is under way on c, and returns how many there were. next returns nil after the last row.
func Copy(ctx context.Context, c *sql.Conn, table string, columns []string,
	next func() ([]any, error)) (rows int64, err error) {
	err = c.Raw(func(driver any) error {
		inner, ok := driver.(*conn)
		if !ok {
			return fmt.Errorf("%T is no connection of PostgreSQL", driver)
		}
		rows, err = inner.Conn.Conn().CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(next))
		return inner.server.Observe(ctx, err)
	})
	return rows, err
}
