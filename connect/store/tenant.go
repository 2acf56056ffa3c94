package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store/pgserver"
	"github.com/vendgate/vendgate/vending"
)

// CreateTenant makes a tenant of t's ID, Email, Capabilities (nil means all) and Source, and mints
// its key, which cannot be shown again. The id taken is ErrTenantExists; anything wrong with t is a
// *vending.Error with `invalid_request` or `invalid_user_email`.
func (s *Store) CreateTenant(ctx context.Context, t connect.Tenant) (key string, err error) {
	if err := connect.CheckTenantID(t.ID); err != nil {
		return "", err
	}
	email, err := connect.ParseEmail(t.Email)
	if err != nil {
		return "", err
	}
	granted, err := connect.NormalCapabilities(t.Capabilities)
	if err != nil {
		return "", err
	}
	if err := t.Brand.Normalize(); err != nil {
		return "", err
	}
	if err := connect.CheckSourceName(t.Source); err != nil {
		return "", err
	}
	key, digest := connect.MintKey()
	err = s.changeTenants(ctx, "creating a tenant", func(tx *tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO tenants (id, email, capabilities, created_at, name, logo_url,
			accent, frame_ancestors, user_hint, unconfirmed, source)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			t.ID, email, strings.Join(granted, " "), s.now().UnixMilli(),
			t.Brand.Name, t.Brand.LogoURL, t.Brand.Accent, strings.Join(t.Brand.FrameAncestors, " "), t.Brand.UserHint,
			t.Brand.Unconfirmed, t.Source)
		if err := changed(r, err, connect.ErrTenantExists); err != nil {
			return err
		}
		if err := s.record(ctx, tx, connect.AuditRow{Event: connect.TenantCreated, Tenant: t.ID}); err != nil {
			return err
		}
		return s.insertKey(ctx, tx, t.ID, digest, 1)
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// Tenants returns all tenants, ordered by id.
func (s *Store) Tenants(ctx context.Context) (tenants []connect.Tenant, err error) {
	err = s.view(ctx, "listing tenants", func(tx *tx) error {
		if tenants, err = listTenants(ctx, tx, ""); err != nil {
			return err
		}
		return eachKey(ctx, tx, "", func(tenant string, digest []byte, created time.Time) {
			i, ok := slices.BinarySearchFunc(tenants, tenant, func(t connect.Tenant, id string) int {
				return strings.Compare(t.ID, id)
			})
			if ok {
				tenants[i].Keys = append(tenants[i].Keys,
					connect.KeyInfo{Fingerprint: connect.Fingerprint(digest), CreatedAt: created})
			}
		})
	})
	return tenants, err
}

// Tenant returns one tenant. An unknown one is ErrTenantUnknown.
func (s *Store) Tenant(ctx context.Context, id string) (t connect.Tenant, err error) {
	err = s.view(ctx, "reading a tenant", func(tx *tx) error {
		tenants, err := listTenants(ctx, tx, id)
		if err != nil {
			return err
		}
		if id == "" || len(tenants) == 0 {
			return connect.ErrTenantUnknown
		}
		t = tenants[0]
		return eachKey(ctx, tx, id, func(_ string, digest []byte, created time.Time) {
			t.Keys = append(t.Keys, connect.KeyInfo{Fingerprint: connect.Fingerprint(digest), CreatedAt: created})
		})
	})
	return t, err
}

const tenantColumns = `SELECT id, email, capabilities, disabled, created_at, name, logo_url, accent, frame_ancestors,
	user_hint, unconfirmed, source FROM tenants`

// listTenants reads one tenant, or all where id is empty.
func listTenants(ctx context.Context, tx *tx, id string) (tenants []connect.Tenant, err error) {
	var where conditions
	where.equal("id", id)
	clause, args := where.where()
	rows, err := tx.QueryContext(ctx, tenantColumns+clause+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var t connect.Tenant
		var granted, ancestors string
		var created int64
		if err := rows.Scan(&t.ID, &t.Email, &granted, &t.Disabled, &created,
			&t.Brand.Name, &t.Brand.LogoURL, &t.Brand.Accent, &ancestors, &t.Brand.UserHint, &t.Brand.Unconfirmed,
			&t.Source); err != nil {
			return nil, err
		}
		t.Capabilities, t.CreatedAt = strings.Fields(granted), time.UnixMilli(created).UTC()
		if ancestors != "" {
			t.Brand.FrameAncestors = strings.Fields(ancestors)
		}
		tenants = append(tenants, t)
	}
	return tenants, rows.Err()
}

// changeTenants runs f and, in the same transaction, bumps the version that other processes watch.
func (s *Store) changeTenants(ctx context.Context, doing string, f func(*tx) error) error {
	return s.update(ctx, doing, func(tx *tx) error {
		if err := tx.lock(ctx, tenantsLock); err != nil {
			return err
		}
		if err := f(tx); err != nil {
			return err
		}
		return countChange(ctx, tx)
	})
}

// tenantsLock is held by all who change tenants and keys. They are rare, and rely on what they have
// read: how many keys a tenant has, say.
const tenantsLock = "tenants"

// countChange comes last in a transaction: others wait for the row until its end.
func countChange(ctx context.Context, tx *tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE meta SET value = value + 1 WHERE name = 'tenants_version'`)
	if err == nil {
		err = tx.ifShared(ctx, pgserver.AnnounceQuery)
	}
	if err != nil {
		return fmt.Errorf("counting the change: %w", err)
	}
	tx.announces = true
	return nil
}

// SetBrand changes how a tenant appears. An unknown one is ErrTenantUnknown; what is wrong with b
// is a *vending.Error with `invalid_request`.
func (s *Store) SetBrand(ctx context.Context, tenant string, b connect.Brand) error {
	if err := b.Normalize(); err != nil {
		return err
	}
	return s.changeTenants(ctx, "changing a tenant", func(tx *tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE tenants SET name = ?, logo_url = ?, accent = ?, frame_ancestors = ?,
			user_hint = ?, unconfirmed = ? WHERE id = ?`,
			b.Name, b.LogoURL, b.Accent, strings.Join(b.FrameAncestors, " "), b.UserHint, b.Unconfirmed, tenant)
		if err := changed(r, err, connect.ErrTenantUnknown); err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRow{Event: connect.TenantChanged, Tenant: tenant})
	})
}

