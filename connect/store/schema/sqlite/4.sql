-- Adds how a tenant's hosted pages tell whose connection it is.

ALTER TABLE tenants ADD COLUMN user_hint TEXT NOT NULL DEFAULT '';
