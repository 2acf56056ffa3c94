// Package platform vends from a Platform API server over HTTP: Pabbly Connect's, or another
// Vendgate's connection manager. It asks for a connection's app once, remembers that alone, and
// asks for the credential again on every vend. With a key that may not read connections it takes
// the path's app, and refuses a credential that cannot be one of that app.
//
// It must never keep, cache or print a credential or a tenant key, never follow a redirect with
// a key, and never vend from an answer that does not hold a credential as the Platform API
// describes it.
package platform
