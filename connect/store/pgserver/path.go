package pgserver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrOpenSchema is of a schema in the search_path in which every role may make a function. One with
// parameters that suit a call of ours better than the server's own is called in its place, with our
// rights (CVE-2018-1058). Before PostgreSQL 15 the schema public is like that.
var ErrOpenSchema = errors.New("every role of the server may make functions in a schema of the store, which would " +
	"run with the store's rights; nothing was changed")

// pathQuery lists the schemas of the search_path that are open to all. It says of each name which
// one is meant, and of each value its type, so that no other function or operator suits it.
const pathQuery = `SELECT n.nspname::text FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
	WHERE n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))
	AND a.grantee OPERATOR(pg_catalog.=) 0::oid AND a.privilege_type OPERATOR(pg_catalog.=) 'CREATE'::text LIMIT 1`

// CheckPath returns ErrOpenSchema. It comes before any other statement.
func CheckPath(ctx context.Context, t *sql.Tx) error {
	var schema string
	switch err := t.QueryRowContext(ctx, pathQuery).Scan(&schema); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("reading the rights on the schema: %w", err)
	}
	return fmt.Errorf("%w: run REVOKE CREATE ON SCHEMA %q FROM PUBLIC as its owner, or give Vendgate a schema of its "+
		"own by search_path in the URL", ErrOpenSchema, schema)
}
