package caddymodule

import (
	"encoding/json"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// parseSource reads `source TYPE [NAME] { … }`; the name is the type by default.
func (a *App) parseSource(d *caddyfile.Dispenser) error {
	if !d.NextArg() {
		return d.Errf("write source TYPE [NAME]; the types are local, platform and static")
	}
	kind, name := d.Val(), d.Val()
	segment := d.NewFromNextSegment()
	segment.Next()
	if segment.NextArg() {
		name = segment.Val()
	}
	if _, twice := a.SourcesRaw[name]; twice {
		return d.Errf("source %s is defined twice; give one of them another name", name)
	}
	info, err := caddy.GetModule("vendgate.sources." + kind)
	if err != nil {
		return d.Errf("%q is no type of source; the types are local, platform and static", kind)
	}
	module, ok := info.New().(caddyfile.Unmarshaler)
	if !ok {
		return d.Errf("source type %s cannot be written in a Caddyfile", kind)
	}
	if err := module.UnmarshalCaddyfile(segment); err != nil {
		return err
	}
	if a.SourcesRaw == nil {
		a.SourcesRaw = make(map[string]json.RawMessage)
	}
	a.SourcesRaw[name] = caddyconfig.JSONModuleObject(module, "type", kind, nil)
	return nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *LocalSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{"margin": duration(&s.Margin), "refresh_timeout": duration(&s.RefreshTimeout)})
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *PlatformSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	err := parseBlock(d, options{
		"url": text(&s.URL), "key": s.parseKey, "alias": s.parseAlias, "timeout": duration(&s.Timeout),
		"allow_http": flag(&s.AllowHTTP), "allow_private": texts(&s.AllowPrivate),
	})
	switch {
	case err != nil:
		return err
	case s.URL == "":
		return d.Errf("source platform: url is missing, like https://connect.pabbly.com/platform/v1")
	case s.Key == "" && len(s.Keys) == 0 && !s.Passthrough:
		return d.Errf("source platform: no key; write key {env.NAME}, key TENANT {env.NAME} or key passthrough")
	}
	return nil
}

// parseKey reads `key REF`, `key TENANT REF` or `key passthrough`.
func (s *PlatformSource) parseKey(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	switch {
	case len(args) == 1 && args[0] == "passthrough":
		s.Passthrough = true
		return nil
	case len(args) == 1:
		s.Key = args[0]
	case len(args) == 2:
		if s.Keys == nil {
			s.Keys = make(map[string]string)
		}
		s.Keys[args[0]] = args[1]
	default:
		return d.ArgErr()
	}
	return located(d, checkSecretRef(args[len(args)-1]))
}

func (s *PlatformSource) parseAlias(d *caddyfile.Dispenser) error {
	var remote, slug string
	if !d.Args(&remote, &slug) {
		return d.ArgErr()
	}
	if s.Aliases == nil {
		s.Aliases = make(map[string]string)
	}
	s.Aliases[remote] = slug
	return nil
}

// UnmarshalCaddyfile implements caddyfile.Unmarshaler.
func (s *StaticSource) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return parseBlock(d, options{"connection": s.parseConnection})
}

// parseConnection reads `connection ID { tenant …; user …; app …; field NAME VALUE }`.
func (s *StaticSource) parseConnection(d *caddyfile.Dispenser) error {
	c := StaticConnection{User: "*", Fields: make(map[string]string), DefinedAt: place(d)}
	if !d.Args(&c.ID) {
		return d.ArgErr()
	}
	err := parseBlock(d, options{
		"tenant": text(&c.Tenant), "user": text(&c.User), "app": text(&c.App),
		"field": func(d *caddyfile.Dispenser) error {
			var name, value string
			if !d.Args(&name, &value) {
				return d.ArgErr()
			}
			c.Fields[name] = value
			return nil
		},
	})
	switch {
	case err != nil:
		return err
	case c.Tenant == "" || c.App == "" || len(c.Fields) == 0:
		return d.Errf("connection %s needs tenant, app and at least one field", c.ID)
	}
	s.Connections = append(s.Connections, c)
	return nil
}

var (
	_ caddyfile.Unmarshaler = (*LocalSource)(nil)
	_ caddyfile.Unmarshaler = (*PlatformSource)(nil)
	_ caddyfile.Unmarshaler = (*StaticSource)(nil)
)
