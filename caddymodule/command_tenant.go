package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
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
	parent.Long = "Tenants live in the store; their keys are shown once, when they are minted, and only digests of " +
		"them are kept.\nA running server notices every change within a second."

	var t connect.Tenant
	create := subcommand(parent, "create NAME --email ADDRESS", "Makes a tenant and prints its key, once", 1,
		f.with(func(cmd *cobra.Command, store *connect.Store, a *App, args []string) error {
			t.ID = args[0]
			key, err := store.CreateTenant(cmd.Context(), t)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintln(cmd.ErrOrStderr(), "tenant "+t.ID+" is in the store "+a.dataDir()); err != nil {
				return err
			}
			return f.printKey(cmd.OutOrStdout(), t.ID, key)
		}))
	create.Flags().StringVar(&t.Email, "email", "", "the tenant's address, shown to end users")
	create.Flags().StringSliceVar(&t.Capabilities, "capabilities", nil,
		"any of apps, connections, token, delete (default all)")
	brandFlags(create, &t.Brand)
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
	brandCommand(parent, &f)
	mcpURLCommand(parent, &f)
}

// mintedKey is a new key as it is shown, once.
type mintedKey struct {
	Tenant string `json:"tenant"`
	Key    string `json:"key"`
	Digest string `json:"key_sha256"`
}

func mintedKeyOf(tenant, key string) mintedKey {
	return mintedKey{tenant, key, fmt.Sprintf("%x", policy.DigestOf(key))}
}

func (f *storeFlags) printKey(w io.Writer, tenant, key string) error {
	if f.json {
		return printJSON(w, mintedKeyOf(tenant, key))
	}
	_, err := fmt.Fprintf(w, "%s\n", key)
	return err
}

// tenantRow is a tenant as commands and the admin API print it.
type tenantRow struct {
	ID           string    `json:"id"`
	Email        string    `json:"email"`
	Capabilities []string  `json:"capabilities"`
	Disabled     bool      `json:"disabled"`
	CreatedAt    time.Time `json:"created_at"`
	Keys         []string  `json:"key_fingerprints"`
	brandRow
}

func tenantRows(tenants []connect.Tenant) []tenantRow {
	rows := make([]tenantRow, 0, len(tenants))
	for _, t := range tenants {
		row := tenantRow{ID: t.ID, Email: t.Email, Capabilities: t.Capabilities, Disabled: t.Disabled, CreatedAt: t.CreatedAt,
			Keys: []string{}, brandRow: brandRowOf(t.Brand)}
		for _, k := range t.Keys {
			row.Keys = append(row.Keys, k.Fingerprint)
		}
		rows = append(rows, row)
	}
	return rows
}

func (f *storeFlags) listTenants(cmd *cobra.Command, store *connect.Store, _ *App, _ []string) error {
	tenants, err := store.Tenants(cmd.Context())
	if err != nil {
		return err
	}
	list := tenantRows(tenants)
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	rows := make([][]string, 0, len(list))
	for _, t := range list {
		state := "active"
		if t.Disabled {
			state = "disabled"
		}
		rows = append(rows, []string{t.ID, orDash(t.Name), t.Email, state, strings.Join(t.Capabilities, ","),
			strings.Join(t.Keys, ","), t.CreatedAt.Format(time.RFC3339)})
	}
	return printTable(cmd.OutOrStdout(),
		[]string{"TENANT", "NAME", "EMAIL", "STATE", "CAPABILITIES", "KEY FINGERPRINTS", "CREATED"}, rows)
}

// knows is nil for a tenant of the configuration or the store, connect.ErrTenantDisabled for one
// that is of no use any more, and else connect.ErrTenantUnknown.
func (a *App) knows(ctx context.Context, store *connect.Store, id string) error {
	t, err := store.Tenant(ctx, id)
	switch {
	case errors.Is(err, connect.ErrTenantUnknown) && slices.ContainsFunc(a.Tenants, func(t Tenant) bool {
		return t.ID == id
	}):
		return nil
	case err == nil && t.Disabled:
		return connect.ErrTenantDisabled
	}
	return err
}

// mustKnow spares the operator something that no one can use because of a typing error.
func (a *App) mustKnow(ctx context.Context, store *connect.Store, id string) error {
	err := a.knows(ctx, store, id)
	if errors.Is(err, connect.ErrTenantUnknown) {
		return fmt.Errorf("there is no tenant %q in this store; make it with `tenant create`, or name the --config that "+
			"has it", id)
	}
	return err
}

// mustConnect spares the operator a connection that no call would find, because another source
// vends for the tenant.
func (a *App) mustConnect(ctx context.Context, store *connect.Store, id string) error {
	if err := a.mustKnow(ctx, store, id); err != nil {
		return err
	}
	source, err := a.SourceOf(id)
	if err == nil && !source.UsesStore {
		err = fmt.Errorf("source %s vends for tenant %s, so that no call would find a connection of this store: connect "+
			"the account there, or give the tenant a source of type local", source.Name, id)
	}
	return err
}
