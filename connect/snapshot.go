package connect

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"
)

// Snapshot is all tenants, live keys and caller keys at one moment.
type Snapshot struct {
	// Version is that of TenantsVersion.
	Version int64
	// Keys maps the digest of each live key to its tenant's id; a disabled tenant has none.
	Keys map[[sha256.Size]byte]string
	// Tenants are all tenants by id, the disabled ones too.
	Tenants map[string]Tenant
	// Callers are the caller keys that have not ended, by digest, whoever's they are.
	Callers map[Digest]CallerKey
}

const tenantsVersionQuery = `SELECT value FROM meta WHERE name = 'tenants_version'`

// TenantsVersion returns a counter that goes up with every change to a tenant, its keys or its
// caller keys, by any process. It costs one row by primary key, so it may be asked every second.
func (s *Store) TenantsVersion(ctx context.Context) (version int64, err error) {
	if err := s.pool.QueryRowContext(ctx, tenantsVersionQuery).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the tenants' version: %w", err)
	}
	return version, nil
}

// TenantKeys returns all tenants, live keys and caller keys, as of one version.
func (s *Store) TenantKeys(ctx context.Context) (Snapshot, error) {
	snap := Snapshot{Keys: make(map[[sha256.Size]byte]string), Tenants: make(map[string]Tenant),
		Callers: make(map[Digest]CallerKey)}
	err := s.view(ctx, "reading tenant keys", func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, tenantsVersionQuery).Scan(&snap.Version); err != nil {
			return err
		}
		tenants, err := listTenants(ctx, tx, "")
		if err != nil {
			return err
		}
		for _, t := range tenants {
			snap.Tenants[t.ID] = t
		}
		if err := eachKey(ctx, tx, "", snap.add); err != nil {
			return err
		}
		return s.eachCallerKey(ctx, tx, conditions{}, func(d Digest, k CallerKey) { snap.Callers[d] = k })
	})
	if err != nil {
		return Snapshot{}, err
	}
	return snap, nil
}

func (s *Snapshot) add(tenant string, digest []byte, created time.Time) {
	t := s.Tenants[tenant]
	t.Keys = append(t.Keys, KeyInfo{fingerprint(digest), created})
	s.Tenants[tenant] = t
	if !t.Disabled {
		s.Keys[[sha256.Size]byte(digest)] = tenant
	}
}
