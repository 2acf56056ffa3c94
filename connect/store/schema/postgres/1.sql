-- compatible: 1
--
-- The tables are those of SQLite, so that each statement is written once. Times are Unix
-- milliseconds, flags are 0 or 1, and text is compared by its bytes (COLLATE "C"), as SQLite does:
-- an index then serves a prefix and an order without a locale, and lower() is that of ASCII.
--
-- A number of meta is in value, anything else in data: a column here has one type.

CREATE TABLE meta (
	name  TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	value BIGINT NOT NULL DEFAULT 0,
	data  BYTEA
);

-- Changed by each change of a tenant or a key: free room keeps its versions in one page.
ALTER TABLE meta SET (fillfactor = 50);

INSERT INTO meta (name, value) VALUES ('tenants_version', 1);

CREATE TABLE tenants (
	id              TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	email           TEXT COLLATE "C" NOT NULL,
	capabilities    TEXT COLLATE "C" NOT NULL,
	disabled        SMALLINT NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
	created_at      BIGINT NOT NULL,
	name            TEXT COLLATE "C" NOT NULL DEFAULT '',
	logo_url        TEXT COLLATE "C" NOT NULL DEFAULT '',
	accent          TEXT COLLATE "C" NOT NULL DEFAULT '',
	frame_ancestors TEXT COLLATE "C" NOT NULL DEFAULT '',
	user_hint       TEXT COLLATE "C" NOT NULL DEFAULT '',
	unconfirmed     TEXT COLLATE "C" NOT NULL DEFAULT '',
	source          TEXT COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE tenant_keys (
	digest     BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
	tenant     TEXT COLLATE "C" NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
	generation BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	UNIQUE (tenant, generation)
);

-- A refresh changes no column of an index: with room in the page, its new row is found by the same
-- entries (a HOT update), and no index grows.
CREATE TABLE connections (
	id                 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	tenant             TEXT COLLATE "C" NOT NULL,
	end_user           TEXT COLLATE "C" NOT NULL,
	app                TEXT COLLATE "C" NOT NULL,
	name               TEXT COLLATE "C" NOT NULL,
	status             TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'active', 'rejected', 'expired')),
	auth_type          TEXT COLLATE "C" NOT NULL,
	via_link           SMALLINT NOT NULL DEFAULT 0 CHECK (via_link IN (0, 1)),
	needs_reconnection SMALLINT NOT NULL DEFAULT 0 CHECK (needs_reconnection IN (0, 1)),
	refresh_pending    SMALLINT NOT NULL DEFAULT 0 CHECK (refresh_pending IN (0, 1)),
	verified           SMALLINT NOT NULL DEFAULT 0 CHECK (verified IN (0, 1)),
	created_at         BIGINT NOT NULL,
	updated_at         BIGINT NOT NULL,
	version            BIGINT NOT NULL,
	lease_until        BIGINT,
	lease_owner        TEXT COLLATE "C",
	account            TEXT COLLATE "C" NOT NULL DEFAULT '',
	sealed             BYTEA
) WITH (fillfactor = 80);

-- Ciphertext does not compress.
ALTER TABLE connections ALTER COLUMN sealed SET STORAGE EXTERNAL;

CREATE INDEX connections_by_user ON connections (tenant, end_user, created_at, id);
-- A search of a tenant's connections reads this index and not the table, which holds the grants.
CREATE INDEX connections_by_tenant ON connections (tenant, created_at, id) INCLUDE (end_user, app, name, status);
CREATE INDEX connections_to_reconnect ON connections (tenant, created_at, id) INCLUDE (end_user, app, name)
	WHERE needs_reconnection = 1;

CREATE TABLE links (
	digest     BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
	connection TEXT COLLATE "C" NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
	status     TEXT COLLATE "C" NOT NULL CHECK (status IN ('pending', 'active', 'rejected', 'expired')),
	renews     SMALLINT NOT NULL CHECK (renews IN (0, 1)),
	opened     SMALLINT NOT NULL DEFAULT 0 CHECK (opened IN (0, 1)),
	accepted   SMALLINT NOT NULL DEFAULT 0 CHECK (accepted IN (0, 1)),
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	browser    BYTEA CHECK (browser IS NULL OR length(browser) = 32)
);

CREATE INDEX links_by_connection ON links (connection, expires_at);
CREATE UNIQUE INDEX links_pending ON links (connection) WHERE status = 'pending';
CREATE INDEX links_by_expiry ON links (expires_at) WHERE status = 'pending';

CREATE TABLE attempts (
	state      BYTEA NOT NULL PRIMARY KEY CHECK (length(state) = 32),
	link       BYTEA NOT NULL REFERENCES links (digest) ON DELETE CASCADE,
	browser    BYTEA NOT NULL CHECK (length(browser) = 32),
	sealed     BYTEA NOT NULL,
	expires_at BIGINT NOT NULL
);

