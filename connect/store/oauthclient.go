package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/vault"
)

// SetOAuthClient stores the client of a tenant for an app, or of all tenants where tenant is empty,
// in the place of the one before. The secret and the fields are sealed. What is wrong with it is a
// *vending.Error with `invalid_request` that names the value and never repeats it.
func (s *Store) SetOAuthClient(ctx context.Context, tenant, app string, c connect.OAuthClient) error {
	if err := connect.CheckOAuthClient(tenant, app, c); err != nil {
		return err
	}
	return s.update(ctx, "storing an oauth client", func(tx *tx) error {
		if err := tx.lock(ctx, "oauth_clients"); err != nil {
			return err
		}
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
		if plain := c.EncodeSecrets(); plain != nil {
			defer clear(plain)
			if sealed, err = s.vault.Seal(plain, clientBinding{tenant, app, c.ID, version}.associatedData()); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO oauth_clients
			(tenant, app, client_id, scopes, version, sealed, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (tenant, app) DO UPDATE SET client_id = excluded.client_id, scopes = excluded.scopes,
			version = excluded.version, sealed = excluded.sealed, updated_at = excluded.updated_at`,
			tenant, app, c.ID, strings.Join(c.Scopes, " "), version, sealed, s.now().UnixMilli()); err != nil {
			return err
		}
		return s.record(ctx, tx,
			connect.AuditRow{Event: connect.OAuthClientSet, Tenant: tenant, App: app, Detail: "client id " + c.ID})
	})
}

// OAuthClient returns the client that is stored for exactly this tenant, or for all where tenant is
// empty. Without one it is ErrNoOAuthClient.
func (s *Store) OAuthClient(ctx context.Context, tenant, app string) (c connect.OAuthClient, err error) {
	var scopes string
	var version int64
	var sealed []byte
	err = s.queryRow(ctx,
		`SELECT client_id, scopes, version, sealed FROM oauth_clients WHERE tenant = ? AND app = ?`, tenant, app).
		Scan(&c.ID, &scopes, &version, &sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return connect.OAuthClient{}, connect.ErrNoOAuthClient
	case err != nil:
		return connect.OAuthClient{}, fmt.Errorf("reading an oauth client: %w", err)
	}
	if c.Scopes = strings.Fields(scopes); sealed == nil {
		return c, nil
	}
	plain, err := s.vault.Open(sealed, clientBinding{tenant, app, c.ID, version}.associatedData())
	if err != nil {
		return connect.OAuthClient{}, fmt.Errorf("opening the oauth client for %s: %w", app, err)
	}
	if err := c.DecodeSecrets(plain); err != nil {
		return connect.OAuthClient{}, fmt.Errorf("reading the oauth client for %s: %w", app, err)
	}
	return c, nil
}

const clientColumns = `SELECT tenant, app, client_id, scopes, version, sealed, updated_at FROM oauth_clients`

// OAuthClients lists the clients, by app and tenant. An empty tenant means any.
func (s *Store) OAuthClients(ctx context.Context, tenant string) (found []connect.StoredOAuthClient, err error) {
	err = s.view(ctx, "listing oauth clients", func(tx *tx) (err error) {
		var where conditions
		where.equal("tenant", tenant)
		clause, args := where.where()
		rows, err := tx.QueryContext(ctx, clientColumns+clause+` ORDER BY app, tenant`, args...)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var c connect.StoredOAuthClient
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

// OAuthClientApps returns the slugs of the apps for which the tenant has a client, its own or the
// one for all tenants.
func (s *Store) OAuthClientApps(ctx context.Context, tenant string) (apps map[string]bool, err error) {
	apps = make(map[string]bool)
	err = s.view(ctx, "listing apps with an oauth client", func(tx *tx) (err error) {
		rows, err := tx.QueryContext(ctx, `SELECT app FROM oauth_clients WHERE tenant IN ('', ?)`, tenant)
		if err != nil {
			return err
		}
		defer closeRows(rows, &err)
		for rows.Next() {
			var app string
			if err := rows.Scan(&app); err != nil {
				return err
			}
			apps[app] = true
		}
		return rows.Err()
	})
	return apps, err
}

// describeSealed adds what is sealed of c as far as it may be shown. What does not open is taken
// for a secret: an operator who replaces the client must see it in the list.
func (s *Store) describeSealed(c *connect.StoredOAuthClient, version int64, sealed []byte) {
	if c.Public = sealed == nil; c.Public {
		return
	}
	plain, err := s.vault.Open(sealed, clientBinding{c.Tenant, c.App, c.ID, version}.associatedData())
	if err != nil {
		return
	}
	var held connect.OAuthClient
	if err := held.DecodeSecrets(plain); err != nil {
		return
	}
	c.Public = held.Secret.IsZero()
	for _, f := range held.Fields {
		c.Fields = append(c.Fields, f.Name)
	}
}

// DeleteOAuthClient removes a client. Without one it is ErrNoOAuthClient.
func (s *Store) DeleteOAuthClient(ctx context.Context, tenant, app string) error {
	return s.update(ctx, "deleting an oauth client", func(tx *tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM oauth_clients WHERE tenant = ? AND app = ?`, tenant, app)
		if err := changed(r, err, connect.ErrNoOAuthClient); err != nil {
			return err
		}
		return s.record(ctx, tx, connect.AuditRow{Event: connect.OAuthClientDeleted, Tenant: tenant, App: app})
	})
}

// sealedClient is a client as the re-sealing needs it.
type sealedClient struct {
	clientBinding
	sealed []byte
}

func (s *Store) clientsOfOldKeys(ctx context.Context, tx *tx) (found []sealedClient, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT tenant, app, client_id, version, sealed FROM oauth_clients WHERE `+ofOldKeys,
		vault.PrefixLen, s.vault.Prefix())
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
