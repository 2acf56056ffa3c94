package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

func connectionCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "connection"

	var c connect.Connection
	var file string
	add := subcommand(parent, "import --tenant NAME --user ADDRESS --app SLUG", "Stores a connection from fields or tokens on standard input, and prints its id", 0,
		f.with(func(cmd *cobra.Command, store *connect.Store, a *App, _ []string) error {
			id, err := importConnection(cmd, store, a, c, file)
			if err != nil {
				return err
			}
			if f.json {
				return printJSON(cmd.OutOrStdout(), map[string]string{"connection_id": id})
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), id)
			return err
		}))
	add.Long = `Stores a connection from a JSON object, read from standard input or --file and never from arguments, which other
users of the machine could see. For a key-based app it holds the fields that the catalog names, {"api_key":"…"}; for an
OAuth app access_token and, to be refreshed, refresh_token and expires_in (seconds) or expires_at (RFC 3339).`
	add.Flags().StringVar(&c.Tenant, "tenant", "", "the tenant it belongs to")
	add.Flags().StringVar(&c.User, "user", "", "the end user's email address")
	add.Flags().StringVar(&c.App, "app", "", "the app's slug")
	add.Flags().StringVar(&c.Name, "name", "", "what to call it (default: the slug)")
	add.Flags().StringVar(&file, "file", "-", "file to read, - for standard input")
	for _, name := range []string{"tenant", "user", "app"} {
		_ = add.MarkFlagRequired(name) // the flags exist
	}

	var filter connect.Filter
	list := subcommand(parent, "list", "Lists connections; never what they hold", 0,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, _ []string) error {
			return f.listConnections(cmd, store, filter)
		}))
	list.Flags().StringVar(&filter.Tenant, "tenant", "", "only this tenant's")
	list.Flags().StringVar(&filter.User, "user", "", "only this end user's")
	list.Flags().StringVar(&filter.App, "app", "", "only of this app")

	var tenant string
	remove := subcommand(parent, "delete ID --tenant NAME", "Deletes a connection and what it holds, for good", 1,
		f.withExisting(func(cmd *cobra.Command, store *connect.Store, _ *App, args []string) error {
			return store.DeleteConnection(cmd.Context(), tenant, args[0])
		}))
	remove.Flags().StringVar(&tenant, "tenant", "", "the tenant it belongs to")
	_ = remove.MarkFlagRequired("tenant")
}

// maxImport bounds the JSON object of an import, in bytes.
const maxImport = 1 << 20

func importConnection(cmd *cobra.Command, store *connect.Store, a *App, c connect.Connection, file string) (string, error) {
	apps, err := a.apps()
	if err != nil {
		return "", err
	}
	app, ok := apps.App(c.App)
	if !ok {
		return "", fmt.Errorf("app %q is not in the catalog; an app of your own needs --config with the file that defines it", c.App)
	}
	if err := tenantExists(cmd, store, a, c.Tenant); err != nil {
		return "", err
	}
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file)
		if err != nil {
			return "", err
		}
		defer func() { _ = opened.Close() }() // it was only read
		in = opened
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxImport+1))
	if err != nil {
		return "", fmt.Errorf("reading the credential: %w", err)
	}
	if len(raw) > maxImport {
		return "", fmt.Errorf("the credential is larger than %d bytes", maxImport)
	}
	grant, err := readGrant(raw, app, time.Now())
	if err != nil {
		return "", err
	}
	c.AuthType = vending.AuthType(app.AuthType)
	return store.ImportConnection(cmd.Context(), c, grant)
}

// tenantExists spares the operator a connection that no one can use because of a typing error.
func tenantExists(cmd *cobra.Command, store *connect.Store, a *App, id string) error {
	if slices.ContainsFunc(a.Tenants, func(t Tenant) bool { return t.ID == id }) {
		return nil
	}
	tenants, err := store.Tenants(cmd.Context())
	if err != nil {
		return err
	}
	if slices.ContainsFunc(tenants, func(t connect.Tenant) bool { return t.ID == id }) {
		return nil
	}
	return fmt.Errorf("there is no tenant %q in this store; make it with `tenant create`, or name the --config that has it", id)
}

