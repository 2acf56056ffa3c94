package connect

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/policy"
)

var _ policy.KeyStore = (*Store)(nil)

const tenantsVersionQuery = `SELECT value FROM meta WHERE name = 'tenants_version'`

// TenantsVersion returns a counter that goes up with every change to a tenant, its keys or its
// caller keys, by any process. It costs one row by primary key, so it may be asked every second.
func (s *Store) TenantsVersion(ctx context.Context) (version int64, err error) {
	if err := s.pool.QueryRowContext(ctx, tenantsVersionQuery).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the tenants' version: %w", err)
	}
	return version, nil
}

// TenantKeys returns all tenants with their live keys, of which a disabled one has none, and all
// caller keys that have not ended, as of one version.
func (s *Store) TenantKeys(ctx context.Context) (stored policy.Stored, err error) {
	stored.Callers = make(map[policy.Digest]*policy.CallerKey)
	err = s.view(ctx, "reading tenant keys", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, tenantsVersionQuery).Scan(&stored.Version); err != nil {
			return err
		}
		tenants, err := listTenants(ctx, tx, "")
		if err != nil {
			return err
		}
		byID := make(map[string]*policy.StoredTenant, len(tenants))
		stored.Tenants = make([]policy.StoredTenant, len(tenants))
		for i, t := range tenants {
			granted, err := policy.ParseCapabilities(t.Capabilities)
			if err != nil {
				return fmt.Errorf("tenant %s: %w", t.ID, err)
			}
			stored.Tenants[i] = policy.StoredTenant{ID: t.ID, Capabilities: granted, Disabled: t.Disabled}
			byID[t.ID] = &stored.Tenants[i]
		}
		if err := eachKey(ctx, tx, "", func(tenant string, digest []byte, _ time.Time) {
			if t := byID[tenant]; !t.Disabled {
				t.Keys = append(t.Keys, policy.Digest(digest))
			}
		}); err != nil {
			return err
		}
		return s.eachCallerKey(ctx, tx, conditions{}, func(d Digest, k CallerKey) {
			stored.Callers[policy.Digest(d)] = &policy.CallerKey{
				ID: k.ID, Tenant: k.Tenant, User: k.User, Connection: k.Connection, Apps: k.Apps,
				Rules: policy.RulesFor(k.Methods, k.Paths), Budget: policy.Budget(k.Budget),
				Passthrough: k.Errors == policy.Passthrough, Expires: k.ExpiresAt,
			}
		})
	})
	if err != nil {
		return policy.Stored{}, err
	}
	return stored, nil
}
