-- Finds the connections of a tenant that need reconnection, of which there are few, without reading
-- those that do not: they hold the grants.

CREATE INDEX connections_to_reconnect ON connections (tenant, created_at, id, user, app, name)
	WHERE needs_reconnection = 1;
