package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/caddymodule/internal/secretref"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending/pipedream"
)

// parseSource reads `source TYPE [NAME] { … }`; the name is the type by default. The type's module
// reads it without the name, as Caddy's modules read their segments: from its first token on.
func (a *App) parseSource(d *caddyfile.Dispenser) error {
	where := place(d)
	if !d.NextArg() {
		return d.Errf("write source TYPE [NAME]; the types are %s", sourceTypes())
	}
	kind, name := d.Val(), d.Val()
	tokens := d.NextSegment()
	arguments := caddyfile.NewDispenser(tokens)
	arguments.Next()
	if arguments.NextArg() {
		name = arguments.Val()
		tokens = slices.Delete(slices.Clone(tokens), 1, 2)
	}
	info, err := caddy.GetModule(sourceNamespace + "." + kind)
	if err != nil {
		return at(where, fmt.Errorf("unknown type of source %q; the types are %s", kind, sourceTypes()))
	}
	module, ok := info.New().(SourceModule)
	if !ok {
		return at(where, fmt.Errorf("module %s is not a source", info.ID))
	}
	if err := a.checkSourceName(kind, name, module); err != nil {
		return at(where, err)
	}
	unmarshaler, ok := module.(caddyfile.Unmarshaler)
	if !ok {
		return at(where, fmt.Errorf("a source of type %s cannot be written in a Caddyfile: write it in JSON", kind))
	}
	if arguments.NextArg() {
		return arguments.Errf("source has too many arguments; write source TYPE [NAME]")
	}
	if err := unmarshaler.UnmarshalCaddyfile(caddyfile.NewDispenser(tokens)); err != nil {
		return err
	}
	if a.SourcesRaw == nil {
		a.SourcesRaw = make(map[string]json.RawMessage)
	}
	a.SourcesRaw[name] = caddyconfig.JSONModuleObject(module, "type", kind, nil)
	a.DefinedAt["source "+name] = where
	return nil
}

// checkSourceName reports a source that is defined already.
func (a *App) checkSourceName(kind, name string, module SourceModule) error {
	if others := a.storeSources(); usesStore(module) && len(others) > 0 {
		return fmt.Errorf("%w; the first is at %s", errLocalTwice(others[0], name), a.DefinedAt["source "+others[0]])
	}
	if _, twice := a.SourcesRaw[name]; twice {
		return fmt.Errorf("source %s is defined twice: give one of them another name, source %s NAME; the first is at %s",
			name, kind, a.DefinedAt["source "+name])
	}
	return nil
}

// sourceTypes lists the types for messages.
func sourceTypes() string {
	var types []string
	for _, info := range caddy.GetModules(sourceNamespace) {
		types = append(types, info.ID.Name())
	}
	return strings.Join(types, ", ")
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *LocalSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the type
	return parseBlock(d, options{"margin": duration(&s.Margin), "refresh_timeout": duration(&s.RefreshTimeout)})
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *PlatformSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the type
	where := place(d)
	err := parseBlock(d, options{
		"url": text(&s.URL), "key": s.parseKey, "alias": s.parseAlias, "timeout": duration(&s.Timeout),
		"allow_http": flag(&s.AllowHTTP), "allow_private": texts(&s.AllowPrivate),
	}, "key", "alias", "allow_private")
	switch {
	case err != nil:
		return err
	case s.URL == "":
		return at(where, errors.New("source platform: url is missing: write it like https://connect.pabbly.com/platform/v1"))
	case s.Key == "" && len(s.Keys) == 0 && !s.Passthrough:
		return at(where, fmt.Errorf("source platform: %w", errNoKey))
	}
	return nil
}

// parseKey reads `key REF`, `key TENANT REF` or `key passthrough`.
func (s *PlatformSource) parseKey(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return d.Errf("write key {env.NAME}, key TENANT {env.NAME} or key passthrough")
	}
	ref, tenant := args[len(args)-1], ""
	if len(args) == 2 {
		tenant = args[0]
	}
	switch passed := tenant == "" && ref == "passthrough"; {
	case passed && (s.Key != "" || len(s.Keys) > 0), !passed && s.Passthrough:
		return located(d, errPassthrough)
	case passed:
		s.Passthrough = true
		return nil
	case tenant == "" && s.Key != "" || s.Keys[tenant] != "":
		return d.Errf("%skey is a duplicate; keep one of them", ofTenant(tenant))
	case secretref.Check(ref) != nil:
		return located(d, secretref.ErrForm)
	case len(args) == 2 && policy.CheckTenantID(tenant) != nil:
		return located(d, fmt.Errorf("key: %w", policy.CheckTenantID(tenant)))
	case tenant == "":
		s.Key = ref
		return nil
	case s.Keys == nil:
		s.Keys = make(map[string]string)
	}
	s.Keys[tenant] = ref
	return nil
}

