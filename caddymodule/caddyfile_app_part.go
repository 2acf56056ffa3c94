package caddymodule

import (
	"maps"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
)

// parseSDK reads `sdk PACKAGE BASE_URL [VERSION]`.
func parseSDK(d *caddyfile.Dispenser, app *catalog.App) error {
	sdk := new(catalog.SDK)
	if !d.Args(&sdk.Package, &sdk.BaseURL) {
		return missing(d, "sdk", "PACKAGE BASE_URL [VERSION]")
	}
	switch args := d.RemainingArgs(); len(args) {
	case 0:
	case 1:
		sdk.Version = args[0]
	default:
		return d.Errf("sdk has too many arguments; write sdk PACKAGE BASE_URL [VERSION]")
	}
	app.SDK = sdk
	return nil
}

// parseField reads `field NAME [LABEL] [secret] [{ … }]`.
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
			return d.Errf("field %s has too many arguments; write field NAME [LABEL] [secret], with the label in quotes", f.Name)
		}
	}
	err := parseBlock(d, options{
		"cut": texts(&f.Cut), "default": text(&f.Default), "from": text(&f.From), "help": text(&f.Help),
		"hosts": texts(&f.Hosts), "kind": text(&f.Kind),
		"options": texts(&f.Options), "site_path": flag(&f.SitePath),
	}, "options", "cut", "hosts")
	app.Fields = append(app.Fields, f)
	return err
}

// parseVerify reads `verify [METHOD] /path [{ … }]`.
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
	return parseBlock(d, options{
		"host": text(&v.Host), "body": text(&v.Body), "inconclusive": flag(&v.Inconclusive),
		"header":  func(d *caddyfile.Dispenser) error { return pair(d, &v.Headers) },
		"success": text(&v.Success), "account": text(&v.Account), "wrong": statuses(&v.Wrong),
		"accepted": func(d *caddyfile.Dispenser) error { return parseAccepted(d, v) },
	}, "header", "wrong", "accepted")
}

// parseSiteNames reads `site_names { … }`.
func parseSiteNames(d *caddyfile.Dispenser, app *catalog.App) error {
	n := new(catalog.SiteNames)
	app.SiteNames = n
	return parseBlock(d, options{"url": text(&n.URL), "paths": texts(&n.Paths), "pattern": text(&n.Pattern)}, "paths")
}

// parseSteering reads `steering { … }`.
func parseSteering(d *caddyfile.Dispenser, app *catalog.App) error {
	s := new(catalog.Steering)
	app.Steering = s
	return parseBlock(d, options{
		"query": texts(&s.Query), "body": texts(&s.Body), "headers": texts(&s.Headers), "batch": texts(&s.Batch),
		"splits_first": flag(&s.SplitsFirst),
	}, "query", "body", "headers", "batch")
}

// parseLinks reads `links { … }`.
func parseLinks(d *caddyfile.Dispenser, app *catalog.App) error {
	l := new(catalog.Links)
	app.Links = l
	return parseBlock(d, options{"members": texts(&l.Members), "headers": texts(&l.Headers)}, "members", "headers")
}

// parseRateLimit reads `rate_limit { … }`.
func parseRateLimit(d *caddyfile.Dispenser, app *catalog.App) error {
	r := new(catalog.RateLimit)
	app.RateLimit = r
	return parseBlock(d, options{
		"statuses": statuses(&r.Statuses),
		"when":     func(d *caddyfile.Dispenser) error { return pair(d, &r.When) },
		"retry_after": func(d *caddyfile.Dispenser) error {
			if !d.Args(&r.RetryAfter, &r.Format) {
				return missing(d, "retry_after", "HEADER seconds|ms|unix|unix_ms")
			}
			return nil
		},
	}, "statuses", "when")
}

func parseSign(d *caddyfile.Dispenser, app *catalog.App) error {
	s := new(catalog.Sign)
	if err := named(d, &s.Scheme, "aws_sigv4|hmac { … }"); err != nil {
		return err
	}
	err := parseBlock(d, options{
		"service": text(&s.Service), "region": text(&s.Region), "hash": text(&s.Hash), "key": text(&s.Key),
		"key_encoding": text(&s.KeyEncoding), "message": unescaped(&s.Message), "header": text(&s.Header),
		"prefix":   text(&s.Prefix),
		"encoding": text(&s.Encoding), "timestamp_header": text(&s.TimestampHeader),
		"timestamp_format": text(&s.TimestampFormat),
		"max_body":         size(&s.MaxBody),
	})
	app.Sign = s
	return err
}

// unescaped reads one argument in which `\n` stands for a line break, as signed messages often
// have.
func unescaped(s *string) option {
	return func(d *caddyfile.Dispenser) error {
		err := text(s)(d)
		*s = strings.ReplaceAll(*s, `\n`, "\n")
		return err
	}
}

// parseRefused reads `refused STATUS… [{ … }]`, where the block may name the statuses, too.
func parseRefused(d *caddyfile.Dispenser, app *catalog.App) error {
	var r catalog.Refused
	if d.CountRemainingArgs() > 0 {
		if err := statuses(&r.Statuses)(d); err != nil {
			return err
		}
	}
	err := parseBlock(d, options{
		"statuses": statuses(&r.Statuses), "body": texts(&r.Body),
		"when": func(d *caddyfile.Dispenser) error { return pair(d, &r.When) },
	}, "statuses", "when", "body")
	app.Refused = append(app.Refused, r)
	return err
}

