package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/tests/services"
)

// TestPostgresIdle: the server ends a transaction whose gateway has vanished, and with it the
// locks. What the database sets for transactions changes none of ours.
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

// TestPostgresOpenSchema: a role that may do nothing but make functions, as every role could in
// schema public before PostgreSQL 15, has none of them called by the store.
func TestPostgresOpenSchema(t *testing.T) {
	for name, adopt := range map[string]bool{"new": false, "with tables": true} {
		t.Run(name, func(t *testing.T) {
			pg := services.PostgreSQL(t, services.FsyncOff)
			if adopt {
				adopted(t, pg.URL)
			}
			mallory := pg.Database + "_mallory"
			pg.Query(`CREATE ROLE ` + mallory + `; GRANT CREATE ON SCHEMA public TO PUBLIC; SET ROLE ` + mallory + `;
				CREATE FUNCTION quote_ident(name) RETURNS text LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'the function of mallory runs as %', current_user; END $$`)
			t.Cleanup(func() { pg.Query(`DROP FUNCTION public.quote_ident(name); DROP ROLE ` + mallory) })
			_, err := dialed(t, pg.URL).adopt(t.Context(), unkeyed())
			if !errors.Is(err, pgserver.ErrOpenSchema) || !strings.Contains(err.Error(), `REVOKE CREATE ON SCHEMA "public"`) {
				t.Errorf("error %v, want ErrOpenSchema", err)
			}
		})
	}
}
