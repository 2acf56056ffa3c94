package command

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/manager"
	"github.com/vendgate/vendgate/connect/store"
)

// enableCommand adds `tenant enable`.
func enableCommand(parent *cobra.Command, f *storeFlags) {
	var newKey bool
	cmd := subcommand(parent, "enable NAME", "Lets the keys of a disabled tenant work again", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			key, err := store.EnableTenant(cmd.Context(), args[0], newKey)
			if err != nil || !newKey {
				return err
			}
			return f.printKey(cmd.OutOrStdout(), args[0], key)
		}))
	cmd.Long = "Its keys in the store and in the configuration work again, and so do its MCP URL and its " +
		"connections. Its " +
		"caller keys were deleted when it was disabled. If it was disabled because a key leaked, add --new-key."
	cmd.Flags().BoolVar(&newKey, "new-key", false,
		"delete the keys that are stored, mint another one and print it, once; a key in the configuration works on")
}

// setCommand adds `tenant set`.
func setCommand(parent *cobra.Command, f *storeFlags) {
	var given connect.TenantChange
	var email, source string
	var defaultSource bool
	cmd := subcommand(parent, "set NAME", "Changes what is given of a tenant in the store, and nothing else", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			c := given
			if cmd.Flags().Changed("email") {
				c.Email = &email
			}
			if cmd.Flags().Changed("source") || defaultSource {
				c.Source = &source
			}
			if c.Email == nil && c.Source == nil && c.Capabilities == nil {
				return errors.New("write at least one of --email, --capabilities, --source and --default-source")
			}
			if err := a.checkSource(source); err != nil {
				return err
			}
			if err := store.ChangeTenant(cmd.Context(), args[0], c); err != nil {
				return err
			}
			return a.noteOverridden(cmd, args[0], c)
		}))
	cmd.Long = "What the tenant's block in the configuration says goes over what the store says. A running server " +
		"follows " +
		"within a second."
	cmd.Flags().StringVar(&email, "email", "", "the tenant's email address, shown to end users")
	cmd.Flags().StringSliceVar(&given.Capabilities, "capabilities", nil, "any of apps, connections, token, delete")
	cmd.Flags().StringVar(&source, "source", "", "the source that vends for the tenant, by its name in the configuration")
	cmd.Flags().BoolVar(&defaultSource, "default-source", false, "the configuration's default source vends for it again")
	cmd.MarkFlagsMutuallyExclusive("source", "default-source")
}

// checkSource refuses the name of a source that the configuration does not have. Without a
// configuration it cannot be known.
func (a config) checkSource(name string) error {
	if name == "" || !a.read {
		return nil
	}
	if known := a.SourceNames(); !slices.Contains(known, name) {
		return fmt.Errorf("source %q is not in the configuration: write one of %q, or add it there first", name, known)
	}
	return nil
}

// noteOverridden says what has no effect because the configuration says it, too.
func (a config) noteOverridden(cmd *cobra.Command, id string, c connect.TenantChange) error {
	for _, t := range a.Tenants {
		if t.ID != id {
			continue
		}
		for _, part := range []struct {
			name string
			both bool
		}{
			{"email", c.Email != nil && t.Email != ""},
			{"capabilities", c.Capabilities != nil && t.Capabilities != nil},
			{"source", c.Source != nil && t.Source != ""},
		} {
			if !part.both {
				continue
			}
			if _, err := fmt.Fprintf(cmd.ErrOrStderr(),
				"%s is stored, but the tenant's block in the configuration says another one, which holds\n",
				part.name); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteCommand adds `tenant delete`.
func deleteCommand(parent *cobra.Command, f *storeFlags) {
	var r manager.Revocation
	var connections, yes bool
	cmd := subcommand(parent, "delete NAME", "Deletes all that the store has of a tenant, for good", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			r.Tenant = args[0]
			if err := a.mustBeStored(cmd.Context(), store, r.Tenant, connections); err != nil {
				return err
			}
			what := "this deletes tenant " + r.Tenant
			if connections {
				what += " and all of its connections"
			}
			if err := confirm(cmd, yes, what, r.Tenant); err != nil {
				return err
			}
			if connections {
				err := f.withManager(cmd, store, a, r, func(ctx context.Context, m *manager.Manager, r manager.Revocation) error {
					return m.DeleteTenant(ctx, r, true)
				})
				if err != nil {
					return err
				}
			} else if err := store.DeleteTenant(cmd.Context(), r.Tenant); err != nil {
				return a.whyUndeleted(err, r.Tenant)
			}
			return a.noteConfigured(cmd, r.Tenant)
		}))
	cmd.Long = "Its keys, caller keys, OAuth clients, sessions and MCP URL are deleted. While it has connections " +
		"nothing " +
		"is deleted, unless --with-connections is given: then the tenant is disabled first, each grant is revoked at its " +
		"provider where that can be asked to, whatever holds the connection, and the summary lists those that stay valid " +
		"there. Where a revocation fails, the connection is kept and the command exits with 1; run it again. The " +
		"audit trail " +
		"stays. A tenant of the same name that is created later does not see it."
	cmd.Flags().BoolVar(&connections, "with-connections", false, "delete its connections, too, and revoke their grants")
	cmd.Flags().BoolVar(&r.Unconfirmed, "unconfirmed", false,
		"delete a connection even if its provider did not confirm that it ended the grant")
	yesFlag(cmd, &yes)
}

// mustBeStored refuses a tenant that cannot be deleted before the operator is asked to confirm it.
func (a config) mustBeStored(ctx context.Context, store *store.Store, id string, connections bool) error {
	counts, err := store.AppCounts(ctx, connect.Filter{Tenant: id})
	if err != nil {
		return err
	}
	if len(counts) > 0 {
		if !connections {
			total := 0
			for _, c := range counts {
				total += c.Connections
			}
			return fmt.Errorf("tenant %s has %d connections: add --with-connections to delete them, too", id, total)
		}
		return nil
	}
	// A tenant of the configuration may have more in the store than connections.
	if err := a.KnowsTenant(ctx, store, id); err != nil && !errors.Is(err, connect.ErrTenantDisabled) {
		return err
	}
	return nil
}

// whyUndeleted explains an error of a tenant that only the configuration has.
func (a config) whyUndeleted(err error, id string) error {
	if errors.Is(err, connect.ErrTenantUnknown) && slices.ContainsFunc(a.Tenants, func(t caddymodule.Tenant) bool {
		return t.ID == id
	}) {
		return fmt.Errorf("nothing is stored of tenant %s: to end it, take its block out of the configuration", id)
	}
	return err
}

// noteConfigured says that a deleted tenant is still one of the configuration.
func (a config) noteConfigured(cmd *cobra.Command, id string) error {
	for _, t := range a.Tenants {
		if t.ID == id {
			_, err := fmt.Fprintf(cmd.ErrOrStderr(), "what the store had of tenant %s is deleted; its block in the "+
				"configuration stays, and its keys there work until you take it out\n", id)
			return err
		}
	}
	return nil
}
