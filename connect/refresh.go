package connect

import "time"

// MaxLease is the longest time that a refresh lease is given for. One that seems to last longer was
// written before the clock was set back, and counts as expired.
const MaxLease = time.Minute

// RefreshState is what the row of a connection says about its refresh.
type RefreshState struct {
	// Version is that of the grant.
	Version int64
	// Owner is who took the refresh lease; empty where it was released, or ended by a new grant. One
	// whose lease has expired is still named: it has died, or was stopped, or could not write to the
	// store.
	Owner string
	// Left is how long the lease still lasts by the store's clock; 0 without a lease, or if it has
	// expired.
	Left time.Duration
}

// Leased reports whether the lease is taken.
func (r RefreshState) Leased() bool { return r.Left > 0 }
