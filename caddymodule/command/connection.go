package command

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

func connectionCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "connection"
	importCommand(parent, &f)
	updateCommand(parent, &f)
	linkCommand(parent, &f)
	refreshCommand(parent, &f)
	listCommand(parent, &f)

	var tenant string
	remove := subcommand(parent, "delete ID --tenant NAME",
		"Deletes a connection and what it holds, for good, unless a hold blocks it", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			gone, _, err := store.TakeConnection(cmd.Context(), tenant, "", args[0])
			if err == nil && gone.Status == connect.Active {
				_, err = fmt.Fprintf(cmd.OutOrStdout(),
					"deleted; the grant stays valid at the provider of %s until it is revoked there\n", gone.App)
			}
			return err
		}))
	remove.Long = "Deletes a connection and what it holds, for good. The grant at the provider stays: delete by the " +
		"Platform API, which revokes it where the\nprovider can be asked to, or revoke it there. While a hold blocks " +
		"it, nothing is deleted."
	tenantFlag(remove, &tenant)
}

// tenantFlag adds the flag that says whose connection is meant.
func tenantFlag(cmd *cobra.Command, tenant *string) {
	cmd.Flags().StringVar(tenant, "tenant", "", "the tenant it belongs to")
	_ = cmd.MarkFlagRequired("tenant") // the flag exists
}

// connectionFlags add what a new connection is made of.
func connectionFlags(cmd *cobra.Command, c *connect.Connection) {
	tenantFlag(cmd, &c.Tenant)
	cmd.Flags().StringVar(&c.User, "user", "", "the end user's email address")
	cmd.Flags().StringVar(&c.App, "app", "", "the app's slug")
	cmd.Flags().StringVar(&c.Name, "name", "", "what to call it (default: the slug)")
	for _, name := range []string{"user", "app"} {
		_ = cmd.MarkFlagRequired(name) // the flags exist
	}
}

// listCommand adds `connection list`.
func listCommand(parent *cobra.Command, f *storeFlags) {
	var filter connect.Filter
	var status string
	list := subcommand(parent, "list", "Lists connections; never what they hold", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, _ []string) error {
			var known bool
			if filter.Status, filter.NeedsReconnection, known = connect.ParseStatus(status); !known {
				return errors.New("--status: write pending, active, rejected, expired or needs_reconnection")
			}
			return f.listConnections(cmd, store, filter)
		}))
	list.Flags().StringVar(&filter.Tenant, "tenant", "", "only this tenant's")
	list.Flags().StringVar(&filter.User, "user", "", "only this end user's")
	list.Flags().StringVar(&filter.App, "app", "", "only of this app")
	list.Flags().StringVar(&status, "status", "",
		"only pending, active, rejected or expired ones, or those whose grant has ended: needs_reconnection")
	list.Flags().StringVar(&filter.Search, "search", "", "only with this in their name, end user, app or id")
}

// connectionRow is a connection as commands print it.
type connectionRow struct {
	ID                string    `json:"id"`
	Tenant            string    `json:"tenant"`
	User              string    `json:"user"`
	App               string    `json:"app"`
	Name              string    `json:"name"`
	Status            string    `json:"status"`
	ViaLink           bool      `json:"via_link"`
	NeedsReconnection bool      `json:"needs_reconnection"`
	RefreshPending    bool      `json:"refresh_pending"`
	Verified          bool      `json:"verified"`
	CreatedAt         time.Time `json:"created_at"`
	UpdatedAt         time.Time `json:"updated_at"`
	// ExpiresAt is when a pending link ends, or an expired one did; null without one.
	ExpiresAt *time.Time `json:"expires_at"`
}

func connectionRowOf(c connect.Connection) connectionRow {
	row := connectionRow{
		c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), c.ViaLink, c.NeedsReconnection, c.RefreshPending, c.Verified,
		c.CreatedAt, c.UpdatedAt, nil,
	}
	if !c.LinkExpiresAt.IsZero() {
		row.ExpiresAt = &c.LinkExpiresAt
	}
	return row
}

// cells are a row of the table for people.
func (r *connectionRow) cells() []string {
	state, viaLink, expires := r.Status, "no", ""
	if r.NeedsReconnection {
		state += ", needs reconnection"
	}
	if r.RefreshPending {
		state += ", refresh pending"
	}
	if r.Status == string(connect.Active) && !r.Verified {
		state += ", not verified"
	}
	if r.ViaLink {
		viaLink = "yes"
	}
	if r.ExpiresAt != nil {
		expires = r.ExpiresAt.Format(time.RFC3339)
	}
	return []string{r.ID, r.Tenant, r.User, r.App, r.Name, state, viaLink, orDash(expires),
		r.UpdatedAt.Format(time.RFC3339)}
}

func (f *storeFlags) listConnections(cmd *cobra.Command, store *store.Store, filter connect.Filter) error {
	list := []connectionRow{}
	rows := [][]string{}
	filter.Limit = connect.MaxLimit
	for filter.Page = 1; ; filter.Page++ {
		page, total, err := store.Connections(cmd.Context(), filter)
		if err != nil {
			return err
		}
		for _, c := range page {
			row := connectionRowOf(c)
			list, rows = append(list, row), append(rows, row.cells())
		}
		if len(page) == 0 || len(list) >= total {
			break
		}
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printTable(cmd.OutOrStdout(),
		[]string{"CONNECTION", "TENANT", "USER", "APP", "NAME", "STATUS", "VIA LINK", "LINK EXPIRES", "UPDATED"}, rows)
}
