-- Adds whether a caller key's calls get providers' errors as they are.

ALTER TABLE caller_keys ADD COLUMN errors TEXT NOT NULL DEFAULT '' CHECK (errors IN ('', 'passthrough'));
