package storetest

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // the driver that the store takes
)

// Refuse has the database at a place refuse changes of a table, as a full disk would, until repair
// is called. An act is `INSERT`, `UPDATE`, `DELETE`, or `UPDATE OF` a column.
func Refuse(t testing.TB, p Place, table string, acts ...string) (repair func()) {
	t.Helper()
	body, on := `BEGIN SELECT RAISE(ABORT, 'refused'); END`, ""
	var statements []string
	if p.Postgres != "" {
		body, on = `FOR EACH ROW EXECUTE FUNCTION public.refused()`, " ON "+table
		statements = append(statements, `CREATE OR REPLACE FUNCTION public.refused() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN RAISE EXCEPTION 'refused'; END $$`)
	}
	var drop []string
	for _, act := range acts {
		name := "refused_" + strings.ToLower(strings.ReplaceAll(act, " ", "_"))
		statements = append(statements, fmt.Sprintf(`CREATE TRIGGER %s BEFORE %s ON %s %s`, name, act, table, body))
		drop = append(drop, `DROP TRIGGER IF EXISTS `+name+on)
	}
	Exec(t, p, statements...)
	return func() { Exec(t, p, drop...) }
}

// Touched has the database at a place note which of the tables Refuse would keep a change from: in
// which a row is to be inserted, updated or deleted. It returns a query of their names.
func Touched(t testing.TB, p Place, tables ...string) (query string) {
	t.Helper()
	statements, notes := []string{`CREATE TABLE touched (name TEXT)`}, "touched"
	if p.Postgres != "" {
		statements, notes = []string{`CREATE SCHEMA noted; CREATE TABLE noted.touched (name TEXT);
			GRANT USAGE ON SCHEMA noted TO PUBLIC; GRANT ALL ON noted.touched TO PUBLIC;
			CREATE FUNCTION noted.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				INSERT INTO noted.touched VALUES (TG_TABLE_NAME);
				IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
				RETURN NEW;
			END $$`}, "noted.touched"
	}
	for _, table := range tables {
		body := `BEGIN INSERT INTO touched VALUES ('` + table + `'); END`
		if p.Postgres != "" {
			body = `FOR EACH ROW EXECUTE FUNCTION noted.touch()`
		}
		for _, act := range []string{"INSERT", "UPDATE", "DELETE"} {
			statements = append(statements,
				fmt.Sprintf(`CREATE TRIGGER touched_%s_%s BEFORE %[2]s ON %[1]s %[3]s`, table, act, body))
		}
	}
	Exec(t, p, statements...)
	return `SELECT DISTINCT name FROM ` + notes
}

// Exec runs statements in the database at a place as another program would: in PostgreSQL as the
// superuser.
func Exec(t testing.TB, p Place, statements ...string) {
	t.Helper()
	if p.Postgres != "" {
		s := serverOf(t)
		u := *s.admin
		u.Path = "/" + databaseOf(t, p)
		s.run(t, u.String(), statements...)
		return
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Dir, "vendgate.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// run runs statements on a connection of its own.
func (*server) run(t testing.TB, address string, statements ...string) {
	t.Helper()
	ctx := contextOf(t)
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
