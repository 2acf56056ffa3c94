// Package dashboard serves the pages by which a tenant's engineers look after its connections, keys
// and budgets.
//
// It must never show a tenant key, a link or an MCP URL but once, right after it was made, never
// show anything of another tenant, never change anything by GET, never show what a connection holds
// but for its open fields, and never store a credential that its app was seen to refuse, nor one
// that the app did not confirm unless the team asked for it.
package dashboard
