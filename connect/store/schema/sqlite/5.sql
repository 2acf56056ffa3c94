-- Adds whether a provider has accepted what a connection holds, and whether a tenant takes what
-- none has. Of a grant from before, that is known where it is a token, which is the provider's own;
-- what was entered may have been tried or not.

ALTER TABLE connections ADD COLUMN verified INTEGER NOT NULL DEFAULT 0 CHECK (verified IN (0, 1));
UPDATE connections SET verified = 1 WHERE auth_type = 'o_auth' AND sealed IS NOT NULL;
ALTER TABLE tenants ADD COLUMN unconfirmed TEXT NOT NULL DEFAULT '';
