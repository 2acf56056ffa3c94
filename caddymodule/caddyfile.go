package caddymodule

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("vendgate", parseApp)
	httpcaddyfile.RegisterHandlerDirective("vendgate_proxy", parseProxy)
	httpcaddyfile.RegisterHandlerDirective("vendgate_connect", parseConnect)
	httpcaddyfile.RegisterDirective("vendgate_health", parseHealth)
	httpcaddyfile.RegisterHandlerDirective("vendgate_not_found", parseNotFound)
	httpcaddyfile.RegisterDirectiveOrder("vendgate_health", httpcaddyfile.Before, "reverse_proxy")
	httpcaddyfile.RegisterDirectiveOrder("vendgate_proxy", httpcaddyfile.Before, "reverse_proxy")
	httpcaddyfile.RegisterDirectiveOrder("vendgate_connect", httpcaddyfile.Before, "reverse_proxy")
	// the last of Caddy's own
	httpcaddyfile.RegisterDirectiveOrder("vendgate_not_found", httpcaddyfile.After, "acme_server")
}

// options are the subdirectives of a block.
type options map[string]option

// parseBlock reads the block that d is at, strictly: an option that is unknown, a duplicate of one
// that is not repeatable, or has too many arguments is an error at its line, which does not show
// the arguments: one of them may be a secret.
func parseBlock(d *caddyfile.Dispenser, opts options, repeatable ...string) error {
	seen := make(map[string]int)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		read, ok := opts[name]
		switch first, twice := seen[name]; {
		case !ok && len(opts) == 0:
			return d.Errf("unknown option %q; there are no options here", name)
		case !ok:
			return d.Errf("unknown option %q; the options here are %s", name, strings.Join(slices.Sorted(maps.Keys(opts)), ", "))
		case twice && !slices.Contains(repeatable, name):
			return d.Errf("%s is a duplicate: keep one of them; the first is on line %d", name, first)
		}
		seen[name] = d.Line()
		empty := hasEmptyArgument(*d)
		if err := read(d); err != nil {
			return err
		}
		if empty && !slices.Contains(freeTexts, name) {
			return d.Errf("%s has an empty argument, and many options mean no bound without one: "+
				"write its value, or leave the argument out", name)
		}
		if d.NextArg() {
			return d.Errf("%s has too many arguments; put a value with spaces in quotes", name)
		}
	}
	return nil
}

// freeTexts are the options by which an app is sent a text that may be empty or a space.
var freeTexts = []string{
	"authorize_param", "basic", "default_header", "header", "message", "prefix", "query", "refresh_param",
	"scope_separator", "token_param",
}

// hasEmptyArgument reports whether the line that d is at has an argument of nothing or white space,
// such as a variable in quotes whose value is empty. d is a copy: the option is yet to be read.
func hasEmptyArgument(d caddyfile.Dispenser) bool {
	for d.NextArg() {
		if isBlank(d.Val()) {
			return true
		}
	}
	return false
}

// place is file and line of the current token.
func place(d *caddyfile.Dispenser) string { return fmt.Sprintf("%s:%d", d.File(), d.Line()) }

// parseApp reads the global option `vendgate { … }`.
func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	if err := checkVariables(d); err != nil {
		return nil, err
	}
	d.Next()
	if existing != nil {
		return nil, d.Errf("vendgate is configured twice; join the blocks")
	}
	if d.NextArg() {
		return nil, d.Errf("vendgate takes no argument; write its options in a block, vendgate { … }")
	}
	a := &App{DefinedAt: make(map[string]string)}
	var blocks []*caddyfile.Dispenser
	opts := options{
		"data_dir":        text(&a.DataDir),
		"store":           a.Store.parse,
		"limiter":         a.Limiter.parse,
		"public_url":      a.parsePublicURL,
		"vend_timeout":    duration(&a.VendTimeout),
		"log_user":        a.parseLogUser,
		"reload_grace":    a.parseReloadGrace,
		"default_source":  text(&a.DefaultSource),
		"metrics":         a.Metrics.parse,
		"upstream":        a.Upstream.parse,
		"catalog":         a.Catalog.parse,
		"app":             later(&blocks),
		"oauth_client":    a.parseOAuthClient,
		"source":          a.parseSource,
		"tenant":          a.parseTenant,
		"tenant_defaults": func(d *caddyfile.Dispenser) error { return a.TenantDefaults.parse(d, nil) },
	}
	for _, name := range []string{"catalog", "data_dir", "default_source", "limiter", "log_user", "store", "upstream",
		"tenant_defaults"} {
		read := opts[name]
		opts[name] = func(d *caddyfile.Dispenser) error { a.DefinedAt[name] = place(d); return read(d) }
	}
	err := parseBlock(d, opts, "app", "oauth_client", "source", "tenant")
	if err == nil {
		err = a.parseApps(blocks)
	}
	return httpcaddyfile.App{Name: "vendgate", Value: caddyconfig.JSON(a, nil)}, err
}

// later keeps the tokens of a block for when all else is known.
func later(blocks *[]*caddyfile.Dispenser) option {
	return func(d *caddyfile.Dispenser) error {
		*blocks = append(*blocks, d.NewFromNextSegment())
		return nil
	}
}

// parseReloadGrace reads `reload_grace DURATION`, where 0 turns it off.
func (a *App) parseReloadGrace(d *caddyfile.Dispenser) error {
	var s string
	if !d.Args(&s) {
		return missing(d, "reload_grace", "300ms")
	}
	parsed, err := caddy.ParseDuration(s)
	if err != nil || parsed < 0 || parsed > maxReloadGrace {
		return d.Errf("reload_grace %q is invalid: write a duration up to 1m, like 300ms, or 0 to turn it off", s)
	}
	grace := caddy.Duration(parsed)
	a.ReloadGrace = &grace
	return nil
}

