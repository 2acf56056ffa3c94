// Package connect is the embedded connection manager: the store of tenants and connections, the
// vault that seals their grants, and the Platform API over both.
//
// The files store*.go are the store, with all SQL; the others are the domain, and know none.
//
// It must never write a credential or a tenant key in the clear, never keep a decrypted grant
// between two calls, and never open a grant for another tenant, end user or app than the one it
// was sealed for.
package connect
