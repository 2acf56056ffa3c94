package caddymodule

import (
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/inject"
)

// parseApp reads `app SLUG { … }`. An app of the embedded catalog keeps what the block does not state; its
// placement is replaced as a whole.
func (a *App) parseApp(d *caddyfile.Dispenser) error {
	entry := AppEntry{DefinedAt: place(d)}
	if err := named(d, &entry.Slug, "SLUG { … }"); err != nil {
		return err
	}
	for _, other := range a.Apps {
		if other.Slug == entry.Slug {
			return d.Errf("app %s is defined twice: join the blocks; the first is at %s", entry.Slug, other.DefinedAt)
		}
	}
	embedded, err := catalog.Embedded()
	if err != nil {
		return located(d, err)
	}
	if known, ok := embedded.App(entry.Slug); ok {
		entry.App = *known
		entry.Categories = slices.Clip(entry.Categories) // appending must not reach the embedded entry
	}
	if err := parseBlock(d, appOptions(&entry.App), "categories", "allow_private", "field", "header", "query"); err != nil {
		return err
	}
	if entry.Name == "" {
		entry.Name = entry.Slug
	}
	if err := entry.Check(); err != nil {
		return at(entry.DefinedAt, err)
	}
	if _, err := inject.NewPlacement(&entry.App); err != nil {
		return at(entry.DefinedAt, err)
	}
	a.Apps = append(a.Apps, entry)
	return nil
}

func appOptions(app *catalog.App) options {
	opts := options{
		"name": text(&app.Name), "categories": texts(&app.Categories), "auth_type": text(&app.AuthType), "upstream": text(&app.Upstream),
		"errors": text(&app.Errors), "allow_http": flag(&app.AllowHTTP), "allow_private": texts(&app.AllowPrivate),
		"verify": func(d *caddyfile.Dispenser) error { return parseVerify(d, app) },
		"oauth2": func(d *caddyfile.Dispenser) error { return parseOAuth2(d, app) },
		"sign":   func(d *caddyfile.Dispenser) error { return parseSign(d, app) },
	}
	fields := 0
	opts["field"] = func(d *caddyfile.Dispenser) error {
		if fields++; fields == 1 {
			app.Fields = nil // the first one stated replaces the embedded ones
		}
		return parseField(d, app)
	}
	addPlacementOptions(opts, app)
	return opts
}

// addPlacementOptions adds `header`, `query`, `basic` and `path_prefix`.
func addPlacementOptions(opts options, app *catalog.App) {
	stated := false
	placement := func() *catalog.Placement {
		if !stated {
			app.Placement, stated = new(catalog.Placement), true
		}
		return app.Placement
	}
	opts["header"] = func(d *caddyfile.Dispenser) error { return pair(d, &placement().Header) }
	opts["query"] = func(d *caddyfile.Dispenser) error { return pair(d, &placement().Query) }
	opts["basic"] = func(d *caddyfile.Dispenser) error {
		b := new(catalog.Basic)
		if !d.Args(&b.Username, &b.Password) {
			return missing(d, "basic", "{username} {password}")
		}
		placement().Basic = b
		return nil
	}
	opts["path_prefix"] = func(d *caddyfile.Dispenser) error { return text(&placement().PathPrefix)(d) }
}

// parseField reads `field NAME [LABEL] [secret]`.
func parseField(d *caddyfile.Dispenser, app *catalog.App) error {
	var f catalog.Field
	if !d.Args(&f.Name) {
		return missing(d, "field", "NAME [LABEL] [secret]")
	}
	for _, arg := range d.RemainingArgs() {
		switch {
		case arg == "secret":
			f.Secret = true
		case f.Label == "":
			f.Label = arg
		default:
			return d.Errf("field %s has an argument too many; write field NAME [LABEL] [secret], with the label in quotes", f.Name)
		}
	}
	app.Fields = append(app.Fields, f)
	return nil
}

// parseVerify reads `verify [METHOD] /path`.
func parseVerify(d *caddyfile.Dispenser, app *catalog.App) error {
	v := new(catalog.Verify)
	switch args := d.RemainingArgs(); len(args) {
	case 1:
		v.Path = args[0]
	case 2:
		v.Method, v.Path = args[0], args[1]
	default:
		return d.Errf("write verify [METHOD] /path")
	}
	app.Verify = v
	return nil
}

func parseOAuth2(d *caddyfile.Dispenser, app *catalog.App) error {
	o := new(catalog.OAuth2)
	if app.OAuth2 != nil {
		*o = *app.OAuth2
		o.Scopes = nil
		o.AuthorizeParams = maps.Clone(o.AuthorizeParams) // adding to it must not reach the embedded entry
	}
	err := parseBlock(d, options{
		"authorize_url": text(&o.AuthorizeURL), "token_url": text(&o.TokenURL), "revoke_url": text(&o.RevokeURL),
		"scopes": texts(&o.Scopes), "scope_separator": text(&o.ScopeSeparator), "client_auth": text(&o.ClientAuth),
		"issuer": text(&o.Issuer), "grant": text(&o.Grant), "no_pkce": flag(&o.NoPKCE), "token_lifetime": count(&o.TokenLifetime),
		"authorize_param": func(d *caddyfile.Dispenser) error { return pair(d, &o.AuthorizeParams) },
	}, "scopes", "authorize_param")
	if o.Scopes == nil && app.OAuth2 != nil {
		o.Scopes = app.OAuth2.Scopes
	}
	app.OAuth2 = o
	return err
}

func parseSign(d *caddyfile.Dispenser, app *catalog.App) error {
	s := new(catalog.Sign)
	if err := named(d, &s.Scheme, "aws_sigv4|hmac { … }"); err != nil {
		return err
	}
	err := parseBlock(d, options{
		"service": text(&s.Service), "region": text(&s.Region), "hash": text(&s.Hash), "key": text(&s.Key),
		"key_encoding": text(&s.KeyEncoding), "message": unescaped(&s.Message), "header": text(&s.Header), "prefix": text(&s.Prefix),
		"encoding": text(&s.Encoding), "timestamp_header": text(&s.TimestampHeader), "timestamp_format": text(&s.TimestampFormat),
		"max_body": size(&s.MaxBody),
	})
	app.Sign = s
	return err
}

// unescaped reads one argument in which `\n` stands for a line break, as signed messages often have.
func unescaped(s *string) option {
	return func(d *caddyfile.Dispenser) error {
		err := text(s)(d)
		*s = strings.ReplaceAll(*s, `\n`, "\n")
		return err
	}
}