// readGrant reads the JSON object of an import. Its errors name keys, never values.
func readGrant(raw []byte, app *catalog.App, now time.Time) (connect.Grant, error) {
	values := map[string]json.RawMessage{}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if err := dec.Decode(&values); err != nil || values == nil || dec.More() {
		return connect.Grant{}, errors.New("the credential must be one JSON object, like {\"api_key\":\"…\"}")
	}
	var g connect.GrantValues
	var err error
	if app.AuthType == string(vending.OAuth) {
		if err = readTokens(values, &g, now); err != nil {
			return connect.Grant{}, err
		}
	}
	for _, f := range app.Fields {
		value, err := takeText(values, f.Name)
		if err != nil {
			return connect.Grant{}, err
		}
		if value == "" {
			return connect.Grant{}, fmt.Errorf("the credential lacks %q, which app %s needs", f.Name, app.Slug)
		}
		g.Fields = append(g.Fields, vending.Field{Name: f.Name, Value: value})
	}
	if _, optional := values[sessionToken]; optional && app.Sign != nil {
		value, err := takeText(values, sessionToken)
		if err != nil {
			return connect.Grant{}, err
		}
		g.Fields = append(g.Fields, vending.Field{Name: sessionToken, Value: value})
	}
	if len(values) > 0 {
		return connect.Grant{}, fmt.Errorf("the credential holds %q, which app %s does not know", slices.Sorted(maps.Keys(values))[0], app.Slug)
	}
	return connect.NewGrant(g), nil
}

// readTokens takes what a token endpoint answers (RFC 6749, section 5.1), or the same with expires_at.
func readTokens(values map[string]json.RawMessage, g *connect.GrantValues, now time.Time) (err error) {
	for name, into := range map[string]*string{"access_token": &g.AccessToken, "refresh_token": &g.RefreshToken, "token_type": &g.TokenType, "scope": &g.Scope} {
		if *into, err = takeText(values, name); err != nil {
			return err
		}
	}
	at, err := takeText(values, "expires_at")
	if err != nil {
		return err
	}
	if at != "" {
		if g.Expiry, err = time.Parse(time.RFC3339, at); err != nil {
			return errors.New(`"expires_at" must be a time like 2026-01-02T15:04:05Z`)
		}
	}
	if raw, ok := values["expires_in"]; ok {
		var seconds int64
		if err := json.Unmarshal(raw, &seconds); err != nil || seconds <= 0 || seconds > 1<<32 {
			return errors.New(`"expires_in" must be a positive number of seconds`)
		}
		delete(values, "expires_in")
		g.Expiry = now.Add(time.Duration(seconds) * time.Second)
	}
	if g.AccessToken == "" && g.RefreshToken == "" {
		return errors.New(`the credential needs "access_token", "refresh_token" or both`)
	}
	return nil
}

// takeText takes a text value out of values; "" if it is not there.
func takeText(values map[string]json.RawMessage, name string) (text string, err error) {
	raw, ok := values[name]
	if !ok {
		return "", nil
	}
	delete(values, name)
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", fmt.Errorf("%q must be a text", name)
	}
	return text, nil
}

// connectionRow is a connection as commands print it.
type connectionRow struct {
	ID                string    `json:"id"`
	Tenant            string    `json:"tenant"`
	User              string    `json:"user"`
	App               string    `json:"app"`
	Name              string    `json:"name"`
	Status            string    `json:"status"`
	NeedsReconnection bool      `json:"needs_reconnection"`
	CreatedAt         time.Time `json:"created_at"`
	UpdatedAt         time.Time `json:"updated_at"`
}

func (f *storeFlags) listConnections(cmd *cobra.Command, store *connect.Store, filter connect.Filter) error {
	list := []connectionRow{}
	rows := [][]string{}
	filter.Limit = 100
	for filter.Page = 1; ; filter.Page++ {
		page, total, err := store.Connections(cmd.Context(), filter)
		if err != nil {
			return err
		}
		for _, c := range page {
			state := string(c.Status)
			if c.NeedsReconnection {
				state += ", needs reconnection"
			}
			list = append(list, connectionRow{c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), c.NeedsReconnection, c.CreatedAt, c.UpdatedAt})
			rows = append(rows, []string{c.ID, c.Tenant, c.User, c.App, c.Name, state, c.UpdatedAt.Format(time.RFC3339)})
		}
		if len(page) == 0 || len(list) >= total {
			break
		}
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printTable(cmd.OutOrStdout(), []string{"CONNECTION", "TENANT", "USER", "APP", "NAME", "STATUS", "UPDATED"}, rows)
}
