package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// ErrNoMCPURL says that no tenant has an MCP URL of that token.
var ErrNoMCPURL = errors.New("no tenant has an MCP URL of that token")

// IssueMCPURL makes the token of a tenant's MCP URL, 192 random bits in base62, in the place of the
// one before. It cannot be shown again.
func (s *Store) IssueMCPURL(ctx context.Context, tenant string) (token vending.Secret, err error) {
	text := randomBase62(24, requestTokenDigits)
	digest := DigestOf(text)
	err = s.update(ctx, "issuing an mcp url", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO mcp_urls (tenant, digest, created_at) VALUES (?, ?, ?)
			ON CONFLICT (tenant) DO UPDATE SET digest = excluded.digest, created_at = excluded.created_at`,
			tenant, digest[:], s.now().UnixMilli()); err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: MCPURLIssued, Tenant: tenant})
	})
	if err != nil {
		return vending.Secret{}, err
	}
	return vending.NewSecret(text), nil
}

// MCPTenant returns the tenant whose MCP URL has a token of this digest, or ErrNoMCPURL. That of a
// disabled tenant is as dead as its keys.
func (s *Store) MCPTenant(ctx context.Context, token Digest) (tenant string, err error) {
	err = s.pool.QueryRowContext(ctx, `SELECT tenant FROM mcp_urls m WHERE digest = ?
		AND NOT EXISTS (SELECT 1 FROM tenants t WHERE t.id = m.tenant AND t.disabled)`, token[:]).Scan(&tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return "", ErrNoMCPURL
	}
	if err != nil {
		return "", fmt.Errorf("reading an mcp url: %w", err)
	}
	return tenant, nil
}

// MCPURLIssuedAt returns when the tenant's MCP URL was made; zero if it has none.
func (s *Store) MCPURLIssuedAt(ctx context.Context, tenant string) (time.Time, error) {
	var created int64
	err := s.pool.QueryRowContext(ctx, `SELECT created_at FROM mcp_urls WHERE tenant = ?`, tenant).Scan(&created)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return time.Time{}, nil
	case err != nil:
		return time.Time{}, fmt.Errorf("reading an mcp url: %w", err)
	}
	return time.UnixMilli(created).UTC(), nil
}
