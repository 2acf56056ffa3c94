-- Finds the connections of a tenant that need reconnection, of which there are few, without reading
-- those that do not: they hold the grants.

CREATE INDEX connections_to_reconnect ON connections (tenant, created_at, id, user, app, name)
	WHERE needs_reconnection = 1;
-- Adds how many connections there are of each app and state, so that metrics need not read them
-- all: with a million connections that would take a second of CPU time. Triggers keep the counts,
-- whatever version of the program writes. A count that has come down to 0 stays.

CREATE TABLE connection_counts (
	app                TEXT NOT NULL,
	status             TEXT NOT NULL,
	needs_reconnection INTEGER NOT NULL,
	connections        INTEGER NOT NULL,
	PRIMARY KEY (app, status, needs_reconnection)
) STRICT, WITHOUT ROWID;

INSERT INTO connection_counts
	SELECT app, status, needs_reconnection, count(*) FROM connections GROUP BY app, status, needs_reconnection;

CREATE TRIGGER connections_counted_insert AFTER INSERT ON connections BEGIN
	INSERT INTO connection_counts VALUES (new.app, new.status, new.needs_reconnection, 1)
		ON CONFLICT DO UPDATE SET connections = connections + 1;
END;

CREATE TRIGGER connections_counted_delete AFTER DELETE ON connections BEGIN
	UPDATE connection_counts SET connections = connections - 1
		WHERE app = old.app AND status = old.status AND needs_reconnection = old.needs_reconnection;
END;

CREATE TRIGGER connections_counted_update AFTER UPDATE OF app, status, needs_reconnection ON connections
WHEN old.app <> new.app OR old.status <> new.status OR old.needs_reconnection <> new.needs_reconnection BEGIN
	UPDATE connection_counts SET connections = connections - 1
		WHERE app = old.app AND status = old.status AND needs_reconnection = old.needs_reconnection;
	INSERT INTO connection_counts VALUES (new.app, new.status, new.needs_reconnection, 1)
		ON CONFLICT DO UPDATE SET connections = connections + 1;
END;
-- Adds which source vends for a tenant of the store, and finds where the trail of a tenant that was
-- deleted ends: a later one of the same name must not read it.

ALTER TABLE tenants ADD COLUMN source TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_end ON audit (tenant, id) WHERE event = 'tenant_deleted';

-- Adds what the provider called the account of what a connection holds; empty if it did not say.

ALTER TABLE connections ADD COLUMN account TEXT NOT NULL DEFAULT '';
