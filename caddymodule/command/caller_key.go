package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/store"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

func callerKeyCommands(parent *cobra.Command) {
	var f storeFlags
	f.add(parent)
	parent.Use = "caller-key"
	parent.Long = `A caller key names a tenant, an end user and one connection at once: for SDKs that can send one
header only, and for agents, which must never reach another connection. It calls the gateway and nothing
else. It is shown once, when it is created, and only a digest of it is kept. A running server notices
every change within a second.`

	var k connect.CallerKey
	var expires string
	create := subcommand(parent, "create --tenant NAME --connection ID", "Creates a caller key and prints it, once", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, a config, _ []string) (err error) {
			if k.ExpiresAt, err = parseExpiry(expires, time.Now()); err != nil {
				return fmt.Errorf("--expires %q: %w", expires, err)
			}
			return f.createCallerKey(cmd, store, a, k)
		}))
	tenantFlag(create, &k.Tenant)
	flags := create.Flags()
	flags.StringVar(&k.Connection, "connection", "", "the one connection that it reaches")
	flags.StringVar(&k.User, "user", "",
		"the end user whose connection that is (default: what the store says; needed where another source vends)")
	flags.StringSliceVar(&k.Apps, "app", nil,
		"app that it may call; several with commas, or the flag again (default: as the tenant may)")
	flags.StringSliceVar(&k.Methods, "method", nil,
		"method that it may use, in upper case; several with commas, or the flag again (default: as the tenant may)")
	flags.StringArrayVar(&k.Paths, "path", nil,
		"pattern of a path that it may call, as in a tenant's rules; the flag again for several (default: as the tenant may)")
	flags.IntVar(&k.Budget, "budget", 0,
		"how many calls it may make a minute, besides the tenant's budgets (default: 0, no bound of its own)")
	flags.StringVar(&k.Errors, "errors", "",
		"passthrough leaves providers' errors as they are, scrubbed, for SDKs that parse them (default: mapped to codes, "+
			"unless the app says otherwise)")
	flags.StringVar(&expires, "expires", "",
		"when it ends: a duration like 24h or 30d, or a time like 2026-01-02T15:04:05Z (default: never)")
	flags.StringVar(&k.Name, "name", "", "what to call it")
	_ = create.MarkFlagRequired("connection") // the flag exists

	var tenant string
	list := subcommand(parent, "list", "Lists the caller keys that are valid; never the keys themselves", 0,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, _ []string) error {
			return f.listCallerKeys(cmd, store, tenant)
		}))
	list.Flags().StringVar(&tenant, "tenant", "", "only this tenant's")
	subcommand(parent, "revoke ID", "Revokes a caller key for good", 1,
		f.withExisting(func(cmd *cobra.Command, store *store.Store, _ config, args []string) error {
			if strings.HasPrefix(args[0], policy.CallerKeyPrefix) {
				return errors.New("this is the key itself: write its id, ckey_…, which `caller-key list` shows")
			}
			return store.RevokeCallerKey(cmd.Context(), args[0])
		}))
}

