// Package local is the source over the embedded connection manager, in the same process: it reads
// the grant from the store, refreshes it at the provider when it is about to end, and vends.
//
// It must never vend a token whose refresh is not yet on the disk, never keep a token between two
// vends (but for one that the disk would not take: see unsavedGrants), and never have two refreshes
// of one connection under way, in whatever processes: a lease in the row ensures it, see
// refresh_lease.go, as far as it can for a process that is killed or stopped when the refresh token
// is on its way.
package local
