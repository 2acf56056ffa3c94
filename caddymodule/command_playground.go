package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/spf13/cobra"

	"github.com/vendgate/vendgate/caddymodule/demoprovider"
	"github.com/vendgate/vendgate/connect"
	"github.com/vendgate/vendgate/connect/web/dashboard"
	"github.com/vendgate/vendgate/vending"
)

// playground is a gateway with a provider to call through it, for trying things out. Both listen on
// loopback only.
type playground struct {
	dir      string
	provider *demoprovider.Provider
	facts    playgroundFacts
}

// playgroundFacts are what `playground --json` prints.
type playgroundFacts struct {
	// Gateway is the base URL of the gateway, and Provider that of the demonstration provider.
	Gateway     string                 `json:"gateway"`
	Provider    string                 `json:"provider"`
	TenantKey   string                 `json:"tenant_key"`
	User        string                 `json:"user"`
	Connections []playgroundConnection `json:"connections"`
	// RequestLinks can be opened in a browser, once each: one of an OAuth app, one of an app with a
	// key.
	RequestLinks []string `json:"request_links"`
	// APIKey is one that the second link's form accepts.
	APIKey string `json:"api_key"`
	// Dashboard is where the tenant signs in with its key.
	Dashboard string `json:"dashboard"`
}

type playgroundConnection struct {
	ID       string `json:"id"`
	App      string `json:"app"`
	AuthType string `json:"auth_type"`
	// Path is that of a call that works.
	Path string `json:"path"`
}

const (
	playgroundTenant = "playground"
	playgroundUser   = "alice@example.com"
	// playgroundAddr is taken unless something else listens there.
	playgroundAddr = "127.0.0.1:8642"
)

func playgroundCommand(cmd *cobra.Command) {
	var dir, listen string
	var asJSON bool
	cmd.Use = "playground"
	cmd.Long = "Runs the gateway, the connection manager and a demonstration provider on loopback, with ready " +
		"connections, and prints\ncalls to copy. Nothing is kept unless --data names a directory. Ctrl-C ends it."
	cmd.Flags().StringVar(&dir, "data", "",
		"directory to keep the store in (default: a temporary one, removed at the end)")
	cmd.Flags().StringVar(&listen, "listen", "",
		"address of the gateway (default: "+playgroundAddr+", or any free port if that is taken)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the facts as one JSON object, for scripts")
	cmd.Args, cmd.SilenceUsage = cobra.NoArgs, true
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return runPlayground(ctx, cmd.OutOrStdout(), dir, listen, asJSON)
	}
}

func runPlayground(ctx context.Context, out io.Writer, dir, listen string, asJSON bool) (err error) {
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
		err = printJSON(out, p.facts)
	} else {
		err = playgroundText.Execute(out, p.facts)
	}
	if err == nil {
		<-ctx.Done()
	}
	return err
}

// seed makes the tenant with a fresh key, and connections with grants of this run's provider.
func (p *playground) seed(ctx context.Context) (err error) {
	store, err := connect.Open(ctx, connect.Options{Dir: p.dir})
	if err != nil {
		return fmt.Errorf("opening the store in %s: %w", p.dir, err)
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	p.facts.User, p.facts.Provider = playgroundUser, p.provider.URL()
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
		id, err := store.ImportConnection(ctx, connect.Connection{Tenant: playgroundTenant, User: playgroundUser, App: c.app,
			Name: c.name, AuthType: c.authType}, c.grant)
		if err != nil {
			return fmt.Errorf("importing connection %s: %w", c.name, err)
		}
		p.facts.Connections = append(p.facts.Connections,
			playgroundConnection{id, c.app, string(c.authType), "/proxy/" + id + "/" + c.app + c.path})
	}
	return p.seedLinks(ctx, store)
}

// seedLinks makes links to click through. They become whole addresses when the gateway's is known.
func (p *playground) seedLinks(ctx context.Context, store *connect.Store) error {
	for _, c := range []connect.Connection{
		{App: "demo", Name: "My demo account", AuthType: vending.OAuth},
		{App: "demo-key", Name: "My demo key", AuthType: vending.APIKey},
	} {
		c.Tenant, c.User = playgroundTenant, playgroundUser
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
func freshKey(ctx context.Context, store *connect.Store) (string, error) {
	key, err := store.CreateTenant(ctx, connect.Tenant{
		ID: playgroundTenant, Email: "playground@example.com", Brand: connect.Brand{Name: "The Playground"},
	})
	if !errors.Is(err, connect.ErrTenantExists) {
		return key, err
	}
	if err := store.PromoteKey(ctx, playgroundTenant); err != nil && !errors.Is(err, connect.ErrOneKey) {
		return "", err
	}
	return store.RotateKey(ctx, playgroundTenant)
}

// start writes the configuration beside the store, where it can be read, and runs it.
func (p *playground) start(ctx context.Context, listen string) error {
	addr, err := freeAddr(ctx, listen)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return fmt.Errorf("--listen %q: write host and port, like %s", addr, playgroundAddr)
	}
	id, secret := p.provider.Client()
	secretFile := filepath.Join(p.dir, "client-secret")
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		return fmt.Errorf("writing the client secret: %w", err)
	}
	file := filepath.Join(p.dir, "Caddyfile")
	config := fmt.Sprintf(playgroundConfig, quotable(p.dir), p.provider.URL(), id, quotable(secretFile), addr, host)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return fmt.Errorf("writing the configuration: %w", err)
	}
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), map[string]any{"filename": file})
	if err != nil {
		return fmt.Errorf("adapting the configuration: %w", err)
	}
	p.facts.Gateway = "http://" + addr
	p.facts.Dashboard = p.facts.Gateway + dashboard.Root
	for i, path := range p.facts.RequestLinks {
		p.facts.RequestLinks[i] = p.facts.Gateway + path
	}
	return caddy.Load(adapted, true)
}

