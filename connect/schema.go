package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrNewerSchema says that a later version of the program has changed the database.
var ErrNewerSchema = errors.New(
	databaseName + " was written by a newer version of this program; nothing was changed, use that version or newer")

// applicationID marks the database as ours ("VEND"), so that no other program's is adopted.
const applicationID = 0x56454e44

// migrations bring the schema from version i to i+1; PRAGMA user_version holds the version. A
// migration that has been released is never edited.
var migrations = []string{schema1, schema2, schema3, schema4, schema5, schema6}

// Times are Unix milliseconds. `sealed` is NULL until a link is completed. A connection names a
// tenant without a foreign key: tenants may also stand in the gateway's configuration. It is an
// ordinary rowid table because grants are far larger than what WITHOUT ROWID is made for: with
// 100,000 rows that cost a quarter more a read.
const schema1 = `
CREATE TABLE meta (
	name  TEXT NOT NULL PRIMARY KEY,
	value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('tenants_version', 1);

CREATE TABLE tenants (
	id           TEXT NOT NULL PRIMARY KEY,
	email        TEXT NOT NULL,
	capabilities TEXT NOT NULL,
	disabled     INTEGER NOT NULL DEFAULT 0,
	created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tenant_keys (
	digest     BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
	tenant     TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
	generation INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	UNIQUE (tenant, generation)
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
	id                 TEXT NOT NULL PRIMARY KEY,
	tenant             TEXT NOT NULL,
	user               TEXT NOT NULL,
	app                TEXT NOT NULL,
	name               TEXT NOT NULL,
	status             TEXT NOT NULL CHECK (status IN ('pending', 'active', 'rejected', 'expired')),
	auth_type          TEXT NOT NULL,
	via_link           INTEGER NOT NULL DEFAULT 0 CHECK (via_link IN (0, 1)),
	needs_reconnection INTEGER NOT NULL DEFAULT 0 CHECK (needs_reconnection IN (0, 1)),
	refresh_pending    INTEGER NOT NULL DEFAULT 0 CHECK (refresh_pending IN (0, 1)),
	created_at         INTEGER NOT NULL,
	updated_at         INTEGER NOT NULL,
	version            INTEGER NOT NULL,
	sealed             BLOB,
	lease_owner        TEXT,
	lease_until        INTEGER
) STRICT;

CREATE INDEX connections_by_user ON connections (tenant, user, created_at, id);
`

// adopt brings the database to the current schema and checks that the keyset belongs to it.
func (s *Store) adopt(ctx context.Context, tx *sql.Tx) error {
	var application, version, objects int
	err := tx.QueryRowContext(ctx, `SELECT
		(SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema)`).Scan(&application, &version, &objects)
	switch {
	case err != nil:
		return fmt.Errorf("reading the schema version: %w", err)
	case version == 0 && objects == 0 && application == 0:
		return s.create(ctx, tx)
	case application != applicationID:
		return ErrDamaged
	case version > len(migrations):
		return ErrNewerSchema
	}
	if err := s.loadVault(ctx, tx); err != nil {
		return err
	}
	return migrate(ctx, tx, version)
}

// create makes the schema and, before it, the keyset: should the process die in between, an unused
// keyset stays, which the next open takes over; the other order could leave a sealed database
// without its key.
func (s *Store) create(ctx context.Context, tx *sql.Tx) error {
	if err := s.vault.LoadOrCreate(); err != nil {
		return err
	}
	if err := migrate(ctx, tx, 0); err != nil {
		return err
	}
	// A PRAGMA takes no parameters.
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID)); err != nil {
		return fmt.Errorf("marking the database: %w", err)
	}
	return s.putKeyCheck(ctx, tx)
}

func migrate(ctx context.Context, tx *sql.Tx, from int) error {
	if from == len(migrations) {
		return nil
	}
	for i, script := range migrations[from:] {
		if _, err := tx.ExecContext(ctx, script); err != nil {
			return fmt.Errorf("migrating the schema to version %d: %w", from+i+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations))); err != nil {
		return fmt.Errorf("recording the schema version: %w", err)
	}
	return nil
}