// ChangeTenant changes what c names of a tenant, and nothing else. An unknown one is
// ErrTenantUnknown; what is wrong with c is a *vending.Error with `invalid_request` or
// `invalid_user_email`.
func (s *Store) ChangeTenant(ctx context.Context, tenant string, c connect.TenantChange) error {
	changes, err := c.Columns()
	if err != nil {
		return err
	}
	return s.changeTenants(ctx, "changing a tenant", func(tx *tx) error {
		for _, change := range changes {
			// #nosec G202 -- one of three names
			r, err := tx.ExecContext(ctx, `UPDATE tenants SET `+change.Column+` = ? WHERE id = ?`, change.Value, tenant)
			if err := changed(r, err, connect.ErrTenantUnknown); err != nil {
				return err
			}
			row := connect.AuditRow{Event: connect.TenantChanged, Tenant: tenant,
				Detail: change.Column + " " + cmp.Or(change.Value, "default")}
			if err := s.record(ctx, tx, row); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeleteTenant deletes what the store has of a tenant: its keys, caller keys, OAuth clients,
// sessions, MCP URL and settings. The audit trail stays. While it has connections, nothing is
// deleted and it is ErrTenantConnected; without anything to delete it is ErrTenantUnknown.
func (s *Store) DeleteTenant(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "deleting a tenant", func(tx *tx) error {
		var connected bool
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM connections WHERE tenant = ?)`, id).Scan(&connected)
		switch {
		case err != nil:
			return err
		case connected:
			return connect.ErrTenantConnected
		}
		var own conditions
		own.add("tenant = ?", id)
		deleted, err := s.revokeCallerKeys(ctx, tx, own)
		if err != nil {
			return err
		}
		for _, table := range [...]string{"caller_keys", "oauth_clients", "sessions", "mcp_urls", "tenant_keys"} {
			n, err := deleteOwn(ctx, tx, `DELETE FROM `+table+` WHERE tenant = ?`, id)
			if err != nil {
				return err
			}
			deleted += n
		}
		n, err := deleteOwn(ctx, tx, `DELETE FROM tenants WHERE id = ?`, id)
		if err != nil {
			return err
		}
		if deleted+n == 0 {
			return connect.ErrTenantUnknown
		}
		return s.record(ctx, tx, connect.AuditRow{Event: connect.TenantDeleted, Tenant: id})
	})
}

// deleteOwn runs a statement that deletes what is a tenant's, and returns of how many rows.
func deleteOwn(ctx context.Context, tx *tx, query, tenant string) (int, error) {
	r, err := tx.ExecContext(ctx, query, tenant)
	if err != nil {
		return 0, err
	}
	n, err := r.RowsAffected()
	return int(n), err
}

// IssueMCPURL makes the token of a tenant's MCP URL, 192 random bits in base62, in the place of the
// one before. It cannot be shown again.
func (s *Store) IssueMCPURL(ctx context.Context, tenant string) (token vending.Secret, err error) {
	text := connect.NewRequestToken()
	digest := connect.DigestOf(text)
	err = s.update(ctx, "issuing an mcp url", func(tx *tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO mcp_urls (tenant, digest, created_at) VALUES (?, ?, ?)
			ON CONFLICT (tenant) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at`,
			tenant, digest[:], s.now().UnixMilli()); err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRow{Event: connect.MCPURLIssued, Tenant: tenant})
	})
	if err != nil {
		return vending.Secret{}, err
	}
	return vending.NewSecret(text), nil
}

// EndMCPURL ends a tenant's MCP URL. Without one it is ErrNoMCPURL.
func (s *Store) EndMCPURL(ctx context.Context, tenant string) error {
	return s.update(ctx, "ending an mcp url", func(tx *tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM mcp_urls WHERE tenant = ?`, tenant)
		if err := changed(r, err, connect.ErrNoMCPURL); err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRow{Event: connect.MCPURLEnded, Tenant: tenant})
	})
}

// MCPTenant returns the tenant whose MCP URL has a token of this digest, or ErrNoMCPURL. That of a
// disabled tenant is as dead as its keys.
func (s *Store) MCPTenant(ctx context.Context, token connect.Digest) (tenant string, err error) {
	err = s.queryRow(ctx, `SELECT tenant FROM mcp_urls m WHERE digest = ?
		AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = m.tenant AND t.disabled = 1)`, token[:]).Scan(&tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return "", connect.ErrNoMCPURL
	}
	if err != nil {
		return "", fmt.Errorf("reading an mcp url: %w", err)
	}
	return tenant, nil
}

// MCPURLIssuedAt returns when the tenant's MCP URL was made; zero if it has none.
func (s *Store) MCPURLIssuedAt(ctx context.Context, tenant string) (time.Time, error) {
	var created int64
	err := s.queryRow(ctx, `SELECT created_at FROM mcp_urls WHERE tenant = ?`, tenant).Scan(&created)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("reading an mcp url: %w", err)
	}
	return time.UnixMilli(created).UTC(), nil
}
