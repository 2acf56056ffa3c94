package connect

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// ErrNoOAuthClient says that nobody has registered us with the app's provider.
var ErrNoOAuthClient = errors.New("no OAuth client is configured for the app; `vendgate oauth-client set` stores one")

// OAuthClient is what an app's provider knows us by (RFC 6749, section 2).
type OAuthClient struct {
	// ID is public.
	ID string
	// Secret is empty for a public client.
	Secret vending.Secret
	// Scopes replace the app's where there are any.
	Scopes []string
	// Fields are what else the provider gave out with it; see [OAuthClient.Fits].
	Fields []ClientField
	// Shared says that it is that of all tenants without one of their own. Who looks a client up for a
	// tenant sets it.
	Shared bool
}

// StoredOAuthClient is what can be told of a client in the store.
type StoredOAuthClient struct {
	// Tenant is empty for the client of all tenants without one of their own.
	Tenant, App, ID string
	Scopes          []string
	// Fields are the names of what comes with it.
	Fields []string
	// Public says that it has no secret.
	Public bool
	// UpdatedAt is in UTC, to the millisecond.
	UpdatedAt time.Time
}

// The bounds of an OAuth client, in bytes and in numbers.
const (
	maxClientID     = 512
	maxClientSecret = 16 << 10
	maxScopes       = 100
	maxScope        = 200
)

