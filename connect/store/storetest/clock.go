package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// SetClock sets what PostgreSQL has for the time of day in the database of a place, for statements
// that ask for clock_timestamp(): a function of that name is found before the server's own. SQLite
// has no clock but the program's. The first call comes before the stores are opened.
func SetClock(t testing.TB, p Place, at time.Time) {
	t.Helper()
	if p.Postgres == "" {
		return
	}
	s, name := serverOf(t), databaseOf(t, p)
	u := *s.admin
	u.Path = "/" + name
	conn, err := pgx.Connect(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`CREATE SCHEMA IF NOT EXISTS clock;
		GRANT USAGE ON SCHEMA clock TO PUBLIC;
		CREATE TABLE IF NOT EXISTS clock.hands (at timestamptz);
		CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
			$$ SELECT at FROM clock.hands $$;
		GRANT SELECT ON clock.hands TO PUBLIC;
		DELETE FROM clock.hands;
		INSERT INTO clock.hands VALUES (to_timestamp(%d / 1000.0));
		ALTER DATABASE %s SET search_path = public, pg_catalog`, at.UnixMilli(), name))
	if err != nil {
		t.Fatalf("setting the clock: %v", err)
	}
}