// quotable makes path fit between the quotes of a Caddyfile, in which a backslash escapes quotes
// and nothing else.
func quotable(path string) string { return strings.ReplaceAll(path, `"`, `\"`) }

// freeAddr returns listen or, if it is empty, the usual address or one with a free port.
func freeAddr(ctx context.Context, listen string) (string, error) {
	if listen != "" {
		return listen, nil
	}
	var lc net.ListenConfig
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	l, err := lc.Listen(ctx, "tcp", playgroundAddr)
	if err != nil {
		l, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// playgroundConfig takes data directory, provider, client id, file of the client secret, address,
// and its host. The host of a site address only says which requests it answers: without bind, Caddy
// would listen on every interface.
const playgroundConfig = `{
	admin off
	persist_config off
	auto_https off
	grace_period 3s
	log {
		level ERROR
	}
	vendgate {
		data_dir "%[1]s"
		source local {
			margin 5s
		}
		app demo {
			name "Demo (OAuth)"
			auth_type o_auth
			upstream %[2]s
			oauth2 {
				authorize_url %[2]s/oauth/authorize
				token_url %[2]s/oauth/token
				revoke_url %[2]s/oauth/revoke
			}
			verify /api/me
			allow_http
			allow_private 127.0.0.0/8
		}
		app demo-key {
			name "Demo (API key)"
			auth_type api_key
			upstream %[2]s/key
			field api_key "API key" secret
			header X-Api-Key {api_key}
			verify /ping
			allow_http
			allow_private 127.0.0.0/8
		}
		app demo-limited {
			name "Demo (API key, two calls a minute)"
			auth_type api_key
			upstream %[2]s/key
			field api_key "API key" secret
			header X-Api-Key {api_key}
			allow_http
			allow_private 127.0.0.0/8
		}
		oauth_client demo {
			client_id %[3]s
			client_secret "{file.%[4]s}"
		}
		tenant playground {
			budget app demo-limited 2
		}
	}
}

http://%[5]s {
	bind %[6]s
	vendgate_proxy
	vendgate_connect
	vendgate_not_found
}
`

// playgroundText shows each thing the gateway does as a call to copy. Index 1 of the connections is
// the one to be revoked.
var playgroundText = template.Must(template.New("playground").Funcs(template.FuncMap{
	"call": func(f playgroundFacts, i int) string {
		return fmt.Sprintf("-H 'Authorization: Bearer %s' -H 'x-user-email: %s' '%s%s", f.TenantKey, f.User, f.Gateway,
			f.Connections[i].Path)
	},
}).Parse(`Vendgate is running.

  gateway     {{.Gateway}}
  tenant key  {{.TenantKey}}
  end user    {{.User}}
  provider    {{.Provider}}   (stands for a third-party API)
  dashboard   {{.Dashboard}}   (sign in with the tenant key)

connections
{{range .Connections}}  {{.ID}}  {{.App}} ({{.AuthType}})
{{end}}
1. Call an OAuth API. The provider saw a token that you never see; it shows its fingerprint.
curl -s {{call . 0}}'

2. Let all access tokens expire, and call again: another fingerprint, without a word of OAuth from you.
curl -s -X POST '{{.Provider}}/demo/expire'
curl -s {{call . 0}}'

3. Call an API that wants a key in a header.
curl -s {{call . 2}}'

4. Spend a budget of two calls a minute: the third is 429 rate_limited, with Retry-After.
curl -s -i {{call . 3}}?call=[1-3]'

5. Revoke a grant at the provider: 401 needs_reconnection.
curl -s -X POST '{{.Provider}}/demo/revoke?account=bob'
curl -s -i {{call . 1}}'

6. Connect as your customer would: open these in a browser, each works once. The first signs in at the provider;
   the second asks for an API key, and {{.APIKey}} is one (try a wrong one first).
{{range .RequestLinks}}   {{.}}
{{end}}
Ctrl-C ends it.
`))
