-- Adds caller keys. Of a key only the SHA-256 is stored, and nothing once it was revoked. Like
-- connections they name a tenant without a foreign key; and a connection too, because that of
-- another source is not in this database.

CREATE TABLE caller_keys (
	id         TEXT NOT NULL PRIMARY KEY,
	digest     BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
	tenant     TEXT NOT NULL,
	user       TEXT NOT NULL,
	connection TEXT NOT NULL,
	name       TEXT NOT NULL,
	apps       TEXT NOT NULL,
	methods    TEXT NOT NULL,
	paths      TEXT NOT NULL,
	budget     INTEGER NOT NULL CHECK (budget >= 0),
	created_at INTEGER NOT NULL,
	expires_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX caller_keys_by_connection ON caller_keys (tenant, connection, created_at);
CREATE INDEX caller_keys_by_expiry ON caller_keys (expires_at) WHERE expires_at IS NOT NULL;
