package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// linkCommand adds `connection link`.
func linkCommand(parent *cobra.Command, f *storeFlags) {
	var c connect.Connection
	var origin string
	link := subcommand(parent, "link --tenant NAME --user ADDRESS --app SLUG",
		"Creates a link by which an end user authorizes an app, and prints it, once", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, _ []string) error {
			base, err := a.mustOrigin(origin)
			if err != nil {
				return err
			}
			if err := a.mustConnect(cmd.Context(), store, c.Tenant); err != nil {
				return err
			}
			app, err := a.linkable(cmd.Context(), store, c.Tenant, c.App)
			if err != nil {
				return err
			}
			c.AuthType = vending.AuthType(app.AuthType)
			made, err := store.CreateLink(cmd.Context(), c)
			if err != nil {
				return err
			}
			return f.printLink(cmd, made, base)
		}))
	connectionFlags(link, &c)
	originFlag(link, &origin)
}

// refreshCommand adds `connection refresh`.
func refreshCommand(parent *cobra.Command, f *storeFlags) {
	var tenant, origin string
	refresh := subcommand(parent, "refresh ID --tenant NAME",
		"Creates a link by which a connection's credentials are renewed, and prints it, once; an earlier link ends", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			base, err := a.mustOrigin(origin)
			if err != nil {
				return err
			}
			c, err := store.Describe(cmd.Context(), tenant, "", args[0])
			if err != nil {
				return err
			}
			if err := a.mustConnect(cmd.Context(), store, tenant); err != nil {
				return err
			}
			if _, err := a.linkable(cmd.Context(), store, tenant, c.App); err != nil {
				return err
			}
			made, err := store.RenewLink(cmd.Context(), tenant, "", args[0])
			if err != nil {
				return err
			}
			return f.printLink(cmd, made, base)
		}))
	tenantFlag(refresh, &tenant)
	originFlag(refresh, &origin)
}

// linkable returns the app if a link to it could be completed: better an error now, to the
// operator, than on the page, to the customer.
func (a config) linkable(ctx context.Context, store *store.Store, tenant, slug string) (*catalog.App, error) {
	app, err := a.CatalogApp(slug)
	switch {
	case err != nil:
		return nil, err
	case !app.CanAuthorize():
		return nil, fmt.Errorf("end users cannot authorize %s by a link: import its connections with `connection import`",
			slug)
	case app.AuthType != string(vending.OAuth) || app.ClientCredentials():
		return app, nil
	}
	for _, owner := range []string{tenant, ""} {
		if slices.ContainsFunc(a.OAuthClients, func(c caddymodule.OAuthClient) bool {
			return c.App == slug && c.Tenant == owner
		}) {
			return app, nil
		}
		client, err := store.OAuthClient(ctx, owner, slug)
		if err == nil {
			err = client.Fits(app)
		}
		if !errors.Is(err, connect.ErrNoOAuthClient) {
			return app, err
		}
	}
	return nil,
		fmt.Errorf("app %s needs an OAuth client first: store one with `oauth-client set`, or name the --config that has it",
			slug)
}

// linkRow is a link as it is shown, once.
type linkRow struct {
	ConnectionID string    `json:"connection_id"`
	RequestToken string    `json:"request_token"`
	RequestLink  string    `json:"request_link"`
	ExpiresAt    time.Time `json:"expires_at"`
}

func (f *storeFlags) printLink(cmd *cobra.Command, l connect.Link, origin string) error {
	token := l.Token.Reveal()
	row := linkRow{l.Connection.ID, token, origin + connect.LinkPath(token), l.ExpiresAt}
	if f.json {
		return printJSON(cmd.OutOrStdout(), row)
	}
	_, err := fmt.Fprintln(cmd.OutOrStdout(), row.RequestLink)
	return err
}
