package caddymodule

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("vendgate", parseApp)
	httpcaddyfile.RegisterHandlerDirective("vendgate_proxy", parseProxy)
	httpcaddyfile.RegisterHandlerDirective("vendgate_connect", parseConnect)
	httpcaddyfile.RegisterDirectiveOrder("vendgate_proxy", httpcaddyfile.Before, "reverse_proxy")
	httpcaddyfile.RegisterDirectiveOrder("vendgate_connect", httpcaddyfile.Before, "reverse_proxy")
}

// options are the subdirectives of a block; each reads its own arguments and nothing more.
type options map[string]func(*caddyfile.Dispenser) error

// parseBlock reads the block that d is at, strictly: what is unknown, stands twice without being repeatable, or has
// arguments left over is an error at its line.
func parseBlock(d *caddyfile.Dispenser, opts options) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		read, ok := opts[name]
		if !ok {
			return d.Errf("unknown option %q; the options here are %s", name, strings.Join(slices.Sorted(maps.Keys(opts)), ", "))
		}
		if err := read(d); err != nil {
			return err
		}
		if d.NextArg() {
			return d.Errf("%s: unexpected argument %q", name, d.Val())
		}
	}
	return nil
}

// place is file and line of the current token.
func place(d *caddyfile.Dispenser) string {
	return fmt.Sprintf("%s:%d", filepath.Base(d.File()), d.Line())
}

// text reads one argument into s.
func text(s *string) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if !d.Args(s) {
			return d.ArgErr()
		}
		return nil
	}
}

// texts reads one argument or more, and adds them to list.
func texts(list *[]string) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		args := d.RemainingArgs()
		if len(args) == 0 {
			return d.ArgErr()
		}
		*list = append(*list, args...)
		return nil
	}
}

// flag reads nothing and sets b.
func flag(b *bool) func(*caddyfile.Dispenser) error {
	return func(*caddyfile.Dispenser) error { *b = true; return nil }
}

func duration(v *caddy.Duration) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		var s string
		if !d.Args(&s) {
			return d.ArgErr()
		}
		parsed, err := caddy.ParseDuration(s)
		if err != nil || parsed <= 0 {
			return d.Errf("%q is no positive duration; write one like 10s or 5m", s)
		}
		*v = caddy.Duration(parsed)
		return nil
	}
}

func count[N int | int64](v *N) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		var s string
		if !d.Args(&s) {
			return d.ArgErr()
		}
		n, err := strconv.ParseInt(s, 10, 32)
		if err != nil || n <= 0 {
			return d.Errf("%q is no positive number", s)
		}
		*v = N(n)
		return nil
	}
}

// size reads bytes: `1048576`, `1MiB`, `1MB`.
func size(v *int64) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		var s string
		if !d.Args(&s) {
			return d.ArgErr()
		}
		n, err := humanize.ParseBytes(s)
		if err != nil || n == 0 || n > 1<<62 {
			return d.Errf("%q is no size; write one like 10MiB", s)
		}
		*v = int64(n) //nolint:gosec // bounded above
		return nil
	}
}

// secret reads a reference to a secret.
func secret(ref *string) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if !d.Args(ref) {
			return d.Errf("a secret is missing; write {env.NAME} or {file./path}")
		}
		if err := checkSecretRef(*ref); err != nil {
			return located(d, err)
		}
		return nil
	}
}

// parseApp reads the global option `vendgate { … }`.
func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next()
	if existing != nil {
		return nil, d.Errf("vendgate is configured twice; join the blocks")
	}
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	a := new(App)
	err := parseBlock(d, options{
		"data_dir":        text(&a.DataDir),
		"public_url":      text(&a.PublicURL),
		"vend_timeout":    duration(&a.VendTimeout),
		"default_source":  text(&a.DefaultSource),
		"upstream":        a.Upstream.parse,
		"app":             a.parseApp,
		"oauth_client":    a.parseOAuthClient,
		"source":          a.parseSource,
		"tenant":          a.parseTenant,
		"tenant_defaults": func(d *caddyfile.Dispenser) error { return parseBlock(d, a.TenantDefaults.options()) },
	})
	if err == nil {
		err = located(d, a.checkPublicURL())
	}
	return httpcaddyfile.App{Name: "vendgate", Value: caddyconfig.JSON(a, nil)}, err
}

func (u *Upstream) parse(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{
		"dial_timeout":            duration(&u.DialTimeout),
		"response_header_timeout": duration(&u.ResponseHeaderTimeout),
		"idle_timeout":            duration(&u.IdleTimeout),
		"idle_connections":        count(&u.IdleConnections),
		"trust_ca":                texts(&u.TrustCA),
		"proxy_from_environment":  flag(&u.ProxyFromEnvironment),
	})
}

func (a *App) parseOAuthClient(d *caddyfile.Dispenser) error {
	c := OAuthClient{DefinedAt: place(d)}
	if !d.Args(&c.App) {
		return d.ArgErr()
	}
	err := parseBlock(d, options{
		"client_id":     text(&c.ClientID),
		"client_secret": secret(&c.ClientSecret),
		"tenant":        text(&c.Tenant),
	})
	if err == nil && c.ClientID == "" {
		err = d.Errf("oauth_client %s: client_id is missing", c.App)
	}
	a.OAuthClients = append(a.OAuthClients, c)
	return err
}

// parseProxy reads the directive `vendgate_proxy`.
func parseProxy(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	p := new(Proxy)
	h.Next()
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	err := parseBlock(h.Dispenser, options{"prefix": text(&p.Prefix), "errors": text(&p.Errors)})
	if err == nil && p.Errors != "" && p.Errors != "passthrough" {
		err = h.Errf("errors %q: write passthrough, or leave the option out", p.Errors)
	}
	return p, err
}

// parseConnect reads the directive `vendgate_connect`, which has no options.
func parseConnect(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next()
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	return new(Connect), parseBlock(h.Dispenser, options{})
}

// located is d.WrapErr for errors that may be nil.
func located(d *caddyfile.Dispenser, err error) error {
	if err == nil {
		return nil
	}
	return d.WrapErr(err)
}
