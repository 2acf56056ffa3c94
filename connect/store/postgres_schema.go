package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/vendgate/vendgate/connect/store/pgserver"
)

// Why a database of a PostgreSQL server is not taken. Each leaves it as it was.
var (
	// ErrForeignDatabase is of tables that another program made.
	ErrForeignDatabase = errors.New("the database has tables of another program; nothing was changed: give Vendgate a " +
		"database of its own, or a schema of its own by search_path in the URL")
	// ErrReadOnly is of a server that takes no writes.
	ErrReadOnly = pgserver.ErrReadOnly
	// ErrOldServer is of a server before PostgreSQL 14.
	ErrOldServer = errors.New("the database server is too old; nothing was changed: use PostgreSQL 14 or later")
	// ErrEncoding is of a database that does not know what its bytes are.
	ErrEncoding = errors.New("the database is not encoded in UTF8; nothing was changed: " +
		"make one by createdb --encoding=UTF8 --template=template0")
	// ErrRights is of a role that may not do what the store takes.
	ErrRights = errors.New("the role has not all rights that it needs; nothing was changed")
)

// oldestServer is the first version that has all that is used here.
const oldestServer = 140000

// postgresSchemas holds what brings the database from version i-1 to i, as schema/postgres/i.sql.
// The first line says, as `-- compatible: n`, of which version on programs can work with the
// result. A migration that has been released is never edited.
//
//go:embed schema/postgres/*.sql
var postgresSchemas embed.FS

// A migration is a script, and the oldest version of the schema whose programs work with what it
// makes.
type migration struct {
	script     string
	compatible int
}

// postgresMigrations is changed by tests alone, see schematest.
var postgresMigrations = loadPostgresMigrations()

func loadPostgresMigrations() (found []migration) {
	for {
		script, err := postgresSchemas.ReadFile(fmt.Sprintf("schema/postgres/%d.sql", len(found)+1))
		if err != nil {
			return found
		}
		found = append(found, newMigration(string(script)))
	}
}

func newMigration(script string) migration {
	line, _, _ := strings.Cut(script, "\n")
	n, err := strconv.Atoi(strings.TrimPrefix(line, "-- compatible: "))
	if err != nil {
		panic("a migration does not say which programs work with it: " + line)
	}
	return migration{script, n}
}

// The rows of meta that say what the tables are.
const (
	applicationRow = "application"
	versionRow     = "schema_version"
	compatibleRow  = "schema_compatible"
)

// facts are what a server says of itself and of the database.
type facts struct {
	version  int
	encoding string
	readOnly bool
	// schema is that in which tables are made; invalid if there is none.
	schema    sql.NullString
	role      string
	mayCreate bool
	// ours is true if there is a table of the name of ours, foreign counts all.
	ours    bool
	foreign int
}

// factsQuery counts what is in the schema, but what belongs to an extension.
const factsQuery = `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'),
	pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on', current_schema(), current_user,
	coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
	EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = n.oid AND relname = 'meta' AND relkind = 'r'),
	(SELECT count(*) FROM pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
		AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass
			AND d.deptype = 'e'))
	FROM (SELECT to_regnamespace(quote_ident(current_schema()))::oid AS oid) n`

func readFacts(ctx context.Context, t *sql.Tx) (f facts, err error) {
	err = t.QueryRowContext(ctx, factsQuery).Scan(&f.version, &f.encoding, &f.readOnly, &f.schema, &f.role, &f.mayCreate,
		&f.ours, &f.foreign)
	if err != nil {
		return f, fmt.Errorf("asking the database server: %w", err)
	}
	return f, nil
}

// check refuses a server that cannot hold a store.
func (f facts) check() error {
	switch {
	case f.version < oldestServer:
		return fmt.Errorf("%w (it has version %d.%d)", ErrOldServer, f.version/10000, f.version%10000)
	case f.readOnly:
		return ErrReadOnly
	case f.encoding != "UTF8":
		return fmt.Errorf("%w (it has %s)", ErrEncoding, f.encoding)
	case !f.schema.Valid:
		return fmt.Errorf("%w: no schema of its search_path exists, or is open to it: run "+
			"CREATE SCHEMA %[2]s AUTHORIZATION %[2]s", ErrRights, quoteName(f.role))
	case !f.ours && f.foreign > 0:
		return ErrForeignDatabase
	}
	return nil
}

// checkCreate refuses a role that cannot make tables.
func (f facts) checkCreate() error {
	if f.mayCreate {
		return nil
	}
	return fmt.Errorf("%w: it may not make tables: run GRANT CREATE ON SCHEMA %s TO %s as the owner of the database",
		ErrRights, quoteName(f.schema.String), quoteName(f.role))
}

// quoteName spells a name as SQL does.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// The classes of errors of a statement that does not fit the table.
const (
	otherColumns = "42"
	otherTypes   = "22"
)

// schemaOf is what the rows of meta say.
type schemaOf struct{ version, compatible int }

// readSchema returns what the database is. A table called meta may be another program's.
func readSchema(ctx context.Context, t *sql.Tx, f facts) (s schemaOf, err error) {
	var application int
	err = t.QueryRowContext(ctx, `SELECT
		coalesce((SELECT value FROM meta WHERE name = '`+applicationRow+`'), 0),
		coalesce((SELECT value FROM meta WHERE name = '`+versionRow+`'), 0),
		coalesce((SELECT value FROM meta WHERE name = '`+compatibleRow+`'), 0)`).
		Scan(&application, &s.version, &s.compatible)
	switch code := pgserver.Code(err); {
	case code == pgserver.NoRight:
		return s, f.noRight("meta")
	case strings.HasPrefix(code, otherColumns), strings.HasPrefix(code, otherTypes),
		err == nil && application != applicationID:
		return s, ErrForeignDatabase
	case err != nil:
		return s, fmt.Errorf("reading the schema version: %w", err)
	}
	return s, nil
}

