-- Adds which source vends for a tenant of the store, and finds where the trail of a tenant that was
-- deleted ends: a later one of the same name must not read it.

ALTER TABLE tenants ADD COLUMN source TEXT NOT NULL DEFAULT '';
CREATE INDEX audit_by_end ON audit (tenant, id) WHERE event = 'tenant_deleted';
