package caddymodule

import (
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/policy"
)

// parseTenant reads `tenant ID { … }`.
func (a *App) parseTenant(d *caddyfile.Dispenser) error {
	t := Tenant{DefinedAt: place(d)}
	if !d.Args(&t.ID) {
		return d.ArgErr()
	}
	if err := policy.CheckTenantID(t.ID); err != nil {
		return located(d, err)
	}
	for _, other := range a.Tenants {
		if other.ID == t.ID {
			return d.Errf("tenant %s is defined twice; the first is at %s", t.ID, other.DefinedAt)
		}
	}
	opts := t.options()
	opts["key"] = func(d *caddyfile.Dispenser) error {
		var ref string
		err := secret(&ref)(d)
		t.Keys = append(t.Keys, ref)
		return err
	}
	opts["key_sha256"] = func(d *caddyfile.Dispenser) error {
		var digest string
		if !d.Args(&digest) {
			return d.ArgErr()
		}
		t.KeyDigests = append(t.KeyDigests, digest)
		_, err := policy.ParseDigest(digest)
		return located(d, err)
	}
	if err := parseBlock(d, opts); err != nil {
		return err
	}
	if n := len(t.Keys) + len(t.KeyDigests); n > 2 {
		return d.Errf("tenant %s has %d keys; it may have one, or two during rotation", t.ID, n)
	}
	a.Tenants = append(a.Tenants, t)
	return nil
}

// options are those of `tenant` and `tenant_defaults`.
func (p *TenantPolicy) options() options {
	return options{
		"source":        text(&p.Source),
		"capabilities":  p.parseCapabilities,
		"apps":          texts(&p.Apps),
		"rule":          p.parseRule,
		"max_body":      size(&p.MaxBody),
		"max_in_flight": count(&p.MaxInFlight),
		"budget":        p.Budgets.parse,
	}
}

func (p *TenantPolicy) parseCapabilities(d *caddyfile.Dispenser) error {
	if err := texts(&p.Capabilities)(d); err != nil {
		return err
	}
	_, err := policy.ParseCapabilities(p.Capabilities)
	return located(d, err)
}

// parseRule reads `rule APP allow|deny [METHOD…] [/path]`.
func (p *TenantPolicy) parseRule(d *caddyfile.Dispenser) error {
	var verb string
	r := policy.Rule{}
	if !d.Args(&r.App, &verb) {
		return d.Errf("write rule APP allow|deny [METHOD…] [/path]")
	}
	switch verb {
	case "allow":
	case "deny":
		r.Deny = true
	default:
		return d.Errf("rule %s: %q is neither allow nor deny", r.App, verb)
	}
	for _, arg := range d.RemainingArgs() {
		switch {
		case r.Path != "":
			return d.Errf("rule %s: %q stands after the path, which is last", r.App, arg)
		case strings.HasPrefix(arg, "/"):
			r.Path = arg
		default:
			r.Methods = append(r.Methods, arg)
		}
	}
	if err := r.Check(); err != nil {
		return d.Errf("rule %s: %v", r.App, err)
	}
	p.Rules = append(p.Rules, r)
	return nil
}

// parse reads `budget token|api|connection N`, `budget app SLUG N`; N is a number of units a minute or `unlimited`.
func (b *Budgets) parse(d *caddyfile.Dispenser) error {
	var kind, app string
	if !d.Args(&kind) || kind == "app" && !d.Args(&app) || !d.NextArg() {
		return d.Errf("write budget token|api|connection N, or budget app SLUG N; N is units a minute")
	}
	units := 0
	if d.Val() != "unlimited" {
		n, err := strconv.Atoi(d.Val())
		if err != nil || n <= 0 {
			return d.Errf("budget %s: %q is no positive number of units a minute; for none write unlimited", kind, d.Val())
		}
		units = n
	}
	switch kind {
	case "token":
		b.Token = &units
	case "api":
		b.API = &units
	case "connection":
		b.Connection = units
	case "app":
		if b.Apps == nil {
			b.Apps = make(map[string]int)
		}
		b.Apps[app] = units
	default:
		return d.Errf("budget %q: there are token, api, connection and app", kind)
	}
	return nil
}
