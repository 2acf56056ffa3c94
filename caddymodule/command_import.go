package caddymodule

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/authorize"
	"github.com/vendgate/vendgate/vending"
)

// importCommand adds `connection import`.
func importCommand(parent *cobra.Command, f *storeFlags) {
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
OAuth app those that do not come with the OAuth client, those that do but say where the tokens are from (such as the host), access_token and, to be refreshed, refresh_token and expires_in (seconds) or expires_at (RFC 3339); for an
OAuth 1 app oauth_token and oauth_token_secret and, if another client than the tenant's obtained them, its consumer_key
and consumer_secret.`
	connectionFlags(add, &c)
	add.Flags().StringVar(&file, "file", "-", "file to read, - for standard input")
}

// maxImport bounds the JSON object of an import, in bytes.
const maxImport = 1 << 20

func importConnection(cmd *cobra.Command, store *connect.Store, a *App, c connect.Connection, file string) (string, error) {
	app, err := a.catalogApp(c.App)
	if err != nil {
		return "", err
	}
	if err := a.mustConnect(cmd.Context(), store, c.Tenant); err != nil {
		return "", err
	}
	raw, err := readInput(cmd, file, "credential", maxImport)
	if err != nil {
		return "", err
	}
	grant, err := readGrant(raw, app, time.Now())
	if err != nil {
		return "", err
	}
	c.AuthType = vending.AuthType(app.AuthType)
	return store.ImportConnection(cmd.Context(), c, grant)
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
	}
	if err != nil {
		return connect.Grant{}, err
	}
	addresses := app.AddressFields()
	for _, f := range app.Fields {
		if f.From == catalog.FromClient && !slices.Contains(addresses, f.Name) {
			continue // it comes with the client of the moment, and is no part of a connection: that is only where it was obtained
		}
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
	if err := checkImport(app, g); err != nil {
		return connect.Grant{}, err
	}
	return connect.NewGrant(g), nil
}

// checkImport says in a sentence why no call could go out with g.
func checkImport(app *catalog.App, g connect.GrantValues) error {
	err := authorize.CheckImported(app, g)
	var problem *authorize.Problem
	switch {
	case !errors.As(err, &problem):
		return err
	case problem.Field == "":
		return fmt.Errorf("the credential cannot be right: no call of app %s can carry it", app.Slug)
	}
	return fmt.Errorf("the credential's %q: %s", problem.Field, problem.Message())
}

var errNoObject = errors.New("the credential must be one JSON object, like {\"api_key\":\"…\"}")

// readObject reads an object and nothing after it. Of a doubled key nobody can say which value was meant.
func readObject(raw []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return nil, errNoObject
	}
	values := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, errNoObject
		}
		name, _ := key.(string)
		if _, twice := values[name]; twice {
			return nil, fmt.Errorf("the credential holds %q twice", name)
		}
		var value json.RawMessage
		if dec.Decode(&value) != nil {
			return nil, errNoObject
		}
		values[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, errNoObject
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNoObject
	}
	return values, nil
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

// readOAuth1 takes what RFC 5849, section 2.3, calls token credentials, and the client that obtained them if it is stated.
func readOAuth1(values map[string]json.RawMessage, g *connect.GrantValues) (err error) {
	if g.AccessToken, err = takeText(values, catalog.OAuthToken); err != nil {
		return err
	}
	for _, name := range []string{catalog.OAuthTokenSecret, catalog.ConsumerKey, catalog.ConsumerSecret} {
		value, err := takeText(values, name)
		if err != nil {
			return err
		}
		if value != "" {
			g.Fields = append(g.Fields, vending.Field{Name: name, Value: value})
		}
	}
	switch n := len(g.Fields); {
	case g.AccessToken == "" || n == 0 || g.Fields[0].Name != catalog.OAuthTokenSecret:
		return errors.New(`the credential needs "oauth_token" and "oauth_token_secret"`)
	case n == 2:
		return errors.New(`"consumer_key" and "consumer_secret" belong together: write both, or neither for the tenant's OAuth client`)
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
