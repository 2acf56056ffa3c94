package connect

import (
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// What an operator may ask that cannot be done. Nothing is changed.
var (
	ErrTenantUnknown  = errors.New("there is no such tenant")
	ErrTenantExists   = errors.New("a tenant of that id exists already: choose another id")
	ErrTenantDisabled = errors.New(
		"the tenant is disabled for good, and no key of it can be used again: create another tenant")
	ErrTwoKeys = errors.New("the tenant has two live keys already; promote the newer one first")
	ErrOneKey  = errors.New("the tenant has one live key only; rotate first")
)

// Tenant is the integrating product as the store knows it.
type Tenant struct {
	// ID is `[a-z0-9][a-z0-9_-]{0,62}`.
	ID string
	// Email is the requester's address on the hosted link, and the tenant's own account under the MCP
	// URL.
	Email string
	// Brand is what end users are shown next to the address.
	Brand Brand
	// Capabilities are any of apps, connections, token and delete.
	Capabilities []string
	// Disabled says that none of its keys is live.
	Disabled bool
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
	// Keys are its one or two keys, older first.
	Keys []KeyInfo
}

// KeyInfo is what is shown of a tenant key.
type KeyInfo struct {
	// Fingerprint is the first 12 hex digits of the key's SHA-256.
	Fingerprint string
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
}

// normalCapabilities orders names as policy.AllCapabilities are, without duplicates; nil means all.
// An empty list was stated, and cannot have meant that.
func normalCapabilities(names []string) (granted []string, err error) {
	if isEmptyList(names) {
		return nil, invalid("capabilities: must be any of apps, connections, token, delete, or left out for all")
	}
	parsed, err := policy.ParseCapabilities(names)
	if err != nil {
		return nil, invalid(err.Error())
	}
	for _, c := range policy.AllCapabilities {
		if len(parsed) == 0 || slices.Contains(parsed, c) {
			granted = append(granted, string(c))
		}
	}
	return granted, nil
}

// MintKey makes a tenant key: "pk_live_" and 256 random bits in 43 digits of base62. digest is the
// SHA-256 of the whole key and all that may ever be stored of it.
func MintKey() (key string, digest [sha256.Size]byte) {
	key = policy.KeyPrefix + randomBase62(32, tenantKeyDigits)
	return key, sha256.Sum256([]byte(key))
}
