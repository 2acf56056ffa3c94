// Package policy says who may call what, how often, and where a connection may go: tenants and
// their keys, the target of a call, rules by app, method and path, budgets, and the addresses that
// may be dialled.
//
// It must never see a credential, and never decide by a key's text: only by its digest.
package policy
