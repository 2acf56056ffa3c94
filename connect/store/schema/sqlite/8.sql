-- Renames the columns `user`: in PostgreSQL, which holds the same tables, that word is the role of
-- the session.

ALTER TABLE connections RENAME COLUMN user TO end_user;
ALTER TABLE caller_keys RENAME COLUMN user TO end_user;
ALTER TABLE audit RENAME COLUMN user TO end_user;

-- Adds the gateways that run on the store, which a rotation of the keyset waits for. keys are the
-- ids of the keys that one has read, and the key-encryption keys that it has.

CREATE TABLE nodes (
	id         TEXT NOT NULL PRIMARY KEY,
	started_at INTEGER NOT NULL,
	seen_at    INTEGER NOT NULL,
	version    TEXT NOT NULL,
	schema     INTEGER NOT NULL,
	keys       TEXT NOT NULL
) STRICT, WITHOUT ROWID;
