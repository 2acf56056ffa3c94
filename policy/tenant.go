package policy

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// Capability is something a tenant key may be granted.
type Capability string

// The capabilities of the Platform API.
const (
	CapApps        Capability = "apps"
	CapConnections Capability = "connections"
	CapToken       Capability = "token"
	CapDelete      Capability = "delete"
)

// AllCapabilities are what a tenant has that names none.
var AllCapabilities = []Capability{CapApps, CapConnections, CapToken, CapDelete}

// ParseCapabilities reads capability names.
func ParseCapabilities(names []string) ([]Capability, error) {
	var caps []Capability
	for _, name := range names {
		c := Capability(name)
		if !slices.Contains(AllCapabilities, c) {
			return nil, fmt.Errorf("capability %q: write any of apps, connections, token, delete", name)
		}
		if !slices.Contains(caps, c) {
			caps = append(caps, c)
		}
	}
	return caps, nil
}

// Tenant is the integrating product and what it may do.
type Tenant struct {
	// ID names the tenant: `[a-z0-9][a-z0-9_-]{0,62}`.
	ID string
	// Source names the source its credentials come from.
	Source string
	// Capabilities are what its keys may do.
	Capabilities []Capability
	// Apps are the slugs it may call; nil means every app.
	Apps []string
	// Rules narrow that by method and path.
	Rules Rules
	// MaxBody bounds a request body, in bytes; 0 means no bound.
	MaxBody int64
	// MaxInFlight bounds the requests in flight; 0 means no bound.
	MaxInFlight int64
	// Budgets bound what it spends.
	Budgets Budgets
	// Usage is what it has spent so far.
	Usage *Usage
	// Unverified says that only the source can verify the key: the tenant is known by the key's
	// digest, and its usage is that of all unverified tenants together.
	Unverified bool
}

// UnverifiedTenants names the usage of all unverified tenants; no tenant can have that id.
const UnverifiedTenants = "*"

// Budgets are the budgets of one tenant.
type Budgets struct {
	// Token is spent by each vend, API by every other call to the connection manager.
	Token, API Budget
	// Connection bounds each of the tenant's connections by itself; 0 means no such bound.
	Connection Budget
	// Apps bounds all calls of the tenant to one app, by slug.
	Apps map[string]Budget
}

// Can reports whether the tenant has capability c.
func (t *Tenant) Can(c Capability) bool { return slices.Contains(t.Capabilities, c) }

// MayCall reports whether the tenant may call app at all.
func (t *Tenant) MayCall(app string) bool { return t.Apps == nil || slices.Contains(t.Apps, app) }

// BudgetInFlight is what the bound of requests in flight is called among the names of budgets.
const BudgetInFlight = "in_flight"

// Enter counts a request in flight, or refuses it if there are MaxInFlight already. What entered
// must leave, by [Usage.Leave].
func (t *Tenant) Enter() error {
	if t.Usage.Enter(t.MaxInFlight) {
		return nil
	}
	t.Usage.RefusedTokens.Add(time.Now())
	return &vending.Error{Code: vending.RateLimited, Origin: vending.FromGateway,
		Message: "too many requests of this tenant are in flight", RetryAfter: time.Second}
}

// Refuse counts a refusal for a budget that has nothing left, and returns its error.
func (t *Tenant) Refuse(s Spent) error {
	refused := &t.Usage.RefusedTokens
	if s.Budget == "api" {
		refused = &t.Usage.RefusedCalls
	}
	refused.Add(time.Now())
	return &vending.Error{
		Code: vending.RateLimited, Origin: vending.FromGateway, RetryAfter: s.Wait,
		Message: s.message(),
	}
}

// CheckTenantID reports what is wrong with a tenant's id.
func CheckTenantID(id string) error {
	ok := len(id) > 0 && len(id) <= 63 && id[0] != '-' && id[0] != '_'
	if !ok || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" {
		return fmt.Errorf("tenant id %q: write 1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit", id)
	}
	return nil
}

// Usage is what a tenant has spent and has under way. It outlives a reload of the configuration.
type Usage struct {
	token, api *Bucket // of [Memory]
	// RefusedTokens and RefusedCalls count what was refused for want of either budget; of tokens, also
	// what the narrower budgets and the bound of requests in flight refused.
	RefusedTokens, RefusedCalls MinuteCounts

	inFlight atomic.Int64
}

// Enter counts one more request in flight, unless there are limit already; 0 means no bound. Each
// Enter that returned true needs a Leave.
func (u *Usage) Enter(limit int64) bool {
	for {
		n := u.inFlight.Load()
		if limit > 0 && n >= limit {
			return false
		}
		// Counting first and taking back would let one refusal cause another.
		if u.inFlight.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// Leave ends what Enter began.
func (u *Usage) Leave() { u.inFlight.Add(-1) }

// InFlight returns how many requests of the tenant are in flight.
func (u *Usage) InFlight() int64 { return u.inFlight.Load() }
