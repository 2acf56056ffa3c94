package connect

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/policy"
)

// MintKey makes a tenant key: "pk_live_" and 256 random bits in 43 digits of base62. digest is the
// SHA-256 of the whole key and all that may ever be stored of it.
func MintKey() (key string, digest [sha256.Size]byte) {
	key = policy.KeyPrefix + randomBase62(32, tenantKeyDigits)
	return key, sha256.Sum256([]byte(key))
}

// RotateKey mints a second key for a tenant; both are live until PromoteKey. ErrTwoKeys tells of a
// rotation that was not finished, ErrTenantDisabled of a tenant whose new key would be as dead as
// its old one, ErrTenantUnknown of no tenant.
func (s *Store) RotateKey(ctx context.Context, id string) (key string, err error) {
	key, digest := MintKey()
	err = s.changeTenants(ctx, "rotating a tenant key", func(tx *sql.Tx) error {
		live, _, newest, err := generations(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case live >= 2:
			return ErrTwoKeys
		}
		return s.insertKey(ctx, tx, id, digest, newest+1)
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// PromoteKey retires the older of a tenant's two keys, and deletes what is stored of it. ErrOneKey
// tells of a tenant with one key only, ErrTenantDisabled of one without live keys, ErrTenantUnknown
// of no tenant.
func (s *Store) PromoteKey(ctx context.Context, id string) error {
	return s.changeTenants(ctx, "promoting a tenant key", func(tx *sql.Tx) error {
		live, oldest, _, err := generations(ctx, tx, id)
		switch {
		case err != nil:
			return err
		case live < 2:
			return ErrOneKey
		}
		var digest []byte
		if err := tx.QueryRowContext(ctx, `DELETE FROM tenant_keys WHERE tenant = ? AND generation = ? RETURNING digest`, id,
			oldest).Scan(&digest); err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: KeyPromoted, Tenant: id, Detail: "retired " + fingerprint(digest)})
	})
}

// fingerprint names a key without telling it.
func fingerprint(digest []byte) string { return hex.EncodeToString(digest[:6]) }

// generations counts the keys of a tenant that is not disabled. They are ordered by generation and
// not by time, which may stand still or go back.
func generations(ctx context.Context, tx *sql.Tx, id string) (live int, oldest, newest int64, err error) {
	var disabled bool
	err = tx.QueryRowContext(ctx, `SELECT t.disabled, count(k.digest), coalesce(min(k.generation), 0), coalesce(max(k.generation), 0)
		FROM tenants t LEFT JOIN tenant_keys k ON k.tenant = t.id WHERE t.id = ? GROUP BY t.id`, id).Scan(&disabled, &live, &oldest, &newest)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		err = ErrTenantUnknown
	case err == nil && disabled:
		err = ErrTenantDisabled
	}
	return live, oldest, newest, err
}

func (s *Store) insertKey(ctx context.Context, tx *sql.Tx, tenant string, digest [sha256.Size]byte,
	generation int64) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO tenant_keys (digest, tenant, generation, created_at) VALUES (?, ?, ?, ?)`,
		digest[:], tenant, generation, s.now().UnixMilli())
	if err != nil {
		return fmt.Errorf("storing the key's digest: %w", err)
	}
	return s.record(ctx, tx, AuditRow{Event: KeyMinted, Tenant: tenant, Detail: fingerprint(digest[:])})
}

const keyColumns = `SELECT tenant, digest, created_at FROM tenant_keys`

// eachKey calls f with every key of a tenant, or of all where id is empty; those of one tenant
// older first.
func eachKey(ctx context.Context, tx *sql.Tx, id string,
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
