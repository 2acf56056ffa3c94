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
	source := &Source{Source: vending.WithRetry(s), Name: name}
	if k, ok := s.(vending.KeyTaker); ok {
		source.takesKey = k.TakesCallerKey()
	}
	if e, ok := s.(vending.ExternalUsers); ok {
		source.externalIDs = e.NamesUsersByExternalID()
	}
	if b, ok := s.(vending.TenantBound); ok {
		source.tenants = b.Tenants()
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
