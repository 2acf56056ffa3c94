// Package playground adds the command `playground` to Caddy's: the whole of Vendgate with a
// demonstration provider, to try it out. A program that leaves this package out has neither.
//
// It must never listen on more than loopback: the provider lets anyone consent for any account.
package playground

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/connect/store"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	_ "github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/caddymodule/internal/given"
	"github.com/vendgate/vendgate/caddymodule/internal/help"
	"github.com/vendgate/vendgate/caddymodule/playground/demoprovider"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/vending"
)

// what the configuration is of

// playground is a gateway with a provider to call through it, for trying things out. Both listen on
// loopback only.
type playground struct {
	dir      string
	provider *demoprovider.Provider
	facts    facts
}

// facts are what `playground --json` prints.
type facts struct {
	// Gateway is the base URL of the gateway, and Provider that of the demonstration provider.
	Gateway     string       `json:"gateway"`
	Provider    string       `json:"provider"`
	TenantKey   string       `json:"tenant_key"`
	User        string       `json:"user"`
	Connections []connection `json:"connections"`
	// RequestLinks can be opened in a browser, once each: one of an OAuth app, one of an app with a
	// key.
	RequestLinks []string `json:"request_links"`
	// APIKey is one that the second link's form accepts.
	APIKey string `json:"api_key"`
	// Dashboard is where the tenant signs in with its key.
	Dashboard string `json:"dashboard"`
}

type connection struct {
	ID       string `json:"id"`
	App      string `json:"app"`
	AuthType string `json:"auth_type"`
	// Path is that of a call that works.
	Path string `json:"path"`
}

const (
	tenant = "playground"
	user   = "alice@example.com"
	// defaultAddr is taken unless something else listens there.
	defaultAddr = "127.0.0.1:8642"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name: "playground", Short: "Runs Vendgate with a demonstration provider, to try it out", CobraFunc: command,
	})
}

func command(cmd *cobra.Command) {
	var dir, listen string
	var asJSON bool
	cmd.Use = "playground"
	cmd.Long = "Runs the gateway, the connection manager and a demonstration provider on loopback, with ready " +
		"connections, and prints\ncalls to copy. Nothing is kept unless --data names a directory. Ctrl-C ends it."
	cmd.Flags().StringVar(&dir, "data", "",
		"directory to keep the store in (default: a temporary one, removed at the end)")
	cmd.Flags().StringVar(&listen, "listen", "",
		"address of the gateway (default: "+defaultAddr+", or any free port if that is taken)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print addresses, keys and connections as one JSON object, for scripts")
	given.RefuseEmpty(cmd.Flags())
	help.Finish(cmd)
	cmd.Args, cmd.SilenceUsage = noArguments, true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return run(ctx, cmd.OutOrStdout(), dir, listen, asJSON)
	}
}

// noArguments is cobra.NoArgs, and says how the command is written.
func noArguments(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return fmt.Errorf("%w; write `%s`", err, cmd.UseLine())
	}
	return nil
}

func run(ctx context.Context, out io.Writer, dir, listen string, asJSON bool) (err error) {
	p := &playground{dir: dir}
	if dir == "" {
		if p.dir, err = os.MkdirTemp("", "vendgate-playground-"); err != nil {
			return fmt.Errorf("making a temporary directory: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(p.dir)) }()
	}
	if p.provider, err = demoprovider.Start(context.WithoutCancel(ctx), "127.0.0.1:0",
		demoprovider.Options{}); err != nil {
		return err
	}
	defer p.provider.Close() //nolint:contextcheck // it ends by itself, whatever became of ctx
	if err := p.seed(ctx); err != nil {
		return err
	}
	if err := p.start(ctx, listen); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		err = enc.Encode(p.facts) // #nosec G117 -- the demonstration's own key, for its user
	} else {
		err = guide.Execute(out, p.facts)
	}
	if err == nil {
		<-ctx.Done()
	}
	return err
}

// seed makes the tenant with a fresh key, and connections with grants of this run's provider.
func (p *playground) seed(ctx context.Context) (err error) {
	store, err := store.Open(ctx, store.Options{Dir: p.dir})
	if err != nil {
		return fmt.Errorf("opening the store in %s: %w", p.dir, err)
	}
	defer func() { err = errors.Join(err, store.Close()) }() //nolint:contextcheck // it bounds its own
	p.facts.User, p.facts.Provider = user, p.provider.URL()
	if p.facts.TenantKey, err = freshKey(ctx, store); err != nil {
		return err
	}
	p.facts.APIKey = p.provider.NewAPIKey()
	key := connect.NewGrant(
		connect.GrantValues{Fields: []vending.Field{{Name: "api_key", Value: p.provider.NewAPIKey()}}}).Verify()
	for _, c := range []struct {
		app, name string
		authType  vending.AuthType
		grant     connect.Grant
		path      string
	}{
		{"demo", "OAuth", vending.OAuth, p.grant("alice"), "/api/me"},
		{"demo", "OAuth, to be revoked", vending.OAuth, p.grant("bob"), "/api/me"},
		{"demo-key", "API key", vending.APIKey, key, "/ping"},
		{"demo-limited", "API key, two calls a minute", vending.APIKey, key, "/ping"},
	} {
		id, err := store.ImportConnection(ctx, connect.Connection{Tenant: tenant, User: user, App: c.app,
			Name: c.name, AuthType: c.authType}, c.grant)
		if err != nil {
			return fmt.Errorf("importing connection %s: %w", c.name, err)
		}
		p.facts.Connections = append(p.facts.Connections,
			connection{id, c.app, string(c.authType), "/proxy/" + id + "/" + c.app + c.path})
	}
	return p.seedLinks(ctx, store)
}

// seedLinks makes links to click through. They become whole addresses when the gateway's is known.
func (p *playground) seedLinks(ctx context.Context, store *store.Store) error {
	for _, c := range []connect.Connection{
		{App: "demo", Name: "My demo account", AuthType: vending.OAuth},
		{App: "demo-key", Name: "My demo key", AuthType: vending.APIKey},
	} {
		c.Tenant, c.User = tenant, user
		link, err := store.CreateLink(ctx, c)
		if err != nil {
			return fmt.Errorf("making a link: %w", err)
		}
		p.facts.RequestLinks = append(p.facts.RequestLinks, connect.LinkPath(link.Token.Reveal()))
	}
	return nil
}

func (p *playground) grant(account string) connect.Grant {
	g := p.provider.NewGrant(account)
	return connect.NewGrant(connect.GrantValues{AccessToken: g.AccessToken, RefreshToken: g.RefreshToken,
		TokenType: "Bearer", Expiry: g.Expiry}).Verify()
}

// freshKey makes the tenant or, in a kept directory that has it, a new key: the old one cannot be
// shown again.
func freshKey(ctx context.Context, store *store.Store) (string, error) {
	key, err := store.CreateTenant(ctx, connect.Tenant{
		ID: tenant, Email: "playground@example.com", Brand: connect.Brand{Name: "The Playground"},
	})
	if !errors.Is(err, connect.ErrTenantExists) {
		return key, err
	}
	if err := store.PromoteKey(ctx, tenant); err != nil && !errors.Is(err, connect.ErrOneKey) {
		return "", err
	}
	return store.RotateKey(ctx, tenant)
}
