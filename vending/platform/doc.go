// Package platform vends from a Platform API server over HTTP: Pabbly Connect's, or another
// Vendgate's connection manager. It asks for a connection's app once, remembers that alone, and
// asks for the credential anew on every vend.
//
// It must never keep, cache or print a credential or a tenant key, never follow a redirect with
// a key, and never vend from an answer that is not exactly what the Platform API describes.
package platform
