package store

import (
	"context"
	"testing"

	"github.com/vendgate/vendgate/tests/services"
)

// TestPostgresIdle: the server ends a transaction whose gateway has vanished, and with it the locks.
// What the database sets for transactions changes none of ours.
func TestPostgresIdle(t *testing.T) {
	pg := services.PostgreSQL(t, services.FsyncOff)
	pg.Query(`ALTER DATABASE "` + pg.Database + `" SET default_transaction_isolation = 'serializable'`)
	for name, url := range map[string]string{"direct": pg.URL, "pooler": services.PgBouncer(t, pg).URL} {
		t.Run(name, func(t *testing.T) {
			p := adopted(t, url)
			for isolation, run := range map[string]func(context.Context, func(*tx) error) error{
				"read committed": p.update, "repeatable read": p.view,
			} {
				var idle, level string
				err := run(t.Context(), func(tx *tx) error {
					return tx.QueryRowContext(t.Context(), `SELECT current_setting('idle_in_transaction_session_timeout'),
						current_setting('transaction_isolation')`).Scan(&idle, &level)
				})
				if err != nil || idle != "1min" || level != isolation {
					t.Errorf("idle for %q at the level %q, %v; want %q", idle, level, err, isolation)
				}
			}
		})
	}
}
