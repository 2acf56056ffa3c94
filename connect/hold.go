package connect

import "time"

// Hold says that something depends on a connection. While there is one, the connection cannot be
// deleted.
type Hold struct {
	// Name is the tenant's own: "invoice-sync".
	Name string
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
}
