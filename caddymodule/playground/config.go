package playground

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/vendgate/vendgate/connect/web/dashboard"
)

// start writes the configuration into the directory of the store, where it can be read, and runs
// it.
func (p *playground) start(ctx context.Context, listen string) error {
	addr, err := freeAddr(ctx, listen)
	if err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil || host == "" {
		return fmt.Errorf("--listen %q: write host and port, like %s", addr, defaultAddr)
	}
	id, secret := p.provider.Client()
	secretFile := filepath.Join(p.dir, "client-secret")
	if err := os.WriteFile(secretFile, []byte(secret), 0o600); err != nil {
		return fmt.Errorf("writing the client secret: %w", err)
	}
	file := filepath.Join(p.dir, "Caddyfile")
	config := fmt.Sprintf(caddyfile, quotable(p.dir), p.provider.URL(), id, quotable(secretFile), addr, host)
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
	l, err := lc.Listen(ctx, "tcp", defaultAddr)
	if err != nil {
		l, err = lc.Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// caddyfile takes data directory, provider, client id, file of the client secret, address,
// and its host. The host of a site address only says which requests it answers: without bind, Caddy
// would listen on every interface.
const caddyfile = `{
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
	vendgate_health
	vendgate_proxy
	vendgate_connect
	vendgate_not_found
}
`
