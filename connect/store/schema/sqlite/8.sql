-- Renames the columns `user`: in PostgreSQL, which holds the same tables, that word is the role of
-- the session.

ALTER TABLE connections RENAME COLUMN user TO end_user;
ALTER TABLE caller_keys RENAME COLUMN user TO end_user;
ALTER TABLE audit RENAME COLUMN user TO end_user;
