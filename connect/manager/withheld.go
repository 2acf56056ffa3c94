package manager

import (
	"context"
	"errors"
	"fmt"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
)

// Withheld returns the fields of an app's credentials that a tenant is not told: the secrets of an OAuth client that is not its own, but
// that of all tenants.
func (m *Manager) Withheld(ctx context.Context, tenant, slug string) ([]string, error) {
	app, ok := m.o.Catalog.App(slug)
	if !ok {
		return nil, nil
	}
	var names []string
	if app.OAuth1 != nil {
		names = append(names, catalog.ConsumerSecret)
	}
	for _, f := range app.ClientFields() {
		if f.Secret {
			names = append(names, f.Name)
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	client, err := m.o.Clients(ctx, tenant, slug)
	switch {
	case errors.Is(err, connect.ErrNoOAuthClient):
		return nil, nil // they came with the connection
	case err != nil:
		return nil, fmt.Errorf("finding whose the oauth client for %s is: %w", slug, err)
	case client.Shared:
		return names, nil
	}
	return nil, nil
}