// check refuses a schema that is not for this program.
func (s schemaOf) check() error {
	if s.version > len(postgresMigrations) && s.compatible > len(postgresMigrations) {
		return &refusal{"the database was written by a newer version of this program, and this one cannot work with it; " +
			"nothing was changed, use that version or newer", ErrNewerSchema}
	}
	return nil
}

// tableMade finds the names of the tables that a migration makes.
var tableMade = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// ownTables are the tables of the store, by this program's schema.
func ownTables() (names []string) {
	for _, m := range postgresMigrations {
		for _, made := range tableMade.FindAllStringSubmatch(m.script, -1) {
			names = append(names, made[1])
		}
	}
	return names
}

// checkRights refuses a role that cannot use the store's tables. Others in the same schema, such as
// those of a monitor, are not its business.
func checkRights(ctx context.Context, t *sql.Tx, f facts) (err error) {
	rows, err := t.QueryContext(ctx, `SELECT c.relname FROM pg_class c
		WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind = 'r'
		AND c.relname = ANY($1) AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
			AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE')) ORDER BY c.relname`, ownTables())
	if err != nil {
		return fmt.Errorf("reading the role's rights: %w", err)
	}
	defer closeRows(rows, &err)
	var closed []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return fmt.Errorf("reading the role's rights: %w", err)
		}
		closed = append(closed, table)
	}
	if err := rows.Err(); err != nil || len(closed) == 0 {
		return err
	}
	return f.noRight(closed...)
}

func (f facts) noRight(tables ...string) error {
	return fmt.Errorf("%w: it may not read and change %s: run GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN "+
		"SCHEMA %s TO %s as their owner", ErrRights, strings.Join(tables, ", "), quoteName(f.schema.String),
		quoteName(f.role))
}

// migrateLock is taken by who makes or changes tables.
const migrateLock = "migrate"

// patience bounds how long a migration waits for a table that others use: those who come after it
// wait for it.
const migratePatience = `SET LOCAL lock_timeout = '5s'`

// migratePostgres brings the tables from a version to the newest one.
func migratePostgres(ctx context.Context, t *sql.Tx, f facts, from int) error {
	if err := f.checkCreate(); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, migratePatience); err != nil {
		return err
	}
	compatible := 0
	for i, m := range slices.All(postgresMigrations) {
		if i >= from {
			if _, err := t.ExecContext(ctx, m.script); err != nil {
				return explainMigration(err, i+1, f)
			}
		}
		compatible = m.compatible
	}
	for row, value := range map[string]int{
		applicationRow: applicationID, versionRow: len(postgresMigrations), compatibleRow: compatible,
	} {
		if _, err := t.ExecContext(ctx, `INSERT INTO meta (name, value) VALUES (?, ?)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, row, value); err != nil {
			return fmt.Errorf("recording the schema version: %w", err)
		}
	}
	return nil
}

func explainMigration(err error, version int, f facts) error {
	switch pgserver.Code(err) {
	case pgserver.NoRight:
		return fmt.Errorf("%w: it does not own the tables, which a new version changes: run this version once as their "+
			"owner, or ALTER TABLE … OWNER TO %s", ErrRights, quoteName(f.role))
	case pgserver.NotAvailable:
		return fmt.Errorf("migrating the schema to version %d: another program keeps the tables locked; nothing was "+
			"changed, try again: %w", version, err)
	}
	return fmt.Errorf("migrating the schema to version %d: %w", version, err)
}

// madeByScript finds what a migration makes.
var madeByScript = regexp.MustCompile(`(?m)^CREATE (?:UNIQUE )?(TABLE|INDEX|TRIGGER) (\w+)`)

// foundQuery lists what there is, as madeByScript does.
const foundQuery = `SELECT CASE c.relkind WHEN 'r' THEN 'TABLE' ELSE 'INDEX' END, c.relname FROM pg_class c
	WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND c.relkind IN ('r', 'i')
	UNION ALL SELECT 'TRIGGER', t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema())) AND NOT t.tgisinternal AND t.tgenabled <> 'D'
	UNION ALL SELECT 'RULE', rulename FROM pg_rules WHERE schemaname = current_schema()`

// check implements dialect. The server's own files are for pg_amcheck to read.
func (p *postgresDB) check(ctx context.Context) (found []Problem, err error) {
	missing := make(map[[2]string]bool)
	for _, m := range postgresMigrations {
		for _, made := range madeByScript.FindAllStringSubmatch(m.script, -1) {
			missing[[2]string{made[1], made[2]}] = true
		}
	}
	err = p.view(ctx, func(t *tx) (err error) {
		rows, err := t.QueryContext(ctx, foundQuery)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var there [2]string
			if err := rows.Scan(&there[0], &there[1]); err != nil {
				return err
			}
			if (there[0] == "TRIGGER" || there[0] == "RULE") && !missing[there] {
				found = append(found, Problem{"the database has the foreign " + strings.ToLower(there[0]) + " " + there[1] +
					", which could undo what you revoke", "drop it, and find out who made it"})
			}
			delete(missing, there)
		}
		return rows.Err()
	})
	for _, m := range slices.SortedFunc(maps.Keys(missing), func(a, b [2]string) int {
		return strings.Compare(a[1], b[1])
	}) {
		found = append(found, Problem{"the " + strings.ToLower(m[0]) + " " + m[1] + " is missing", adviceRestore})
	}
	return found, err
}

// refusal is an error of its own text that is another's too.
type refusal struct {
	text string
	is   error
}

func (r *refusal) Error() string { return r.text }

func (r *refusal) Unwrap() error { return r.is }
