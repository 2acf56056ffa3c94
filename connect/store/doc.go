// Package store keeps tenants, connections and all that belongs to them in a database, with the
// grants sealed by package vault. All SQL of the program is here.
//
// It must never write a credential or a tenant key in the clear, never keep a decrypted grant
// between two calls, and never open a grant for another tenant, end user or app than the one it
// was sealed for.
package store
