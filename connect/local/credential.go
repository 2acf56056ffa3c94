package local

import (
	"context"
	"slices"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// credential is what calls with h place. What comes with the OAuth client is read each time, by
// apps that have such: it is the client's of today.
func (s *Source) credential(ctx context.Context, h connectionGrant) (vending.Credential, error) {
	c, err := s.newCredential(ctx, h)
	if err == nil && h.flaggedByCalls() {
		c = c.Doubting()
	}
	return c, err
}

// newCredential is credential without its flag.
func (s *Source) newCredential(ctx context.Context, h connectionGrant) (vending.Credential, error) {
	if h.AuthType != vending.OAuth {
		return vending.NewFields(h.App, h.AuthType, h.values.Fields).Naming(h.values.SiteNames), nil
	}
	fields := h.vendable()
	var withheld, configured []string
	if h.takesClient() {
		client, err := s.client(ctx, h)
		if err != nil {
			return vending.Credential{}, err
		}
		given := client.FieldsOf(h.app)
		if client.Shared {
			withheld = h.secretsOf(given, fields)
		}
		fields, configured = joined(fields, given), h.app.AddressFields()
	}
	return vending.NewOAuth(h.App, h.values.AccessToken, h.values.TokenType, h.values.Expiry, fields...).
		Withholding(withheld...).Configured(configured...).Naming(h.values.SiteNames), nil
}

// secretsOf names the secrets among what a client gives and fields do not have.
func (h *connectionGrant) secretsOf(given, fields []vending.Field) (names []string) {
	for _, f := range given {
		declared := slices.ContainsFunc(h.app.Fields, func(c catalog.Field) bool { return c.Name == f.Name && c.Secret })
		if (declared || f.Name == catalog.ConsumerSecret) && !holds(fields, f.Name) {
			names = append(names, f.Name)
		}
	}
	return names
}

// takesClient reports whether calls place something of the OAuth client. A token of OAuth 1 that
// was imported may have come with the client that obtained it.
func (h *connectionGrant) takesClient() bool {
	return len(h.app.ClientFields()) > 0 || h.app.OAuth1 != nil && !holds(h.values.Fields, catalog.ConsumerSecret)
}

func holds(fields []vending.Field, name string) bool {
	return slices.ContainsFunc(fields, func(f vending.Field) bool { return f.Name == name })
}

// joined returns fields and those of more that they lack.
func joined(fields, more []vending.Field) []vending.Field {
	all := slices.Clone(fields)
	for _, f := range more {
		if !holds(fields, f.Name) {
			all = append(all, f)
		}
	}
	return all
}

// vendable are the fields that go with the token. The OAuth client is for the token endpoint alone,
// and what an entry of the catalog takes from it today may once have been asked for.
func (h *connectionGrant) vendable() []vending.Field {
	others := func(f vending.Field) bool {
		return h.app.OwnsClient(f.Name) || slices.ContainsFunc(h.app.ClientFields(), func(c catalog.Field) bool {
			return c.Name == f.Name
		})
	}
	if !slices.ContainsFunc(h.values.Fields, others) {
		return h.values.Fields
	}
	return slices.DeleteFunc(slices.Clone(h.values.Fields), others)
}
