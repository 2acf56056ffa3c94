package command

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// clientFlags are those of `oauth-client set`.
type clientFlags struct {
	tenant, id, secretFile string
	scopes, fields         []string
	public                 bool
}

func oauthClientCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "oauth-client"
	parent.Long = `An OAuth client is what an app's provider knows the operator or a tenant by. One that is stored
without --tenant serves every tenant without one of its own. Secrets are sealed like credentials and never shown.`

	var c clientFlags
	set := subcommand(parent, "set APP --client-id ID",
		"Stores the OAuth client for an app, its secret from standard input or a file", 1,
		f.with(func(cmd *cobra.Command, store *store.Store, a config, args []string) error {
			return c.set(cmd, store, a, args[0])
		}))
	set.Flags().StringVar(&c.id, "client-id", "", "the client id from the provider")
	set.Flags().StringVar(&c.tenant, "tenant", "", "the tenant it is for (default: every tenant without one of its own)")
	set.Flags().StringSliceVar(&c.scopes, "scopes", nil,
		"what to ask end users for, separated by commas (default: the app's scopes)")
	set.Flags().StringArrayVar(&c.fields, "field", nil,
		"NAME=VALUE, NAME=@FILE or NAME=@- for standard input: what else the provider gave out; repeatable")
	set.Flags().StringVar(&c.secretFile, "secret-file", "-", "file with the client secret, - for standard input")
	set.Flags().BoolVar(&c.public, "public", false, "the client has no secret")
	set.MarkFlagsMutuallyExclusive("secret-file", "public")
	_ = set.MarkFlagRequired("client-id") // the flag exists

	var tenant string
	list := subcommand(parent, "list", "Lists the OAuth clients in the store; never their secrets", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, _ []string) error {
			return f.listClients(cmd, store, tenant)
		}))
	list.Flags().StringVar(&tenant, "tenant", "", "only this tenant's own")

	remove := subcommand(parent, "delete APP", "Deletes an OAuth client; its tokens can no longer be refreshed", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			return store.DeleteOAuthClient(cmd.Context(), tenant, args[0])
		}))
	remove.Flags().StringVar(&tenant, "tenant", "", "the tenant it is for (default: the one for every tenant)")
}

// maxSecret bounds what is read of a client secret, in bytes; the store bounds the secret.
const maxSecret = 64 << 10

func (c *clientFlags) set(cmd *cobra.Command, store *store.Store, a config, slug string) error {
	app, err := a.CatalogApp(slug)
	switch {
	case err != nil:
		return err
	case app.AuthType != string(vending.OAuth):
		return fmt.Errorf("app %s does not use OAuth: it needs no OAuth client", slug)
	case app.ClientCredentials():
		return fmt.Errorf("each end user of app %s enters an OAuth client of their own: it needs none of yours",
			slug)
	}
	if c.tenant != "" {
		if err := a.mustKnow(cmd.Context(), store, c.tenant); err != nil {
			return err
		}
	}
	client := connect.OAuthClient{ID: c.id, Scopes: c.scopes}
	if !c.public {
		raw, err := readInput(cmd, c.secretFile, "client secret", maxSecret)
		if err != nil {
			return err
		}
		secret := strings.TrimRight(string(raw), "\r\n")
		if secret == "" {
			return errors.New("the client secret is empty: write it, or --public for a client without one")
		}
		client.Secret = vending.NewSecret(secret)
	}
	if client.Fields, err = c.readFields(cmd, app); err != nil {
		return err
	}
	if err := authorize.CheckClient(app, client); err != nil {
		return err
	}
	return store.SetOAuthClient(cmd.Context(), c.tenant, slug, client)
}

// clientRow is an OAuth client as commands print it.
type clientRow struct {
	App string `json:"app"`
	// Tenant is empty for the client of every tenant without one of its own.
	Tenant    string    `json:"tenant"`
	ClientID  string    `json:"client_id"`
	Scopes    []string  `json:"scopes"`
	Fields    []string  `json:"fields"`
	Public    bool      `json:"public"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (f *storeFlags) listClients(cmd *cobra.Command, store *store.Store, tenant string) error {
	clients, err := store.OAuthClients(cmd.Context(), tenant)
	if err != nil {
		return err
	}
	list := make([]clientRow, 0, len(clients))
	rows := make([][]string, 0, len(clients))
	for _, c := range clients {
		row := clientRow{App: c.App, Tenant: c.Tenant, ClientID: c.ID, Scopes: listed(c.Scopes), Fields: listed(c.Fields),
			Public: c.Public, UpdatedAt: c.UpdatedAt}
		list = append(list, row)
		secret := "sealed"
		if c.Public {
			secret = "none"
		}
		rows = append(rows, []string{c.App, cmp.Or(c.Tenant, "*"), c.ID, secret, orDash(strings.Join(c.Scopes, ",")),
			orDash(strings.Join(c.Fields, ",")), c.UpdatedAt.Format(time.RFC3339)})
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printTable(cmd.OutOrStdout(), []string{"APP", "TENANT", "CLIENT ID", "SECRET", "SCOPES", "FIELDS", "UPDATED"},
		rows)
}

// readFields reads the flags --field.
func (c *clientFlags) readFields(cmd *cobra.Command, app *catalog.App) (fields []connect.ClientField, err error) {
	read := !c.public && c.secretFile == "-" // standard input, by the client secret
	for _, flag := range c.fields {
		name, value, ok := strings.Cut(flag, "=")
		file, inFile := strings.CutPrefix(value, "@")
		switch {
		case !ok || name == "":
			return nil, errors.New("--field: write NAME=VALUE, NAME=@FILE or NAME=@- for standard input")
		case !inFile && !app.PublicField(name):
			return nil,
				fmt.Errorf("--field %[1]s: a secret must not be an argument, which other users of the machine can see: write "+
					"%[1]s=@FILE, or %[1]s=@- for standard input", name)
		case file == "-" && read:
			return nil,
				fmt.Errorf("--field %s: standard input is taken already, by the client secret or another field: write "+
					"%[1]s=@FILE", name)
		case inFile:
			raw, err := readInput(cmd, file, "field "+name, maxSecret)
			if err != nil {
				return nil, err
			}
			read = read || file == "-"
			value = strings.TrimRight(string(raw), "\r\n")
		}
		fields = append(fields, connect.ClientField{Name: name, Value: vending.NewSecret(value)})
	}
	return fields, nil
}
