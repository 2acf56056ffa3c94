package storetest

import (
	"fmt"
	"testing"
	"time"
)

// SetClock sets what PostgreSQL has for the time of day in the database of a place, for statements
// that ask for clock_timestamp(): a function of that name is found before the server's own. SQLite
// has no clock but the program's. The first call comes before the stores are opened.
func SetClock(t testing.TB, p Place, at time.Time) {
	t.Helper()
	if p.Postgres == "" {
		return
	}
	Exec(t, p, `CREATE SCHEMA IF NOT EXISTS clock`, `GRANT USAGE ON SCHEMA clock TO PUBLIC`,
		`CREATE TABLE IF NOT EXISTS clock.hands (at timestamptz)`, `GRANT SELECT ON clock.hands TO PUBLIC`,
		`CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
			$$ SELECT at FROM clock.hands $$`,
		`DELETE FROM clock.hands`,
		fmt.Sprintf(`INSERT INTO clock.hands VALUES (to_timestamp(%d / 1000.0))`, at.UnixMilli()),
		`ALTER DATABASE `+databaseOf(t, p)+` SET search_path = public, pg_catalog`)
}