// parseExpiry reads a duration from now or a time; the empty text is the zero time.
func parseExpiry(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := caddy.ParseDuration(text); err == nil && d > 0 {
		return now.Add(d), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil || !at.After(now) {
		return time.Time{}, errors.New("write a duration like 24h or 30d, or a time to come like 2026-01-02T15:04:05Z")
	}
	return at, nil
}

func (f *storeFlags) createCallerKey(cmd *cobra.Command, store *store.Store, a config, k connect.CallerKey) error {
	ours, err := a.checkCallerKey(cmd.Context(), store, &k)
	if err != nil {
		return err
	}
	base, err := a.baseURL(cmd.Context(), store, k, ours)
	if err != nil {
		return err
	}
	key, k, err := store.CreateCallerKey(cmd.Context(), k, ours)
	if err != nil {
		return err
	}
	if f.json {
		row := callerKeyRowOf(k)
		row.Key, row.BaseURL = key.Reveal(), base
		return printJSON(cmd.OutOrStdout(), row)
	}
	if _, err = fmt.Fprintln(cmd.OutOrStdout(), key.Reveal()); err == nil {
		_, err = fmt.Fprintf(cmd.ErrOrStderr(),
			"its id, to revoke it by: %s\nthe base URL that goes with it: %s\n", k.ID, base)
	}
	return err
}

// baseURL is what SDKs take with a caller key. Of another source's connection the app is not
// known here; nor is the origin, where no public_url says it.
func (a config) baseURL(ctx context.Context, store *store.Store, k connect.CallerKey, ours bool) (string, error) {
	origin, err := a.origin("")
	if err != nil {
		return "", err
	}
	slug := "{app}"
	if ours {
		c, err := store.Describe(ctx, k.Tenant, k.User, k.Connection)
		if err != nil {
			return "", err
		}
		slug = c.App
	}
	return cmp.Or(origin, "https://{gateway}") + "/proxy/" + k.Connection + "/" + slug, nil
}

// checkCallerKey spares the operator a key that no one could use. It reports whether the connection
// is one of the store.
func (a config) checkCallerKey(ctx context.Context, store *store.Store, k *connect.CallerKey) (ours bool, err error) {
	if err := a.mustKnow(ctx, store, k.Tenant); err != nil {
		return false, err
	}
	source, err := a.sourceOf(ctx, store, k.Tenant)
	switch {
	case err != nil:
		return false, err
	case !a.OpensStore():
		return false,
			errors.New("the server of this configuration has no source of type local, so it opens no store and would not " +
				"find the key: add source local")
	case a.keyless(ctx, store, k.Tenant):
		return false,
			fmt.Errorf("tenant %s has no key, and its caller keys work only while it has one: give it one in the "+
				"configuration, or create it with `tenant create`", k.Tenant)
	case source.TakesCallerKey:
		return false, fmt.Errorf("source %s needs each caller's own tenant key, which no caller key can replace: call with "+
			"the tenant key", source.Name)
	}
	if err := source.CheckServes(k.Tenant); err != nil {
		return false, fmt.Errorf("tenant %s: %w", k.Tenant, err)
	}
	if err := parseUser(source, k); err != nil {
		return false, err
	}
	for _, slug := range k.Apps {
		if _, err := a.CatalogApp(slug); err != nil {
			return false, err
		}
	}
	if !source.UsesStore {
		if k.User == "" {
			return false,
				fmt.Errorf("--user is missing: source %s vends for the tenant, so the store does not know whose connection "+
					"it is: write --user", source.Name)
		}
		return false, nil
	}
	return true, a.checkConnection(ctx, store, k)
}

// parseUser brings the end user into the form in which the source's callers name them.
func parseUser(s caddymodule.SourceInfo, k *connect.CallerKey) (err error) {
	if k.User == "" {
		return nil
	}
	parse, form := policy.ParseUser, "one bare email address"
	if s.ExternalIDs {
		parse, form = policy.ParseExternalUser, "one id of at most 254 printable ASCII characters"
	}
	if k.User, err = parse([]string{k.User}); err != nil {
		return fmt.Errorf("--user is invalid: source %s names an end user by %s: write that", s.Name, form)
	}
	return nil
}

// keyless reports whether a tenant is in the configuration alone, and without a key.
func (a config) keyless(ctx context.Context, store *store.Store, id string) bool {
	_, err := store.Tenant(ctx, id)
	return errors.Is(err, connect.ErrTenantUnknown) &&
		!slices.ContainsFunc(a.Tenants, func(t caddymodule.Tenant) bool {
			return t.ID == id && len(t.Keys)+len(t.KeyDigests) > 0
		})
}

// checkConnection reports what is wrong with a key for a connection of the store.
func (a config) checkConnection(ctx context.Context, store *store.Store, k *connect.CallerKey) error {
	c, err := store.Describe(ctx, k.Tenant, k.User, k.Connection)
	var refusal *vending.Error
	switch {
	case errors.As(err, &refusal) && refusal.Code == vending.ConnectionDeleted:
		return fmt.Errorf("tenant %s has no such connection in this store, or it is another end user's: correct the id, "+
			"or name the --config, if another source vends for the tenant", k.Tenant)
	case err != nil:
		return err
	case len(k.Apps) > 0 && !slices.Contains(k.Apps, c.App):
		return fmt.Errorf("the connection is one of app %s, which --app does not name, so the key could call nothing: add "+
			"the app, or leave --app out", c.App)
	}
	return nil
}

// callerKeyRow is a caller key as commands print it.
type callerKeyRow struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Tenant     string `json:"tenant"`
	User       string `json:"user"`
	Connection string `json:"connection_id"`
	// Apps, Methods and Paths are empty where only the tenant's bounds hold, and so is Budget.
	Apps    []string `json:"apps"`
	Methods []string `json:"methods"`
	Paths   []string `json:"paths"`
	Budget  int      `json:"budget"`
	// Errors is empty, or passthrough.
	Errors    string    `json:"errors"`
	CreatedAt time.Time `json:"created_at"`
	// ExpiresAt is null for a key that does not expire.
	ExpiresAt *time.Time `json:"expires_at"`
	// Key is there once, when it is made, and so is the base URL that goes with it.
	Key     string `json:"key,omitempty"`
	BaseURL string `json:"base_url,omitempty"`
}

func callerKeyRowOf(k connect.CallerKey) callerKeyRow {
	row := callerKeyRow{
		ID: k.ID, Name: k.Name, Tenant: k.Tenant, User: k.User, Connection: k.Connection,
		Apps: listed(k.Apps), Methods: listed(k.Methods), Paths: listed(k.Paths), Budget: k.Budget, Errors: k.Errors,
		CreatedAt: k.CreatedAt,
	}
	if !k.ExpiresAt.IsZero() {
		row.ExpiresAt = &k.ExpiresAt
	}
	return row
}

func (f *storeFlags) listCallerKeys(cmd *cobra.Command, store *store.Store, tenant string) error {
	keys, err := store.CallerKeys(cmd.Context(), tenant)
	if err != nil {
		return err
	}
	list := make([]callerKeyRow, 0, len(keys))
	rows := make([][]string, 0, len(keys))
	for _, k := range keys {
		list = append(list, callerKeyRowOf(k))
		budget, expires := "", "never"
		if k.Budget > 0 {
			budget = strconv.Itoa(k.Budget)
		}
		if !k.ExpiresAt.IsZero() {
			expires = k.ExpiresAt.Format(time.RFC3339)
		}
		rows = append(rows, []string{
			k.ID, orDash(k.Name), k.Tenant, k.User, k.Connection, orDash(strings.Join(k.Apps, ",")),
			orDash(strings.Join(k.Methods, ",")),
			orDash(strings.Join(k.Paths, ",")), orDash(budget), orDash(k.Errors), k.CreatedAt.Format(time.RFC3339), expires,
		})
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), list)
	}
	return printTable(cmd.OutOrStdout(), []string{"ID", "NAME", "TENANT", "USER", "CONNECTION", "APPS", "METHODS", "PATHS",
		"BUDGET", "ERRORS", "CREATED", "EXPIRES"}, rows)
}
