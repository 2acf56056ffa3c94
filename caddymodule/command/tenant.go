package command

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/internal/operator"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
)

func tenantCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "tenant"
	parent.Long = "Tenants live in the store; their keys are shown once, when they are minted, and only digests of " +
		"them are kept.\nA running server notices every change within a second."

	createCommand(parent, &f)
	subcommand(parent, "list", "Lists tenants; never their keys", 0, f.withExisting(f.listTenants))
	subcommand(parent, "rotate NAME", "Mints a second key and prints it, once; both work until promote", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			key, err := store.RotateKey(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return f.printKey(cmd.OutOrStdout(), args[0], key)
		}))
	subcommand(parent, "promote NAME", "Retires the older of two keys", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			return store.PromoteKey(cmd.Context(), args[0])
		}))
	subcommand(parent, "disable NAME", "Stops a tenant and all of its keys, those in the configuration too", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			return store.DisableTenant(cmd.Context(), args[0])
		}))
	enableCommand(parent, &f)
	setCommand(parent, &f)
	deleteCommand(parent, &f)
	revokeGrantsCommand(parent, &f)
	brandCommand(parent, &f)
	mcpURLCommand(parent, &f)
}

// createCommand adds `tenant create`.
func createCommand(parent *cobra.Command, f *storeFlags) {
	var t connect.Tenant
	create := subcommand(parent, "create NAME --email ADDRESS", "Creates a tenant and prints its key, once", 1,
		f.with(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			t.ID = args[0]
			if err := a.checkSource(t.Source); err != nil {
				return err
			}
			key, err := store.CreateTenant(cmd.Context(), t)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(cmd.ErrOrStderr(), "tenant %s is in the store in %s\n", t.ID, store.Place()); err != nil {
				return err
			}
			return f.printKey(cmd.OutOrStdout(), t.ID, key)
		}))
	create.Flags().StringVar(&t.Email, "email", "", "the tenant's email address, shown to end users")
	create.Flags().StringVar(&t.Source, "source", "",
		"the source that vends for the tenant, by its name in the configuration (default: the configuration's)")
	create.Flags().StringSliceVar(&t.Capabilities, "capabilities", nil,
		"any of apps, connections, token, delete (default all)")
	brandFlags(create, &t.Brand)
	_ = create.MarkFlagRequired("email") // the flag exists
}

func (f *storeFlags) printKey(w io.Writer, tenant, key string) error {
	if f.json {
		return printJSON(w, operator.NewKey(tenant, key))
	}
	_, err := fmt.Fprintf(w, "%s\n", key)
	return err
}

func (f *storeFlags) listTenants(cmd *cobra.Command, store *store.Store, _ config, _ []string) error {
	tenants, err := store.Tenants(cmd.Context())
	if err != nil {
		return err
	}
	list := operator.NewTenants(tenants)
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		state := "active"
		if t.Disabled {
			state = "disabled"
		}
		rows = append(rows,
			[]string{t.ID, orDash(t.Name), t.Email, state, orDash(t.Source), strings.Join(t.Capabilities, ","),
				strings.Join(t.Keys, ","), t.CreatedAt.Format(time.RFC3339)})
	}
	return printTable(cmd.OutOrStdout(),
		[]string{"TENANT", "NAME", "EMAIL", "STATE", "SOURCE", "CAPABILITIES", "KEY FINGERPRINTS", "CREATED"}, rows)
}