func (a *App) parsePublicURL(d *caddyfile.Dispenser) error {
	if err := text(&a.PublicURL)(d); err != nil {
		return err
	}
	return located(d, a.checkPublicURL())
}

// parseLogUser reads `log_user plain|hash KEY|off`.
func (a *App) parseLogUser(d *caddyfile.Dispenser) error {
	if err := text(&a.LogUser)(d); err != nil {
		return err
	}
	switch a.LogUser {
	case "plain", "off":
		return nil
	case "hash":
		return secret(&a.LogUserKey)(d)
	}
	return d.Errf("log_user %q: write plain, hash KEY or off", a.LogUser)
}

func (u *Upstream) parse(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{
		"dial_timeout":            duration(&u.DialTimeout),
		"response_header_timeout": duration(&u.ResponseHeaderTimeout),
		"idle_timeout":            duration(&u.IdleTimeout),
		"idle_connections":        count(&u.IdleConnections),
		"trust_ca":                texts(&u.TrustCA),
		"proxy_from_environment":  flag(&u.ProxyFromEnvironment),
	}, "trust_ca")
}

func (m *Metrics) parse(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{"tenants": m.parseTenants})
}

// parseTenants reads `tenants [MAX]`.
func (m *Metrics) parseTenants(d *caddyfile.Dispenser) error {
	m.Tenants = defaultMetricTenants
	if d.CountRemainingArgs() > 0 {
		if err := count(&m.Tenants)(d); err != nil {
			return err
		}
	}
	return located(d, m.check())
}

// parseOAuthClient reads `oauth_client APP { … }`.
func (a *App) parseOAuthClient(d *caddyfile.Dispenser) error {
	c := OAuthClient{DefinedAt: place(d)}
	if err := named(d, &c.App, "APP { … }"); err != nil {
		return err
	}
	err := parseBlock(d, options{
		"client_id":     text(&c.ClientID),
		"client_secret": secret(&c.ClientSecret),
		"tenant":        tenantID(&c.Tenant),
		"scopes":        c.parseScopes,
		"field":         func(d *caddyfile.Dispenser) error { return pair(d, &c.Fields) },
	}, "scopes", "field")
	if err != nil {
		return err
	}
	if c.ClientID == "" {
		return at(c.DefinedAt, fmt.Errorf("oauth_client %s: client_id is missing: write the one the provider gave you",
			c.App))
	}
	for _, other := range a.OAuthClients {
		if other.App == c.App && other.Tenant == c.Tenant {
			return at(c.DefinedAt, fmt.Errorf("%w; the first is at %s", errClientTwice(c.App), other.DefinedAt))
		}
	}
	a.OAuthClients = append(a.OAuthClients, c)
	return nil
}

// parseScopes reads `scopes SCOPE…`.
func (c *OAuthClient) parseScopes(d *caddyfile.Dispenser) error {
	if err := texts(&c.Scopes)(d); err != nil {
		return err
	}
	return located(d, c.checkScopes())
}

// parseProxy reads the directive `vendgate_proxy`.
func parseProxy(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	if err := checkVariables(h.Dispenser); err != nil {
		return nil, err
	}
	p := new(Proxy)
	h.Next()
	if h.NextArg() {
		return nil, h.Errf("vendgate_proxy takes no argument; write prefix /path in a block, vendgate_proxy { … }")
	}
	checked := func(read option) option {
		return func(d *caddyfile.Dispenser) error {
			if err := read(d); err != nil {
				return err
			}
			return located(d, p.check())
		}
	}
	return p, parseBlock(h.Dispenser, options{
		"prefix": checked(text(&p.Prefix)), "hosts": checked(texts(&p.Hosts)), "errors": checked(text(&p.Errors)),
		"redirects":                checked(text(&p.Redirects)),
		"tenant_keys_in_placement": flag(&p.TenantKeysInPlacement),
	}, "hosts")
}

// parseConnect reads the directive `vendgate_connect`, which has no options.
func parseConnect(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	if err := checkVariables(h.Dispenser); err != nil {
		return nil, err
	}
	h.Next()
	c := &Connect{DefinedAt: place(h.Dispenser)}
	if h.NextArg() {
		return nil, h.Errf("vendgate_connect takes no argument; its paths are fixed")
	}
	return c, parseBlock(h.Dispenser, options{})
}

// parseNotFound reads the directive `vendgate_not_found`, which has no options.
func parseNotFound(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	if err := checkVariables(h.Dispenser); err != nil {
		return nil, err
	}
	h.Next()
	if h.NextArg() {
		return nil, h.Errf("vendgate_not_found takes no argument; write it last in its site")
	}
	return new(NotFound), parseBlock(h.Dispenser, options{})
}

// parseHealth reads the directive `vendgate_health [PREFIX]`. It takes no matcher, as which Caddy
// would read the prefix.
func parseHealth(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	if err := checkVariables(h.Dispenser); err != nil {
		return nil, err
	}
	h.Next()
	health := new(Health)
	if h.NextArg() {
		health.Prefix = h.Val()
	}
	if h.NextArg() {
		return nil, h.Errf("vendgate_health has too many arguments; write vendgate_health [PREFIX]")
	}
	if err := located(h.Dispenser, health.check()); err != nil {
		return nil, err
	}
	return h.NewRoute(nil, health), parseBlock(h.Dispenser, options{})
}

// located is d.WrapErr for errors that may be nil.
func located(d *caddyfile.Dispenser, err error) error {
	if err == nil {
		return nil
	}
	return d.WrapErr(err)
}
