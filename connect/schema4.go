package connect

// schema4 adds how a tenant's hosted pages tell whose connection it is.
const schema4 = `
ALTER TABLE tenants ADD COLUMN user_hint TEXT NOT NULL DEFAULT '';
`
