package connect

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// ErrNoCallerKey says that there is no caller key of that id, or that it has ended.
var ErrNoCallerKey = errors.New(
	"there is no such caller key; it may have been revoked, have expired, or have been deleted with its connection")

// CallerKey is what is known of a caller key.
type CallerKey struct {
	// ID is "ckey_" and 64 random bits. It is public.
	ID string
	// Name is what the operator calls it; it may be empty.
	Name string
	// Tenant, User and Connection are what the key acts for.
	Tenant, User, Connection string
	// Apps, Methods and Paths are what it may call; nil means no bound but the tenant's.
	Apps, Methods, Paths []string
	// Budget bounds its vends a minute; 0 means that only the tenant's budgets do.
	Budget int
	// Errors is `passthrough` for a key whose calls get providers' errors as they are, scrubbed;
	// empty means that they are mapped, unless the app or the handler says otherwise.
	Errors string
	// CreatedAt and ExpiresAt are in UTC, to the millisecond; a key without ExpiresAt does not expire.
	CreatedAt, ExpiresAt time.Time
}

// The bounds of a caller key, in numbers and in bytes.
const (
	MaxCallerList = 50
	maxCallerPath = 500
	maxCallerUser = 254
)

// CallerKeyIDPrefix is how every caller key's id begins.
const CallerKeyIDPrefix = "ckey_"

// MintCallerKey makes a caller key: "ck_" and 256 random bits in 43 digits of base62. digest is the
// SHA-256 of the whole key.
func MintCallerKey() (key vending.Secret, digest Digest) {
	text := policy.CallerKeyPrefix + randomBase62(32, tenantKeyDigits)
	return vending.NewSecret(text), DigestOf(text)
}

// Check reports what is wrong with a new key.
func (k *CallerKey) Check() error {
	if err := CheckTenantID(k.Tenant); err != nil {
		return err
	}
	switch {
	case k.Connection == "" || !IsPlain(k.Connection, policy.MaxConnectionLen):
		return Invalid(fmt.Sprintf("connection: must be 1 to %d bytes of text without control characters",
			policy.MaxConnectionLen))
	case !IsPlain(k.User, maxCallerUser):
		return Invalid(fmt.Sprintf("user: must be at most %d bytes of text without control characters", maxCallerUser))
	case !IsPlain(k.Name, maxNameLen):
		return Invalid(fmt.Sprintf("name: must be at most %d bytes of text without control characters", maxNameLen))
	case k.Budget < 0:
		return Invalid("budget: must be a positive number of units a minute; 0 means no bound of its own")
	case k.Errors != "" && k.Errors != policy.Passthrough:
		return Invalid("errors: write passthrough, or leave it out to have providers' errors mapped")
	case !k.ExpiresAt.IsZero() && !k.ExpiresAt.After(k.CreatedAt):
		return Invalid("expires: must be in the future")
	case isEmptyList(k.Apps) || isEmptyList(k.Methods) || isEmptyList(k.Paths):
		return Invalid("apps, methods, paths: must not be empty lists; what is left out has no bound but the tenant's")
	case max(len(k.Apps), len(k.Methods), len(k.Paths)) > MaxCallerList:
		return Invalid(fmt.Sprintf("apps, methods, paths: write at most %d of each", MaxCallerList))
	case !all(k.Paths, func(p string) bool { return p != "" && IsPlain(p, maxCallerPath) }):
		return Invalid(fmt.Sprintf("paths: each must be 1 to %d bytes of text without control characters", maxCallerPath))
	case !all(k.Methods, func(m string) bool { return strings.Trim(m, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == "" }):
		return Invalid("methods: write them in upper case, like GET")
	}
	for _, app := range k.Apps {
		if err := checkSlug("apps", app); err != nil {
			return err
		}
	}
	for _, r := range policy.RulesFor(k.Methods, k.Paths) {
		if err := r.Check(); err != nil {
			return Invalid(err.Error())
		}
	}
	return nil
}

// isEmptyList tells a list that was given, and is empty, from one that was left out.
func isEmptyList(values []string) bool { return values != nil && len(values) == 0 }

func all(values []string, ok func(string) bool) bool {
	return !slices.ContainsFunc(values, func(v string) bool { return !ok(v) })
}

// AuditRow is the audit row of an event that concerns the key.
func (k *CallerKey) AuditRow(e Event) AuditRow {
	return AuditRow{Event: e, Tenant: k.Tenant, Connection: k.Connection, User: k.User,
		Detail: strings.TrimSpace(k.ID + " " + k.Name)}
}
