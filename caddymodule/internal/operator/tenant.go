package operator

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
)

// Brand is a brand as commands and the admin API print it.
type Brand struct {
	Name           string   `json:"name"`
	LogoURL        string   `json:"logo_url"`
	Accent         string   `json:"accent"`
	FrameAncestors []string `json:"frame_ancestors"`
	UserHint       string   `json:"user_hint"`
	Unconfirmed    string   `json:"unconfirmed"`
}

// NewBrand returns b with the defaults of what it leaves out where these have a name.
func NewBrand(b connect.Brand) Brand {
	return Brand{
		b.Name, b.LogoURL, b.Accent, append([]string{}, b.FrameAncestors...), cmp.Or(b.UserHint, connect.HintMasked),
		cmp.Or(b.Unconfirmed, connect.AskUnconfirmed),
	}
}

// Tenant is a tenant as commands and the admin API print it.
type Tenant struct {
	ID           string   `json:"id"`
	Email        string   `json:"email"`
	Capabilities []string `json:"capabilities"`
	// Source is empty for the configuration's default.
	Source    string    `json:"source"`
	Disabled  bool      `json:"disabled"`
	CreatedAt time.Time `json:"created_at"`
	Keys      []string  `json:"key_fingerprints"`
	Brand
}

// NewTenants returns the tenants in their order, of their keys only the fingerprints.
func NewTenants(tenants []connect.Tenant) []Tenant {
	rows := make([]Tenant, 0, len(tenants))
	for _, t := range tenants {
		row := Tenant{ID: t.ID, Email: t.Email, Capabilities: t.Capabilities, Source: t.Source, Disabled: t.Disabled,
			CreatedAt: t.CreatedAt,
			Keys:      []string{}, Brand: NewBrand(t.Brand)}
		for _, k := range t.Keys {
			row.Keys = append(row.Keys, k.Fingerprint)
		}
		rows = append(rows, row)
	}
	return rows
}

// Key is a new key as it is shown, once.
type Key struct {
	Tenant string `json:"tenant"`
	Key    string `json:"key"`
	Digest string `json:"key_sha256"`
}

// NewKey returns the tenant's new key with its SHA-256, in hexadecimal.
func NewKey(tenant, key string) Key {
	return Key{tenant, key, fmt.Sprintf("%x", policy.DigestOf(key))}
}

// MCPURL is the URL that an MCP client needs no key for, as it is shown, once.
type MCPURL struct {
	Tenant string `json:"tenant"`
	Path   string `json:"path"`
	// URL is empty where the gateway's origin is not known.
	URL string `json:"mcp_url,omitempty"`
}

// IssueMCPURL makes a tenant's URL, and ends the one before. The caller has checked that there is
// such a tenant; origin is scheme and host of the gateway, or empty where they are not known.
func IssueMCPURL(ctx context.Context, store *store.Store, tenant, origin string) (MCPURL, error) {
	token, err := store.IssueMCPURL(ctx, tenant)
	if err != nil {
		return MCPURL{}, err
	}
	issued := MCPURL{Tenant: tenant, Path: connect.MCPPath(token.Reveal())}
	if origin != "" {
		issued.URL = origin + issued.Path
	}
	return issued, nil
}
