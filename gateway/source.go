package gateway

import "github.com/vendgate/vendgate/vending"

// Source is a source of credentials under its name, with what the gateway must know of it.
type Source struct {
	vending.Source
	// Name is its name in the configuration.
	Name string

	takesKey    bool
	externalIDs bool
	tenants     []string
	// noter is the source again, if it wants to know of accepted credentials.
	noter vending.Noter
}

// NewSource asks s by its optional interfaces, and adds the retries that every source gets.
func NewSource(name string, s vending.Source) *Source {
	retrying := vending.WithRetry(s)
	source := &Source{
		Source: retrying, Name: name,
		takesKey: retrying.TakesCallerKey(), externalIDs: retrying.NamesUsersByExternalID(), tenants: retrying.Tenants(),
	}
	source.noter, _ = s.(vending.Noter)
	return source
}

// TakesCallerKey implements vending.KeyTaker.
func (s *Source) TakesCallerKey() bool { return s.takesKey }

// Tenants implements vending.TenantBound.
func (s *Source) Tenants() []string { return s.tenants }

var (
	_ vending.KeyTaker    = (*Source)(nil)
	_ vending.TenantBound = (*Source)(nil)
)
