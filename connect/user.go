package connect

import (
	"errors"
	"strings"
	"time"
)

// ErrUserUnknown says that a tenant's end user has left nothing in the store.
var ErrUserUnknown = errors.New("nothing is stored of this end user of the tenant")

// ErrUserConnected says that an end user still has connections.
var ErrUserConnected = errors.New("the end user has connections")

// UserData is all that the store keeps of one end user of a tenant, without what it seals.
type UserData struct {
	Connections []UserConnection
	CallerKeys  []CallerKey
	// Audit is oldest first.
	Audit []AuditRow
}

// UserConnection is a connection with what belongs to it.
type UserConnection struct {
	Connection
	Links []LinkRecord
	// Holds are the first 1,000 by name.
	Holds []Hold
}

// LinkRecord is a link as it is kept: of its token, there is only a digest.
type LinkRecord struct {
	Status           Status
	Renews           bool
	Opened, Accepted bool
	// CreatedAt and ExpiresAt are in UTC, to the millisecond.
	CreatedAt, ExpiresAt time.Time
}

// ParseUser brings the name of an end user into the form in which the store keeps it: an email
// address, or what another source calls them.
func ParseUser(name string) (string, error) {
	if email, err := ParseEmail(name); err == nil {
		return email, nil
	}
	name = strings.TrimSpace(name)
	if name == "" || strings.Contains(name, "@") || !IsPlain(name, maxCallerUser) {
		return "", Invalid("user: must be one bare email address, or the id by which another source knows the end user")
	}
	return name, nil
}

// Erasure is what became of an end user.
type Erasure struct {
	// Pseudonym is what the audit trail has in the place of the end user.
	Pseudonym string
	// Before is when the same end user was erased before; zero if they were not.
	Before time.Time
	// AuditRows are the rows that named the end user.
	AuditRows int
}
