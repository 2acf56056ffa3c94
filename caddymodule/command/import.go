package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/oauth/authorize"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/vending"
)

// importCommand adds `connection import`.
func importCommand(parent *cobra.Command, f *storeFlags) {
	var c connect.Connection
	var in credentialInput
	add := subcommand(parent, "import --tenant NAME --user ADDRESS --app SLUG",
		"Stores a connection from fields or tokens on standard input, and prints its id", 0,
		f.with(func(cmd *cobra.Command, store *store.Store, a config, _ []string) error {
			row, err := importConnection(cmd, store, a, c, in)
			switch {
			case err != nil:
				return err
			case f.json:
				return printJSON(cmd.OutOrStdout(), row)
			case !row.Verified: // standard output has the id alone, for scripts
				_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "note: "+notVerified)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), row.ID)
			return err
		}))
	add.Long = "Stores a connection from a JSON object, read from standard input or --file and never from\n" +
		credentialHelp
	connectionFlags(add, &c)
	in.add(add)
}

// notVerified says that a connection holds what no provider is known to accept.
const notVerified = "not verified: the provider has not confirmed the credential"

// storedRow is a connection whose credentials were stored, as machines are told of it.
type storedRow struct {
	ID       string `json:"connection_id"`
	Verified bool   `json:"verified"`
}

func importConnection(cmd *cobra.Command, store *store.Store, a config, c connect.Connection,
	in credentialInput) (row storedRow, err error) {
	app, err := a.CatalogApp(c.App)
	if err != nil {
		return row, err
	}
	if err := a.mustConnect(cmd.Context(), store, c.Tenant); err != nil {
		return row, err
	}
	c.AuthType = vending.AuthType(app.AuthType)
	if err := c.Check(); err != nil { // before the provider is asked in vain
		return row, err
	}
	grant, err := in.read(cmd, store, a, c.Tenant, app)
	if err == nil {
		grant, err = in.try.grant(cmd.Context(), a, app, grant)
	}
	if err != nil {
		return row, err
	}
	row.Verified = grant.Verified()
	row.ID, err = store.ImportConnection(cmd.Context(), c, grant)
	return row, err
}

// credentialHelp says what a credentialInput reads, from the middle of a sentence on.
const credentialHelp = `arguments, which other users of the machine could see. It holds:

- for a key-based app: the fields that the catalog names, {"api_key":"…"};
- for an OAuth app: access_token and, to be refreshed, refresh_token and expires_in (seconds) or
  expires_at (RFC 3339); the fields that do not come with the OAuth client, and those that do but say
  where the tokens are from, such as the host;
- for an app whose customers enter an OAuth client of their own: client_id and client_secret;
- for an OAuth 1 app: oauth_token and oauth_token_secret and, if another client than the tenant's
  obtained them, its consumer_key and consumer_secret.

Fields are tried with the provider, like those that customers enter: what it refuses, or what cannot be
tried now, is not stored. Tokens are not tried, and are not verified until they are refreshed.`

// credentialInput is a credential that a command reads, and what is asked of its provider.
type credentialInput struct {
	file string
	try  tryFlags
}

func (in *credentialInput) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&in.file, "file", "-", "file to read, - for standard input")
	in.try.add(cmd)
}

// maxImport bounds the JSON object of a credential, in bytes.
const maxImport = 1 << 20

// read returns the credential of app, of which no provider knows yet.
func (in *credentialInput) read(cmd *cobra.Command, store *store.Store, a config, tenant string,
	app *catalog.App) (connect.Grant, error) {
	if err := in.try.check(cmd.Context(), store, a, tenant); err != nil {
		return connect.Grant{}, err
	}
	raw, err := readInput(cmd, in.file, "credential", maxImport)
	if err != nil {
		return connect.Grant{}, err
	}
	grant, err := readGrant(raw, app, time.Now())
	if err == nil {
		err = a.mustBeAt(cmd.Context(), store, tenant, app, grant)
	}
	return grant, err
}

// mustBeAt refuses a grant that was obtained at another address than the one that the tenant's
// OAuth client of today is for, as far as that can be known here: no call would carry it.
func (a config) mustBeAt(ctx context.Context, store *store.Store, tenant string, app *catalog.App,
	g connect.Grant) error {
	if len(app.AddressFields()) == 0 {
		return nil
	}
	client, err := a.clientAddress(ctx, store, tenant, app)
	if errors.Is(err, connect.ErrNoOAuthClient) {
		return nil
	}
	if err != nil {
		return err
	}
	if field := client.MovedBy(app, g.Reveal().Fields); field != "" {
		return fmt.Errorf("the credential's %q differs from that of the OAuth client which tenant %s has for app %s, so no "+
			"call could carry it: import what was granted there, or set the client again first", field, tenant, app.Slug)
	}
	return nil
}

