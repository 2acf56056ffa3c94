package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// What an operator may ask that cannot be done. Nothing is changed.
var (
	ErrTenantUnknown  = errors.New("there is no such tenant")
	ErrTenantExists   = errors.New("a tenant of that id exists already: choose another id")
	ErrTenantDisabled = errors.New("the tenant is disabled for good and none of its keys can live; create another tenant")
	ErrTwoKeys        = errors.New("the tenant has two live keys already; promote the newer one first")
	ErrOneKey         = errors.New("the tenant has one live key only; rotate first")
)

// Tenant is the integrating product as the store knows it.
type Tenant struct {
	// ID is `[a-z0-9][a-z0-9_-]{0,62}`.
	ID string
	// Email is the requester's address on the hosted link, and the tenant's own account under the MCP
	// URL.
	Email string
	// Brand is what end users are shown beside the address.
	Brand Brand
	// Capabilities are any of apps, connections, token and delete.
	Capabilities []string
	// Disabled says that none of its keys is live.
	Disabled bool
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
	// Keys are its one or two keys, older first.
	Keys []KeyInfo
}

// KeyInfo is what can be told of a tenant key.
type KeyInfo struct {
	// Fingerprint is the first 12 hex digits of the key's SHA-256.
	Fingerprint string
	// CreatedAt is in UTC, to the millisecond.
	CreatedAt time.Time
}

// CreateTenant makes a tenant of t's ID, Email and Capabilities (nil means all), and mints its
// key, which cannot be shown again. The id taken is ErrTenantExists; anything wrong with t is a
// *vending.Error with `invalid_request` or `invalid_user_email`.
func (s *Store) CreateTenant(ctx context.Context, t Tenant) (key string, err error) {
	if err := checkTenantID(t.ID); err != nil {
		return "", err
	}
	email, err := parseEmail(t.Email)
	if err != nil {
		return "", err
	}
	granted, err := normalCapabilities(t.Capabilities)
	if err != nil {
		return "", err
	}
	if err := t.Brand.normalize(); err != nil {
		return "", err
	}
	key, digest := MintKey()
	err = s.changeTenants(ctx, "creating a tenant", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO tenants (id, email, capabilities, created_at, name, logo_url, accent, frame_ancestors, user_hint, unconfirmed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`, t.ID, email, strings.Join(granted, " "), s.now().UnixMilli(),
			t.Brand.Name, t.Brand.LogoURL, t.Brand.Accent, strings.Join(t.Brand.FrameAncestors, " "), t.Brand.UserHint,
			t.Brand.Unconfirmed)
		if err := changed(r, err, ErrTenantExists); err != nil {
			return err
		}
		if err := s.record(ctx, tx, AuditRow{Event: TenantCreated, Tenant: t.ID}); err != nil {
			return err
		}
		return s.insertKey(ctx, tx, t.ID, digest, 1)
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// normalCapabilities orders names as policy.AllCapabilities are, without doubles; nil means all. An
// empty list was stated, and cannot have meant that.
func normalCapabilities(names []string) (granted []string, err error) {
	if isEmptyList(names) {
		return nil, invalid("capabilities: must be any of apps, connections, token, delete, or left out for all")
	}
	parsed, err := policy.ParseCapabilities(names)
	if err != nil {
		return nil, invalid(err.Error())
	}
	for _, c := range policy.AllCapabilities {
		if len(parsed) == 0 || slices.Contains(parsed, c) {
			granted = append(granted, string(c))
		}
	}
	return granted, nil
}

// DisableTenant ends all keys of a tenant for good, its caller keys too; its connections stay. An
// unknown one is ErrTenantUnknown.
func (s *Store) DisableTenant(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "disabling a tenant", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE tenants SET disabled = 1 WHERE id = ?`, id)
		if err := changed(r, err, ErrTenantUnknown); err != nil {
			return err
		}
		if err := s.record(ctx, tx, AuditRow{Event: TenantDisabled, Tenant: id}); err != nil {
			return err
		}
		var own conditions
		own.add("tenant = ?", id) // equal would take an empty one for any
		_, err = s.revokeCallerKeys(ctx, tx, own)
		return err
	})
}

// Tenants returns all tenants, ordered by id.
func (s *Store) Tenants(ctx context.Context) (tenants []Tenant, err error) {
	err = s.view(ctx, "listing tenants", func(tx *sql.Tx) error {
		if tenants, err = listTenants(ctx, tx, ""); err != nil {
			return err
		}
		return eachKey(ctx, tx, "", func(tenant string, digest []byte, created time.Time) {
			i, ok := slices.BinarySearchFunc(tenants, tenant, func(t Tenant, id string) int { return strings.Compare(t.ID, id) })
			if ok {
				tenants[i].Keys = append(tenants[i].Keys, KeyInfo{fingerprint(digest), created})
			}
		})
	})
	return tenants, err
}

// Tenant returns one tenant. An unknown one is ErrTenantUnknown.
func (s *Store) Tenant(ctx context.Context, id string) (t Tenant, err error) {
	err = s.view(ctx, "reading a tenant", func(tx *sql.Tx) error {
		tenants, err := listTenants(ctx, tx, id)
		if err != nil {
			return err
		}
		if id == "" || len(tenants) == 0 {
			return ErrTenantUnknown
		}
		t = tenants[0]
		return eachKey(ctx, tx, id, func(_ string, digest []byte, created time.Time) {
			t.Keys = append(t.Keys, KeyInfo{fingerprint(digest), created})
		})
	})
	return t, err
}

const tenantColumns = `SELECT id, email, capabilities, disabled, created_at, name, logo_url, accent, frame_ancestors, user_hint, unconfirmed
	FROM tenants`

// listTenants reads one tenant, or all where id is empty.
func listTenants(ctx context.Context, tx *sql.Tx, id string) (tenants []Tenant, err error) {
	var where conditions
	where.equal("id", id)
	clause, args := where.where()
	rows, err := tx.QueryContext(ctx, tenantColumns+clause+` ORDER BY id`, args...)
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var t Tenant
		var granted, ancestors string
		var created int64
		if err := rows.Scan(&t.ID, &t.Email, &granted, &t.Disabled, &created,
			&t.Brand.Name, &t.Brand.LogoURL, &t.Brand.Accent, &ancestors, &t.Brand.UserHint, &t.Brand.Unconfirmed); err != nil {
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
func (s *Store) changeTenants(ctx context.Context, doing string, f func(*sql.Tx) error) error {
	return s.update(ctx, doing, func(tx *sql.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return countChange(ctx, tx)
	})
}

func countChange(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE meta SET value = value + 1 WHERE name = 'tenants_version'`)
	if err != nil {
		return fmt.Errorf("counting the change: %w", err)
	}
	return nil
}

// changed turns a statement that changed no row into none.
func changed(r sql.Result, err, none error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = none
	}
	return err
}
