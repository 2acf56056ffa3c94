package caddymodule

import (
	"context"

	"github.com/vendgate/vendgate/vending"
)

// describedSource answers the optional interfaces of a source from the configuration of its module.
type describedSource struct {
	vending.Source
	module SourceModule
}

// TakesCallerKey implements vending.KeyTaker.
func (s describedSource) TakesCallerKey() bool {
	k, ok := s.module.(vending.KeyTaker)
	return ok && k.TakesCallerKey()
}

// NamesUsersByExternalID implements vending.ExternalUsers.
func (s describedSource) NamesUsersByExternalID() bool {
	p, ok := s.module.(*PipedreamSource)
	return ok && p.externalIDs()
}

// Tenants implements vending.TenantBound.
func (s describedSource) Tenants() []string {
	if p, ok := s.module.(*PipedreamSource); ok {
		return p.Tenants
	}
	return nil
}

// Accepted implements vending.Noter.
func (s describedSource) Accepted(ctx context.Context, r vending.Request, c vending.Credential) {
	if n, ok := s.Source.(vending.Noter); ok {
		n.Accepted(ctx, r, c)
	}
}
