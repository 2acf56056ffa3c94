package connect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// What an operator may ask that cannot be done. Nothing is changed.
var (
	ErrTenantUnknown   = errors.New("there is no such tenant")
	ErrTenantExists    = errors.New("a tenant of that id exists already: choose another id")
	ErrTenantDisabled  = errors.New("the tenant is disabled, and no key of it works: enable it first")
	ErrTenantEnabled   = errors.New("the tenant is not disabled")
	ErrTenantConnected = errors.New(
		"the tenant has connections: delete them first, or run `vendgate tenant delete --with-connections`")
	ErrTwoKeys = errors.New("the tenant has two live keys already; promote the newer one first")
	ErrOneKey  = errors.New("the tenant has one live key only; rotate first")
)

// maxSourceName bounds the name of a source, in bytes.
const maxSourceName = 100

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
	// Source names the source that vends for the tenant where the configuration's entry for it does
	// not; empty means the configuration's default.
	Source string
	// Disabled says that none of its keys is live.
	Disabled bool
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
	// Keys are its one or two keys, older first.
	Keys []KeyInfo
}

// TenantChange says what of a tenant changes; nil leaves a value as it is.
type TenantChange struct {
	// Email and Capabilities are as in [Tenant].
	Email        *string
	Capabilities []string
	// Source is a source's name, or empty for the configuration's default.
	Source *string
}

// KeyInfo is what is shown of a tenant key.
type KeyInfo struct {
	// Fingerprint is the first 12 hex digits of the key's SHA-256.
	Fingerprint string
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
}

// NormalCapabilities orders names as policy.AllCapabilities are, without duplicates; nil means all.
// An empty list was stated, and cannot have meant that.
func NormalCapabilities(names []string) (granted []string, err error) {
	if isEmptyList(names) {
		return nil, Invalid("capabilities: must be any of apps, connections, token, delete, or left out for all")
	}
	parsed, err := policy.ParseCapabilities(names)
	if err != nil {
		return nil, Invalid(err.Error())
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

// CheckSourceName refuses what no configuration could call a source.
func CheckSourceName(name string) error {
	if !IsPlain(name, maxSourceName) || strings.ContainsAny(name, " \t") {
		return Invalid(fmt.Sprintf("source: must be a source's name, of at most %d bytes without spaces", maxSourceName))
	}
	return nil
}

// ColumnChange is one column of a tenant's row that changes.
type ColumnChange struct{ Column, Value string }

// Columns checks c and returns what it changes, in the form in which it is stored.
func (c TenantChange) Columns() (changes []ColumnChange, err error) {
	if c.Email != nil {
		email, err := ParseEmail(*c.Email)
		if err != nil {
			return nil, err
		}
		changes = append(changes, ColumnChange{"email", email})
	}
	if c.Capabilities != nil {
		granted, err := NormalCapabilities(c.Capabilities)
		if err != nil {
			return nil, err
		}
		changes = append(changes, ColumnChange{"capabilities", strings.Join(granted, " ")})
	}
	if c.Source != nil {
		if err := CheckSourceName(*c.Source); err != nil {
			return nil, err
		}
		changes = append(changes, ColumnChange{"source", *c.Source})
	}
	if len(changes) == 0 {
		return nil, Invalid("name at least one of email, capabilities and source")
	}
	return changes, nil
}
