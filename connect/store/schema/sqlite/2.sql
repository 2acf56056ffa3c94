-- Adds what the connection manager needs beside the grants: links and the OAuth attempts made by
-- them, holds, the tenants' own OAuth clients, sessions of the dashboard, MCP URLs, what end users
-- are shown of a tenant, and the audit trail.
--
-- Of a request token, a state, a cookie and an MCP URL only the SHA-256 is stored. A connection has
-- at most one link that is pending; the latest of the others stay, so that the holder of a used one
-- can still ask for its status.

ALTER TABLE tenants ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN logo_url TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN accent TEXT NOT NULL DEFAULT '';
ALTER TABLE tenants ADD COLUMN frame_ancestors TEXT NOT NULL DEFAULT '';

CREATE INDEX connections_by_tenant ON connections (tenant, created_at, id, user, app, name, status);

CREATE TABLE links (
	digest     BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
	connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
	status     TEXT NOT NULL CHECK (status IN ('pending', 'active', 'rejected', 'expired')),
	renews     INTEGER NOT NULL CHECK (renews IN (0, 1)),
	opened     INTEGER NOT NULL DEFAULT 0 CHECK (opened IN (0, 1)),
	accepted   INTEGER NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1)),
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	browser    BLOB CHECK (browser IS NULL OR length(browser) = 32)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_by_connection ON links (connection, expires_at);
CREATE UNIQUE INDEX links_pending ON links (connection) WHERE status = 'pending';
CREATE INDEX links_by_expiry ON links (expires_at) WHERE status = 'pending';

CREATE TABLE attempts (
	state      BLOB NOT NULL PRIMARY KEY CHECK (length(state) = 32),
	link       BLOB NOT NULL REFERENCES links (digest) ON DELETE CASCADE,
	browser    BLOB NOT NULL CHECK (length(browser) = 32),
	sealed     BLOB NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attempts_by_link ON attempts (link, expires_at);
CREATE INDEX attempts_by_expiry ON attempts (expires_at);

CREATE TABLE holds (
	connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
	name       TEXT NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (connection, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE oauth_clients (
	tenant     TEXT NOT NULL,
	app        TEXT NOT NULL,
	client_id  TEXT NOT NULL,
	scopes     TEXT NOT NULL,
	version    INTEGER NOT NULL,
	sealed     BLOB,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (tenant, app)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
	digest     BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
	tenant     TEXT NOT NULL,
	key_digest BLOB NOT NULL CHECK (length(key_digest) = 32),
	expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_tenant ON sessions (tenant, expires_at);

CREATE TABLE mcp_urls (
	tenant     TEXT NOT NULL PRIMARY KEY,
	digest     BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
	created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	at         INTEGER NOT NULL,
	tenant     TEXT NOT NULL,
	event      TEXT NOT NULL,
	actor      TEXT NOT NULL,
	request    TEXT NOT NULL,
	connection TEXT NOT NULL,
	user       TEXT NOT NULL,
	app        TEXT NOT NULL,
	detail     TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_tenant ON audit (tenant, id);
CREATE INDEX audit_by_connection ON audit (connection, id);
