package caddymodule

import (
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// brand is how the tenant appears on the hosted pages.
func (t *Tenant) brand() connect.Brand {
	return connect.Brand{Name: t.DisplayName, LogoURL: t.LogoURL, Accent: t.Accent, FrameAncestors: t.FrameAncestors,
		UserHint: t.UserHint, Unconfirmed: t.Unconfirmed}
}

// checkBrand reports the first mistake in how the tenant appears, under the option's name, and
// brings the rest into the form in which the store keeps it.
func (t *Tenant) checkBrand() error {
	if t.Email != "" {
		email, err := policy.ParseUser([]string{t.Email})
		if err != nil {
			return errors.New("email: write one bare address, like dev@acme.example")
		}
		t.Email = email
	}
	b := t.brand()
	if err := connect.CheckBrand(&b); err != nil {
		var invalid *connect.BrandError
		if errors.As(err, &invalid) && invalid.Field == "name" {
			return errors.New("display_name: " + invalid.Advice)
		}
		return errors.New(vending.AsError(err).Text())
	}
	t.DisplayName, t.Accent, t.UserHint = b.Name, b.Accent, b.UserHint
	return nil
}

// checkBrands is checkBrand for every tenant.
func (a *App) checkBrands() error {
	for i := range a.Tenants {
		t := &a.Tenants[i]
		if err := t.checkBrand(); err != nil {
			return at(t.DefinedAt, fmt.Errorf("tenant %s: %w", t.ID, err))
		}
	}
	return nil
}
