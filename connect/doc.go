// Package connect is the domain of the embedded connection manager: tenants and connections, what
// their grants hold, links, caller keys and the audit trail, and what is valid of each. It knows no
// SQL; package store keeps all of it.
//
// It must never print a credential, and never take one end user, tenant or app for another.
package connect
