package connect

// schema6 adds whether a caller key's calls get providers' errors as they are.
const schema6 = `
ALTER TABLE caller_keys ADD COLUMN errors TEXT NOT NULL DEFAULT '' CHECK (errors IN ('', 'passthrough'));
`
