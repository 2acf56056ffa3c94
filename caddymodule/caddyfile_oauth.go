package caddymodule

import (
	"maps"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/vendgate/vendgate/catalog"
)

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
