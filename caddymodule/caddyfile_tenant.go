package caddymodule

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/policy"
)

// parseTenant reads `tenant ID { … }`.
func (a *App) parseTenant(d *caddyfile.Dispenser) error {
	t := Tenant{DefinedAt: place(d)}
	if err := named(d, &t.ID, "NAME { … }"); err != nil {
		return err
	}
	if err := policy.CheckTenantID(t.ID); err != nil {
		return located(d, err)
	}
	for _, other := range a.Tenants {
		if other.ID == t.ID {
			return d.Errf("tenant %s is defined twice: join the blocks; the first is at %s", t.ID, other.DefinedAt)
		}
	}
	opts := options{"key": t.parseKey, "key_sha256": t.parseDigest}
	t.addBrandOptions(opts)
	if err := t.parse(d, opts); err != nil {
		return err
	}
	if err := t.checkApps(); err != nil {
		return at(t.DefinedAt, fmt.Errorf("tenant %s: %w", t.ID, err))
	}
	a.Tenants = append(a.Tenants, t)
	return nil
}

// addBrandOptions adds how the tenant appears. The whole is checked after each of them, so that the
// error is at its line.
func (t *Tenant) addBrandOptions(opts options) {
	for name, read := range map[string]option{
		"display_name": text(&t.DisplayName), "email": text(&t.Email), "logo_url": text(&t.LogoURL), "accent": t.parseAccent,
		"frame_ancestors": texts(&t.FrameAncestors), "user_hint": text(&t.UserHint),
		"unconfirmed": text(&t.Unconfirmed),
	} {
		opts[name] = func(d *caddyfile.Dispenser) error {
			if err := read(d); err != nil {
				return err
			}
			return located(d, t.checkBrand())
		}
	}
}

// parseAccent reads `accent "#rrggbb"`, which without its quotes would be a comment.
func (t *Tenant) parseAccent(d *caddyfile.Dispenser) error {
	if !d.Args(&t.Accent) {
		return d.Errf(`accent: a value is missing; write accent "#0a66c2", in quotes because # begins a comment`)
	}
	return nil
}

// parseKey reads `key REF`.
func (t *Tenant) parseKey(d *caddyfile.Dispenser) error {
	var ref string
	if err := secret(&ref)(d); err != nil {
		return err
	}
	t.Keys = append(t.Keys, ref)
	return t.parsedKeys(d)
}

// parseDigest reads `key_sha256 HEX`.
func (t *Tenant) parseDigest(d *caddyfile.Dispenser) error {
	var digest string
	if !d.Args(&digest) {
		return missing(d, "key_sha256", "HEX, the key's SHA-256")
	}
	if _, err := policy.ParseDigest(digest); err != nil {
		return d.Errf("key_sha256: %w", err)
	}
	t.KeyDigests = append(t.KeyDigests, digest)
	return t.parsedKeys(d)
}

// parsedKeys is called after each key, so that the error is at the line of the one too many.
func (t *Tenant) parsedKeys(d *caddyfile.Dispenser) error {
	if err := t.countKeys(); err != nil {
		return d.Errf("tenant %s: %w", t.ID, err)
	}
	return nil
}

// parse reads the block of `tenant`, with its options more, or of `tenant_defaults`.
func (p *TenantPolicy) parse(d *caddyfile.Dispenser, more options) error {
	opts := options{
		"source":        text(&p.Source),
		"capabilities":  p.parseCapabilities,
		"apps":          texts(&p.Apps),
		"rule":          p.parseRule,
		"max_body":      size(&p.MaxBody),
		"max_in_flight": count(&p.MaxInFlight),
		"budget":        p.Budgets.parse,
	}
	maps.Copy(opts, more)
	return parseBlock(d, opts, "capabilities", "apps", "rule", "budget", "key", "key_sha256", "frame_ancestors")
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
		return d.Errf("rule %s: %q is invalid: write rule APP allow|deny [METHOD…] [/path]", r.App, verb)
	}
	for _, arg := range d.RemainingArgs() {
		switch {
		case r.Path != "":
			return d.Errf("rule %s: %q comes after the path: write the path last, and one rule for each path", r.App, arg)
		case strings.HasPrefix(arg, "/"):
			r.Path = arg
		case strings.ContainsAny(arg, "/*%.") && !strings.ContainsAny(arg, "{}"): // of braces the rule has more to say
			return d.Errf("rule %s: %q is not a method: write methods in upper case, and begin a path with /", r.App, arg)
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

// parse reads `budget token|api|connection N`, `budget app SLUG N`; N is a number of units a minute
// or `unlimited`.
func (b *Budgets) parse(d *caddyfile.Dispenser) error {
	var kind, app string
	if !d.Args(&kind) || kind == "app" && !d.Args(&app) || !d.NextArg() {
		return d.Errf("write budget token|api|connection N, or budget app SLUG N; N is units a minute, or unlimited")
	}
	name := strings.TrimSpace(kind + " " + app)
	if b.has(kind, app) {
		return d.Errf("budget %s is a duplicate; keep one of them", name)
	}
	units := 0
	if d.Val() != "unlimited" {
		n, err := strconv.Atoi(d.Val())
		if err != nil || n <= 0 {
			return d.Errf("budget %s %q is invalid: write a positive number of units a minute, or unlimited", name, d.Val())
		}
		units = n
	}
	switch kind {
	case "token":
		b.Token = &units
	case "api":
		b.API = &units
	case "connection":
		b.Connection = &units
	case "app":
		if b.Apps == nil {
			b.Apps = make(map[string]int)
		}
		b.Apps[app] = units
	default:
		return d.Errf("budget %q is unknown: write token, api, connection or app", kind)
	}
	return nil
}

// has reports whether the budget is stated already.
func (b *Budgets) has(kind, app string) bool {
	_, ok := b.Apps[app]
	return kind == "token" && b.Token != nil || kind == "api" && b.API != nil || kind == "connection" &&
		b.Connection != nil || kind == "app" && ok
}