func (s *PlatformSource) parseAlias(d *caddyfile.Dispenser) error {
	return pair(d, &s.Aliases)
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *PipedreamSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the type
	where := place(d)
	err := parseBlock(d, options{
		"project": text(&s.Project), "environment": checked(text(&s.Environment), s.checkEnvironment),
		"client_id":     text(&s.ClientID),
		"client_secret": secret(&s.ClientSecret), "end_user": checked(text(&s.EndUser), s.checkEndUser), "app": s.parseApp,
		"tenant":   checked(texts(&s.TenantIDs), s.checkTenants),
		"endpoint": text(&s.Endpoint), "timeout": duration(&s.Timeout), "allow_http": flag(&s.AllowHTTP),
		"allow_private": texts(&s.AllowPrivate),
	}, "app", "tenant", "allow_private")
	switch {
	case err != nil:
		return err
	case s.Project == "" || s.ClientID == "" || s.ClientSecret == "":
		return at(where, errors.New("source pipedream needs project proj_…, client_id ID and client_secret {env.NAME}"))
	case len(s.TenantIDs) == 0:
		return at(where,
			errors.New("source pipedream: tenant is missing: write tenant NAME …, the tenants whose accounts the project holds"))
	}
	return nil
}

// checked reads an option and checks what was read, so that the error is at its line.
func checked(read option, check func() error) option {
	return func(d *caddyfile.Dispenser) error {
		if err := read(d); err != nil {
			return err
		}
		return located(d, check())
	}
}

// parseApp reads `app SLUG NAME_SLUG [THEIR_FIELD=FIELD …]`.
func (s *PipedreamSource) parseApp(d *caddyfile.Dispenser) error {
	var slug string
	var app pipedream.App
	if !d.Args(&slug, &app.NameSlug) {
		return d.Errf("write app SLUG NAME_SLUG [THEIR_FIELD=FIELD …]")
	}
	if _, twice := s.Apps[slug]; twice {
		return d.Errf("app %s is a duplicate; join the lines", slug)
	}
	for _, arg := range d.RemainingArgs() {
		theirs, ours, ok := strings.Cut(arg, "=")
		if _, twice := app.Fields[theirs]; !ok || twice || theirs == "" || ours == "" {
			return d.Errf("app %s: %q: after the name write THEIR_FIELD=FIELD, each of their fields once", slug, arg)
		}
		if app.Fields == nil {
			app.Fields = make(map[string]string)
		}
		app.Fields[theirs] = ours
	}
	if s.Apps == nil {
		s.Apps = make(map[string]pipedream.App)
	}
	s.Apps[slug] = app
	return nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *StaticSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // the type
	return parseBlock(d, options{"connection": s.parseConnection}, "connection")
}

// parseConnection reads `connection ID { tenant …; user …; app …; field NAME VALUE }`.
func (s *StaticSource) parseConnection(d *caddyfile.Dispenser) error {
	c := StaticConnection{User: "*", Fields: make(map[string]string), DefinedAt: place(d)}
	if err := named(d, &c.ID, "ID { … }"); err != nil {
		return err
	}
	for _, other := range s.Connections {
		if other.ID == c.ID {
			return d.Errf("connection %s is defined twice: give one of them another id; the first is at %s", c.ID,
				other.DefinedAt)
		}
	}
	err := parseBlock(d, options{
		"tenant": tenantID(&c.Tenant), "user": c.parseUser, "app": text(&c.App),
		"field": func(d *caddyfile.Dispenser) error { return pair(d, &c.Fields) },
	}, "field")
	switch {
	case err != nil:
		return err
	case c.Tenant == "" || c.App == "" || len(c.Fields) == 0:
		return at(c.DefinedAt, fmt.Errorf("connection %s needs tenant NAME, app SLUG and at least one field NAME VALUE",
			c.ID))
	}
	s.Connections = append(s.Connections, c)
	return nil
}

func (c *StaticConnection) parseUser(d *caddyfile.Dispenser) error {
	if err := text(&c.User)(d); err != nil {
		return err
	}
	return located(d, c.checkUser())
}

var (
	_ caddyfile.Unmarshaler = (*LocalSource)(nil)
	_ caddyfile.Unmarshaler = (*PipedreamSource)(nil)
	_ caddyfile.Unmarshaler = (*PlatformSource)(nil)
	_ caddyfile.Unmarshaler = (*StaticSource)(nil)
)