// clientAddress is the tenant's OAuth client for app, of whose values only those are known that
// fill addresses. One that is configured by what only the server can read counts as none.
func (a config) clientAddress(ctx context.Context, store *store.Store, tenant string,
	app *catalog.App) (connect.OAuthClient, error) {
	for _, owner := range []string{tenant, ""} {
		for _, c := range a.OAuthClients {
			if c.App != app.Slug || c.Tenant != owner {
				continue
			}
			known := caddymodule.OAuthClient{Fields: maps.Clone(c.Fields)}
			maps.DeleteFunc(known.Fields, func(name, _ string) bool { return !slices.Contains(app.AddressFields(), name) })
			fields, err := known.ResolveFields(app)
			if err != nil {
				return connect.OAuthClient{}, connect.ErrNoOAuthClient
			}
			return connect.OAuthClient{ID: c.ClientID, Fields: fields}, nil
		}
		if client, err := store.OAuthClient(ctx, owner, app.Slug); !errors.Is(err, connect.ErrNoOAuthClient) {
			return client, err
		}
	}
	return connect.OAuthClient{}, connect.ErrNoOAuthClient
}

// readGrant reads the JSON object of an import. Its errors name keys, never values.
func readGrant(raw []byte, app *catalog.App, now time.Time) (connect.Grant, error) {
	values, err := readObject(raw)
	if err != nil {
		return connect.Grant{}, err
	}
	var g connect.GrantValues
	switch {
	case app.OAuth1 != nil:
		err = readOAuth1(values, &g)
	case app.AuthType == string(vending.OAuth):
		err = readTokens(values, &g, now)
		// where the client suffices
		if err == nil && g.AccessToken == "" && g.RefreshToken == "" && !app.ClientCredentials() {
			err = errors.New(`the credential needs "access_token", "refresh_token" or both`)
		}
	}
	if err != nil {
		return connect.Grant{}, err
	}
	fields, err := takeFields(values, app)
	if err != nil {
		return connect.Grant{}, err
	}
	g.Fields = append(g.Fields, fields...)
	if len(values) > 0 {
		return connect.Grant{},
			fmt.Errorf("the credential has an unknown field %q: take out what app %s does not need",
				slices.Sorted(maps.Keys(values))[0], app.Slug)
	}
	if err := checkImport(app, g); err != nil {
		return connect.Grant{}, err
	}
	return connect.NewGrant(g), nil
}

// takeFields takes the fields of app out of values.
func takeFields(values map[string]json.RawMessage, app *catalog.App) (fields []vending.Field, err error) {
	addresses := app.AddressFields()
	for _, f := range app.Fields {
		if f.From == catalog.FromClient && !slices.Contains(addresses, f.Name) {
			// It comes with the client that is set at the time of a call. A connection keeps only where
			// it was obtained.
			continue
		}
		value, err := takeText(values, f.Name)
		switch {
		case err != nil:
			return nil, err
		case value != "":
			fields = append(fields, vending.Field{Name: f.Name, Value: value})
		case f.Default == "" && !app.OnlyChooses(f.Name): // one that only chooses may be missing
			return nil, fmt.Errorf("the credential has no %q, which app %s needs: add it", f.Name, app.Slug)
		}
	}
	if _, optional := values[catalog.SessionToken]; optional && app.Sign != nil {
		value, err := takeText(values, catalog.SessionToken)
		if err != nil {
			return nil, err
		}
		fields = append(fields, vending.Field{Name: catalog.SessionToken, Value: value})
	}
	return fields, nil
}

// checkImport says why no call could go out with g.
func checkImport(app *catalog.App, g connect.GrantValues) error {
	err := authorize.CheckImported(app, g)
	var problem *authorize.Error
	switch {
	case !errors.As(err, &problem):
		return err
	case problem.Field == "":
		return fmt.Errorf("the credential is invalid: no call of app %s can carry it; copy it again", app.Slug)
	}
	return fmt.Errorf("the credential's %q %s", problem.Field, problem.Reason())
}