// SetOAuthClient stores the client of a tenant for an app, or of all tenants where tenant is empty,
// in the place of the one before. The secret and the fields are sealed. What is wrong with it is a
// *vending.Error with `invalid_request` that names the value and never repeats it.
func (s *Store) SetOAuthClient(ctx context.Context, tenant, app string, c OAuthClient) error {
	if err := checkOAuthClient(tenant, app, c); err != nil {
		return err
	}
	return s.update(ctx, "storing an oauth client", func(tx *sql.Tx) error {
		var version int64
		err := tx.QueryRowContext(ctx, `SELECT version FROM oauth_clients WHERE tenant = ? AND app = ?`, tenant,
			app).Scan(&version)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		version++
		if err := s.followKeys(ctx, tx); err != nil {
			return err
		}
		var sealed []byte
		if plain := c.encodeSecrets(); plain != nil {
			defer clear(plain)
			if sealed, err = s.vault.seal(plain, clientBinding{tenant, app, c.ID, version}.associatedData()); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO oauth_clients (tenant, app, client_id, scopes, version, sealed, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (tenant, app) DO UPDATE SET client_id = excluded.client_id, scopes = excluded.scopes, version = excluded.version,
			sealed = excluded.sealed, updated_at = excluded.updated_at`,
			tenant, app, c.ID, strings.Join(c.Scopes, " "), version, sealed, s.now().UnixMilli()); err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: OAuthClientSet, Tenant: tenant, App: app, Detail: "client id " + c.ID})
	})
}

func checkOAuthClient(tenant, app string, c OAuthClient) error {
	if tenant != "" {
		if err := checkTenantID(tenant); err != nil {
			return err
		}
	}
	secret := c.Secret.Reveal()
	switch {
	case !validSlug(app):
		return invalid("app: a slug has 1 to 64 of a-z, 0-9 and -")
	case c.ID == "" || len(c.ID) > maxClientID || !printable(c.ID):
		return invalid(fmt.Sprintf("client_id: must be 1 to %d bytes of visible ASCII", maxClientID))
	case len(secret) > maxClientSecret || !printable(secret):
		return invalid(fmt.Sprintf(
			"client_secret: must be at most %d bytes of visible ASCII; a line break at its end is the usual mistake",
			maxClientSecret))
	}
	if err := CheckScopes(c.Scopes); err != nil {
		return err
	}
	return checkClientFields(c.Fields)
}

// CheckScopes reports scopes that no authorization request could carry (RFC 6749, section 3.3):
// there may be 100, of 1 to 200 bytes each. Its error, a *vending.Error with `invalid_request`,
// never repeats a scope: that may be a secret in the wrong place.
func CheckScopes(scopes []string) error {
	if len(scopes) > maxScopes {
		return invalid(fmt.Sprintf("scopes: write at most %d", maxScopes))
	}
	for _, scope := range scopes {
		if scope == "" || len(scope) > maxScope || !printable(scope) || strings.ContainsAny(scope, ` "\`) {
			return invalid(fmt.Sprintf("scopes: write each by itself, 1 to %d bytes of visible ASCII without spaces, quotes "+
				"and backslashes", maxScope))
		}
	}
	return nil
}

// printable is true of visible ASCII and spaces (RFC 6749, appendix A: VSCHAR).
func printable(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// OAuthClient returns the client that is stored for exactly this tenant, or for all where tenant is
// empty. Without one it is ErrNoOAuthClient.
func (s *Store) OAuthClient(ctx context.Context, tenant, app string) (c OAuthClient, err error) {
	var scopes string
	var version int64
	var sealed []byte
	err = s.pool.QueryRowContext(ctx,
		`SELECT client_id, scopes, version, sealed FROM oauth_clients WHERE tenant = ? AND app = ?`, tenant, app).
		Scan(&c.ID, &scopes, &version, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return OAuthClient{}, ErrNoOAuthClient
	case err != nil:
		return OAuthClient{}, fmt.Errorf("reading an oauth client: %w", err)
	}
	if c.Scopes = strings.Fields(scopes); sealed == nil {
		return c, nil
	}
	plain, err := s.vault.open(sealed, clientBinding{tenant, app, c.ID, version}.associatedData())
	if err != nil {
		return OAuthClient{}, fmt.Errorf("opening the oauth client for %s: %w", app, err)
	}
	if err := c.decodeSecrets(plain); err != nil {
		return OAuthClient{}, fmt.Errorf("reading the oauth client for %s: %w", app, err)
	}
	return c, nil
}

const clientColumns = `SELECT tenant, app, client_id, scopes, version, sealed, updated_at FROM oauth_clients`

// OAuthClients lists the clients, by app and tenant. An empty tenant means any.
func (s *Store) OAuthClients(ctx context.Context, tenant string) (found []StoredOAuthClient, err error) {
	err = s.view(ctx, "listing oauth clients", func(tx *sql.Tx) (err error) {
		var where conditions
		where.equal("tenant", tenant)
		clause, args := where.where()
		rows, err := tx.QueryContext(ctx, clientColumns+clause+` ORDER BY app, tenant`, args...)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var c StoredOAuthClient
			var scopes string
			var version, updated int64
			var sealed []byte
			if err := rows.Scan(&c.Tenant, &c.App, &c.ID, &scopes, &version, &sealed, &updated); err != nil {
				return err
			}
			s.describeSealed(&c, version, sealed)
			c.Scopes, c.UpdatedAt = strings.Fields(scopes), time.UnixMilli(updated).UTC()
			found = append(found, c)
		}
		return rows.Err()
	})
	return found, err
}

// describeSealed adds what is sealed of c as far as it can be told. What does not open is taken for
// a secret: whoever replaces the client must see it in the list.
func (s *Store) describeSealed(c *StoredOAuthClient, version int64, sealed []byte) {
	if c.Public = sealed == nil; c.Public {
		return
	}
	plain, err := s.vault.open(sealed, clientBinding{c.Tenant, c.App, c.ID, version}.associatedData())
	if err != nil {
		return
	}
	var held OAuthClient
	if err := held.decodeSecrets(plain); err != nil {
		return
	}
	c.Public = held.Secret.IsZero()
	for _, f := range held.Fields {
		c.Fields = append(c.Fields, f.Name)
	}
}

// DeleteOAuthClient removes a client. Without one it is ErrNoOAuthClient.
func (s *Store) DeleteOAuthClient(ctx context.Context, tenant, app string) error {
	return s.update(ctx, "deleting an oauth client", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM oauth_clients WHERE tenant = ? AND app = ?`, tenant, app)
		if err := changed(r, err, ErrNoOAuthClient); err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: OAuthClientDeleted, Tenant: tenant, App: app})
	})
}

// sealedClient is a client as the re-sealing needs it.
type sealedClient struct {
	clientBinding
	sealed []byte
}

func (s *Store) clientsOfOldKeys(ctx context.Context, tx *sql.Tx) (found []sealedClient, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, app, client_id, version, sealed FROM oauth_clients WHERE `+ofOldKeys,
		prefixLen, s.vault.keys.Load().prefix())
	if err != nil {
		return nil, err
	}
	defer closeRows(rows, &err)
	for rows.Next() {
		var r sealedClient
		if err := rows.Scan(&r.tenant, &r.app, &r.id, &r.version, &r.sealed); err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	return found, rows.Err()
}
