package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
)

// RotateKey mints a second key for a tenant; both are live until PromoteKey. ErrTwoKeys means a
// rotation that was not finished, ErrTenantDisabled of a tenant whose new key would be as dead as
// its old one, ErrTenantUnknown of no tenant.
func (s *Store) RotateKey(ctx context.Context, id string) (key string, err error) {
	key, digest := connect.MintKey()
	err = s.changeTenants(ctx, "rotating a tenant key", func(tx *tx) error {
		live, _, newest, err := generations(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case live >= 2:
			return connect.ErrTwoKeys
		}
		return s.insertKey(ctx, tx, id, digest, newest+1)
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// retired begins the detail of KeyPromoted; a key's fingerprint follows.
const retired = "retired "

// PromoteKey retires the older of a tenant's two keys, and deletes what is stored of it. ErrOneKey
// tells of a tenant with one key only, ErrTenantDisabled of one without live keys, ErrTenantUnknown
// of no tenant.
func (s *Store) PromoteKey(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "promoting a tenant key", func(tx *tx) error {
		live, oldest, _, err := generations(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case live < 2:
			return connect.ErrOneKey
		}
		var digest []byte
		if err := tx.QueryRowContext(ctx, `DELETE FROM tenant_keys WHERE tenant = ? AND generation = ? RETURNING digest`, id,
			oldest).Scan(&digest); err != nil {
			return err
		}
		return s.record(ctx, tx,
			connect.AuditRow{Event: connect.KeyPromoted, Tenant: id, Detail: retired + connect.Fingerprint(digest)})
	})
}

// DisableTenant stops all keys of a tenant, those in the configuration too, and ends its caller
// keys for good; its connections stay. An unknown one is ErrTenantUnknown.
func (s *Store) DisableTenant(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "disabling a tenant", func(tx *tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE tenants SET disabled = 1 WHERE id = ?`, id)
		if err := changed(r, err, connect.ErrTenantUnknown); err != nil {
			return err
		}
		if err := s.record(ctx, tx, connect.AuditRow{Event: connect.TenantDisabled, Tenant: id}); err != nil {
			return err
		}
		var own conditions
		own.add("tenant = ?", id) // equal would take an empty one for any
		_, err = s.revokeCallerKeys(ctx, tx, own)
		return err
	})
}

// EnableTenant lets the keys of a disabled tenant work again; its caller keys are gone. With
// newKey, all that it had are deleted and the one that is returned takes their place.
// ErrTenantEnabled tells of a tenant that is not disabled, ErrTenantUnknown of no tenant.
func (s *Store) EnableTenant(ctx context.Context, id string, newKey bool) (key string, err error) {
	err = s.changeTenants(ctx, "enabling a tenant", func(tx *tx) error {
		switch _, _, newest, err := generations(ctx, tx, id); {
		case err == nil:
			return connect.ErrTenantEnabled
		case !errors.Is(err, connect.ErrTenantDisabled):
			return err
		default:
			if _, err := tx.ExecContext(ctx, `UPDATE tenants SET disabled = 0 WHERE id = ?`, id); err != nil {
				return err
			}
			if err := s.record(ctx, tx, connect.AuditRow{Event: connect.TenantEnabled, Tenant: id}); err != nil || !newKey {
				return err
			}
			if err := s.retireAll(ctx, tx, id); err != nil {
				return err
			}
			var digest [sha256.Size]byte
			key, digest = connect.MintKey()
			return s.insertKey(ctx, tx, id, digest, newest+1)
		}
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// retireAll deletes the keys of a tenant. Each is on record, so that a restore can end it again.
func (s *Store) retireAll(ctx context.Context, tx *tx, id string) error {
	var prints []string
	if err := eachKey(ctx, tx, id, func(_ string, digest []byte, _ time.Time) {
		prints = append(prints, connect.Fingerprint(digest))
	}); err != nil {
		return err
	}
	if _, err := deleteOwn(ctx, tx, `DELETE FROM tenant_keys WHERE tenant = ?`, id); err != nil {
		return err
	}
	for _, print := range prints {
		if err := s.record(ctx, tx,
			connect.AuditRow{Event: connect.KeyPromoted, Tenant: id, Detail: retired + print}); err != nil {
			return err
		}
	}
	return nil
}

// generations counts the keys of a tenant that is not disabled. They are ordered by generation and
// not by time, which may stop or go back.
func generations(ctx context.Context, tx *tx, id string) (live int, oldest, newest int64, err error) {
	var disabled bool
	err = tx.QueryRowContext(ctx, `SELECT t.disabled, count(k.digest),
		coalesce(min(k.generation), 0), coalesce(max(k.generation), 0)
		FROM tenants t LEFT JOIN tenant_keys k ON k.tenant = t.id WHERE t.id = ? GROUP BY t.id`, id).
		Scan(&disabled, &live, &oldest, &newest)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = connect.ErrTenantUnknown
	case err == nil && disabled:
		err = connect.ErrTenantDisabled
	}
	return live, oldest, newest, err
}

func (s *Store) insertKey(ctx context.Context, tx *tx, tenant string, digest [sha256.Size]byte,
	generation int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tenant_keys (digest, tenant, generation, created_at) VALUES (?, ?, ?, ?)`,
		digest[:], tenant, generation, s.now().UnixMilli())
	if err != nil {
		return fmt.Errorf("storing the key's digest: %w", err)
	}
	return s.record(ctx, tx,
		connect.AuditRow{Event: connect.KeyMinted, Tenant: tenant, Detail: connect.Fingerprint(digest[:])})
}

const keyColumns = `SELECT tenant, digest, created_at FROM tenant_keys`

// eachKey calls f with every key of a tenant, or of all where id is empty; those of one tenant
// older first.
func eachKey(ctx context.Context, tx *tx, id string,
	f func(tenant string, digest []byte, created time.Time)) (err error) {
	var where conditions
	where.equal("tenant", id)
	clause, args := where.where()
	rows, err := tx.QueryContext(ctx, keyColumns+clause+` ORDER BY tenant, generation`, args...)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var tenant string
		var digest []byte
		var created int64
		if err := rows.Scan(&tenant, &digest, &created); err != nil {
			return err
		}
		f(tenant, digest, time.UnixMilli(created).UTC())
	}
	return rows.Err()
}

var _ policy.KeyStore = (*Store)(nil)

const tenantsVersionQuery = `SELECT value FROM meta WHERE name = 'tenants_version'`

// TenantsVersion returns a counter that goes up with every change to a tenant, its keys or its
// caller keys, by any process. It costs one row by primary key, so it may be asked every second.
func (s *Store) TenantsVersion(ctx context.Context) (version int64, err error) {
	if err := s.queryRow(ctx, tenantsVersionQuery).Scan(&version); err != nil {
		return 0, fmt.Errorf("reading the tenants' version: %w", err)
	}
	// A question that waited for a lost server may have its answer before the server is found again:
	// the next one would fail, so this is not its return yet.
	if err := s.Available(); err != nil {
		return 0, fmt.Errorf("reading the tenants' version: %w", err)
	}
	return version, nil
}

// TenantKeys returns all tenants with their live keys, of which a disabled one has none, and all
// caller keys that have not ended, as of one version. It reads no column that it does not return:
// each gateway calls it after every change of a tenant or a key, of which there may be thousands.
func (s *Store) TenantKeys(ctx context.Context) (stored policy.Stored, err error) {
	stored.Callers = make(map[policy.Digest]*policy.CallerKey)
	err = s.view(ctx, "reading tenant keys", func(tx *tx) error {
		if err := tx.QueryRowContext(ctx, tenantsVersionQuery).Scan(&stored.Version); err != nil {
			return err
		}
		var err error
		if stored.Tenants, err = storedTenants(ctx, tx); err != nil {
			return err
		}
		if err := addKeys(ctx, tx, stored.Tenants); err != nil {
			return err
		}
		return s.eachCallerKey(ctx, tx, conditions{}, anyOrder, func(d connect.Digest, k connect.CallerKey) {
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

// storedTenants reads all tenants, without their keys.
func storedTenants(ctx context.Context, tx *tx) (tenants []policy.StoredTenant, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, capabilities, disabled, source FROM tenants ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var t policy.StoredTenant
		var granted string
		if err := rows.Scan(&t.ID, &granted, &t.Disabled, &t.Source); err != nil {
			return nil, err
		}
		if t.Capabilities, err = policy.ParseCapabilities(strings.Fields(granted)); err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.ID, err)
		}
		tenants = append(tenants, t)
	}
	return tenants, rows.Err()
}

// addKeys gives each tenant that is not disabled its keys.
func addKeys(ctx context.Context, tx *tx, tenants []policy.StoredTenant) (err error) {
	byID := make(map[string]*policy.StoredTenant, len(tenants))
	for i := range tenants {
		byID[tenants[i].ID] = &tenants[i]
	}
	rows, err := tx.QueryContext(ctx, `SELECT tenant, digest FROM tenant_keys ORDER BY tenant, generation`)
	if err != nil {
		return err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var tenant, digest sql.RawBytes
		if err := rows.Scan(&tenant, &digest); err != nil {
			return err
		}
		// one of no tenant, which only a tool with foreign keys off can leave behind, admits no one
		if t := byID[string(tenant)]; t != nil && !t.Disabled {
			t.Keys = append(t.Keys, policy.Digest(digest))
		}
	}
	return rows.Err()
}
