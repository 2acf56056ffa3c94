// Package dashboard serves the pages by which a tenant's engineers look after its connections, keys
// and budgets.
//
// It must never show a tenant key, a link or an MCP URL but once, right after it was made, never
// show anything of another tenant, and never change anything by GET.
package dashboard
