package caddymodule

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/policy"
)

func tenantCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "tenant"
	parent.Long = "Tenants live in the store; their keys are shown once, when they are minted, and only digests of them are kept.\nA running server notices every change within a second."

	var email string
	var capabilities []string
	create := subcommand(parent, "create NAME --email ADDRESS", "Makes a tenant and prints its key, once", 1,
		f.with(func(cmd *cobra.Command, store *connect.Store, _ *App, args []string) error {
			key, err := store.CreateTenant(cmd.Context(), connect.Tenant{ID: args[0], Email: email, Capabilities: capabilities})
			if err != nil {
				return err
			}
			return f.printKey(cmd.OutOrStdout(), args[0], key)
		}))
	create.Flags().StringVar(&email, "email", "", "the tenant's address, shown to end users")
	create.Flags().StringSliceVar(&capabilities, "capabilities", nil, "any of apps, connections, token, delete (default all)")
	_ = create.MarkFlagRequired("email") // the flag exists

	subcommand(parent, "list", "Lists tenants; never their keys", 0, f.withExisting(f.listTenants))
	subcommand(parent, "rotate NAME", "Mints a second key and prints it, once; both work until promote", 1,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, args []string) error {
			key, err := store.RotateKey(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return f.printKey(cmd.OutOrStdout(), args[0], key)
		}))
	subcommand(parent, "promote NAME", "Retires the older of two keys", 1,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, args []string) error {
			return store.PromoteKey(cmd.Context(), args[0])
		}))
	subcommand(parent, "disable NAME", "Disables a tenant and all of its keys, those in the configuration too", 1,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, args []string) error {
			return store.DisableTenant(cmd.Context(), args[0])
		}))
}

func (f *storeFlags) printKey(w io.Writer, tenant, key string) error {
	if f.json {
		return printJSON(w, map[string]string{"tenant": tenant, "key": key, "key_sha256": fmt.Sprintf("%x", policy.DigestOf(key))})
	}
	_, err := fmt.Fprintf(w, "%s\n", key)
	return err
}

// tenantRow is a tenant as commands print it.
type tenantRow struct {
	ID           string    `json:"id"`
	Email        string    `json:"email"`
	Capabilities []string  `json:"capabilities"`
	Disabled     bool      `json:"disabled"`
	CreatedAt    time.Time `json:"created_at"`
	Keys         []string  `json:"key_fingerprints"`
}

func (f *storeFlags) listTenants(cmd *cobra.Command, store *connect.Store, _ *App, _ []string) error {
	tenants, err := store.Tenants(cmd.Context())
	if err != nil {
		return err
	}
	list := make([]tenantRow, 0, len(tenants))
	rows := make([][]string, 0, len(tenants))
	for _, t := range tenants {
		row := tenantRow{ID: t.ID, Email: t.Email, Capabilities: t.Capabilities, Disabled: t.Disabled, CreatedAt: t.CreatedAt, Keys: []string{}}
		for _, k := range t.Keys {
			row.Keys = append(row.Keys, k.Fingerprint)
		}
		state := "active"
		if t.Disabled {
			state = "disabled"
		}
		list = append(list, row)
		rows = append(rows, []string{t.ID, t.Email, state, strings.Join(t.Capabilities, ","), strings.Join(row.Keys, ","), t.CreatedAt.Format(time.RFC3339)})
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printTable(cmd.OutOrStdout(), []string{"TENANT", "EMAIL", "STATE", "CAPABILITIES", "KEY FINGERPRINTS", "CREATED"}, rows)
}
