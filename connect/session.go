package connect

import (
	"errors"
	"time"
)

// SessionLifetime is how long the dashboard stays signed in.
const SessionLifetime = 8 * time.Hour

// ErrNoSession says that there is no session of that cookie, or that it has ended.
var ErrNoSession = errors.New("there is no such session")

// Session is a sign-in to the dashboard by a tenant key. It holds as long as the key does:
// its reader must look the key up.
type Session struct {
	Tenant string
	// Key is the digest of the tenant key.
	Key Digest
}