// parseAccepted reads `accepted STATUS [TEXT …]`.
func parseAccepted(d *caddyfile.Dispenser, v *catalog.Verify) error {
	all := d.RemainingArgs()
	if len(all) == 0 {
		return missing(d, "accepted", "STATUS [TEXT …]")
	}
	status, err := strconv.Atoi(all[0])
	if err != nil {
		return d.Errf("accepted %q is invalid: write a status, like 401", all[0])
	}
	v.Accepted = append(v.Accepted, catalog.Accepted{Status: status, Body: all[1:]})
	return nil
}

// parseBeside reads `beside [HOST] { … }`.
func parseBeside(d *caddyfile.Dispenser, app *catalog.App) error {
	b := new(catalog.Beside)
	switch args := d.RemainingArgs(); len(args) {
	case 0:
	case 1:
		b.Host = args[0]
	default:
		return d.Errf("beside has too many arguments; write beside [HOST] { … }")
	}
	app.Beside = b
	opts := options{"api": text(&b.API), "paths": texts(&b.Paths)}
	addRequestOptions(opts, &b.Placement)
	return parseBlock(d, opts, "paths", "header", "query")
}

// parseKeyPlaces reads `key_places { … }`.
func parseKeyPlaces(d *caddyfile.Dispenser, app *catalog.App) error {
	k := new(catalog.KeyPlaces)
	app.KeyPlaces = k
	return parseBlock(d, options{"headers": texts(&k.Headers), "query": texts(&k.Query)}, "headers", "query")
}

// parseOAuth1 reads `oauth1 { … }`. Of an app of the catalog, what the block does not state stays.
func parseOAuth1(d *caddyfile.Dispenser, app *catalog.App) error {
	o := new(catalog.OAuth1)
	if app.OAuth1 != nil {
		*o = *app.OAuth1
		o.AuthorizeParams = maps.Clone(o.AuthorizeParams) // adding to it must not reach the embedded entry
	}
	app.OAuth1 = o
	return parseBlock(d, options{
		"request_token_url": text(&o.RequestTokenURL), "authorize_url": text(&o.AuthorizeURL),
		"access_token_url": text(&o.AccessTokenURL),
		"authorize_param":  func(d *caddyfile.Dispenser) error { return pair(d, &o.AuthorizeParams) },
	}, "authorize_param")
}

// parseOAuth2 reads `oauth2 { … }`, as parseOAuth1 does.
func parseOAuth2(d *caddyfile.Dispenser, app *catalog.App) error {
	o := new(catalog.OAuth2)
	if app.OAuth2 != nil {
		*o = *app.OAuth2
		o.Scopes = nil
		// Adding to them must not reach the embedded entry.
		o.AuthorizeParams, o.TokenParams = maps.Clone(o.AuthorizeParams), maps.Clone(o.TokenParams)
		o.RefreshParams = maps.Clone(o.RefreshParams)
	}
	err := parseBlock(d, options{
		"authorize_url": text(&o.AuthorizeURL), "token_url": text(&o.TokenURL), "revoke_url": text(&o.RevokeURL),
		"refresh_url": text(&o.RefreshURL),
		"scopes":      texts(&o.Scopes), "scope_separator": text(&o.ScopeSeparator), "client_auth": text(&o.ClientAuth),
		"issuer": text(&o.Issuer), "grant": text(&o.Grant), "no_pkce": flag(&o.NoPKCE),
		"account":         text(&o.Account),
		"token_lifetime":  count(&o.TokenLifetime),
		"client_id_param": text(&o.ClientIDParam), "answer": text(&o.Answer), "token_encoding": text(&o.TokenEncoding),
		"authorize_param": func(d *caddyfile.Dispenser) error { return pair(d, &o.AuthorizeParams) },
		"token_param":     func(d *caddyfile.Dispenser) error { return pair(d, &o.TokenParams) },
		"refresh_param":   func(d *caddyfile.Dispenser) error { return pair(d, &o.RefreshParams) },
		"exchange":        exchange("exchange", &o.Exchange),
		"renew":           exchange("renew", &o.Renew),
		"ended": replacing(func() {
			o.Ended = nil
		}, func(d *caddyfile.Dispenser) error { return texts(&o.Ended)(d) }),
		"capture": replacing(func() {
			o.Capture = nil
		}, func(d *caddyfile.Dispenser) error { return parseCapture(d, o) }),
	}, "scopes", "authorize_param", "token_param", "refresh_param", "capture", "ended")
	if o.Scopes == nil && app.OAuth2 != nil {
		o.Scopes = app.OAuth2.Scopes
	}
	app.OAuth2 = o
	return err
}

// parseCapture reads `capture FIELD token|callback|call PATH [{ … }]`.
func parseCapture(d *caddyfile.Dispenser, o *catalog.OAuth2) error {
	var c catalog.Capture
	if !d.Args(&c.Field, &c.From, &c.Path) {
		return missing(d, "capture", "FIELD token|callback|call PATH")
	}
	if d.NextArg() {
		return d.Errf("capture has too many arguments; write capture FIELD token|callback|call PATH")
	}
	err := parseBlock(d, options{"url": text(&c.URL), "pattern": text(&c.Pattern)})
	o.Capture = append(o.Capture, c)
	return err
}

// exchange reads `exchange URL GRANT_TYPE PARAM`, or an option of another name.
func exchange(name string, into **catalog.Exchange) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		var x catalog.Exchange
		if !d.Args(&x.URL, &x.GrantType, &x.Param) {
			return missing(d, name, "URL GRANT_TYPE PARAM")
		}
		if d.NextArg() {
			return d.Errf("%s has too many arguments; write %s URL GRANT_TYPE PARAM", name, name)
		}
		*into = &x
		return nil
	}
}