CREATE INDEX attempts_by_link ON attempts (link, expires_at);
CREATE INDEX attempts_by_expiry ON attempts (expires_at);

CREATE TABLE holds (
	connection TEXT COLLATE "C" NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
	name       TEXT COLLATE "C" NOT NULL,
	created_at BIGINT NOT NULL,
	PRIMARY KEY (connection, name)
);

CREATE TABLE oauth_clients (
	tenant     TEXT COLLATE "C" NOT NULL,
	app        TEXT COLLATE "C" NOT NULL,
	client_id  TEXT COLLATE "C" NOT NULL,
	scopes     TEXT COLLATE "C" NOT NULL,
	version    BIGINT NOT NULL,
	sealed     BYTEA,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant, app)
);

CREATE TABLE sessions (
	digest     BYTEA NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
	tenant     TEXT COLLATE "C" NOT NULL,
	key_digest BYTEA NOT NULL CHECK (length(key_digest) = 32),
	expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_by_expiry ON sessions (expires_at);
CREATE INDEX sessions_by_tenant ON sessions (tenant, expires_at);

CREATE TABLE mcp_urls (
	tenant     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	digest     BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
	created_at BIGINT NOT NULL
);

-- The ids of two transactions that run side by side may become visible in another order than they
-- were given, and one that was rolled back leaves a gap.
CREATE TABLE audit (
	id         BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
	at         BIGINT NOT NULL,
	tenant     TEXT COLLATE "C" NOT NULL,
	event      TEXT COLLATE "C" NOT NULL,
	actor      TEXT COLLATE "C" NOT NULL,
	request    TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	end_user   TEXT COLLATE "C" NOT NULL,
	app        TEXT COLLATE "C" NOT NULL,
	detail     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX audit_by_tenant ON audit (tenant, id);
CREATE INDEX audit_by_connection ON audit (connection, id);
CREATE INDEX audit_by_end ON audit (tenant, id) WHERE event = 'tenant_deleted';

CREATE TABLE caller_keys (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	digest     BYTEA NOT NULL UNIQUE CHECK (length(digest) = 32),
	tenant     TEXT COLLATE "C" NOT NULL,
	end_user   TEXT COLLATE "C" NOT NULL,
	connection TEXT COLLATE "C" NOT NULL,
	name       TEXT COLLATE "C" NOT NULL,
	apps       TEXT COLLATE "C" NOT NULL,
	methods    TEXT COLLATE "C" NOT NULL,
	paths      TEXT COLLATE "C" NOT NULL,
	budget     BIGINT NOT NULL CHECK (budget >= 0),
	errors     TEXT COLLATE "C" NOT NULL DEFAULT '' CHECK (errors IN ('', 'passthrough')),
	created_at BIGINT NOT NULL,
	expires_at BIGINT
);

CREATE INDEX caller_keys_by_connection ON caller_keys (tenant, connection, created_at);
CREATE INDEX caller_keys_by_expiry ON caller_keys (expires_at) WHERE expires_at IS NOT NULL;

-- The processes that serve; one that was not seen for ten seconds is gone. keys are the ids of the
-- keyset's keys that it has read.
CREATE TABLE nodes (
	id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	started_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	version    TEXT COLLATE "C" NOT NULL,
	schema     BIGINT NOT NULL,
	keys       TEXT COLLATE "C" NOT NULL
) WITH (fillfactor = 50);

-- How many connections there are of each app and state is the sum of rows: a trigger adds one for
-- each change, and a sweep folds them together. A single row for each count would be locked by each
-- transaction until its commit, and all that make a link for one app would wait for one another.

CREATE TABLE connection_counts (
	app                TEXT COLLATE "C" NOT NULL,
	status             TEXT COLLATE "C" NOT NULL,
	needs_reconnection SMALLINT NOT NULL,
	connections        BIGINT NOT NULL
);

CREATE FUNCTION connections_counted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP <> 'INSERT' THEN
		INSERT INTO connection_counts VALUES (OLD.app, OLD.status, OLD.needs_reconnection, -1);
	END IF;
	IF TG_OP <> 'DELETE' THEN
		INSERT INTO connection_counts VALUES (NEW.app, NEW.status, NEW.needs_reconnection, 1);
	END IF;
	RETURN NULL;
END;
$$;

CREATE TRIGGER connections_counted_insert AFTER INSERT ON connections
	FOR EACH ROW EXECUTE FUNCTION connections_counted();
CREATE TRIGGER connections_counted_delete AFTER DELETE ON connections
	FOR EACH ROW EXECUTE FUNCTION connections_counted();
CREATE TRIGGER connections_counted_update AFTER UPDATE OF app, status, needs_reconnection ON connections
	FOR EACH ROW WHEN (OLD.app <> NEW.app OR OLD.status <> NEW.status OR
		OLD.needs_reconnection <> NEW.needs_reconnection)
	EXECUTE FUNCTION connections_counted();
