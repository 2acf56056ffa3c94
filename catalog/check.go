package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// The auth types, as the Platform API spells them.
const (
	oAuth      = "o_auth"
	apiKey     = "api_key"
	basicAuth  = "basic"
	headerAuth = "header"
)

// The names that placements of `o_auth` apps have for the token.
const (
	accessToken = "access_token"
	tokenType   = "token_type"
)

// maxSlug bounds a slug, in bytes.
const maxSlug = 64

// Check reports the first rule of this package's types that a breaks, naming the app, the
// property and what to write instead. Its text quotes no URL and no template: an operator may have
// put a key there by mistake, and errors are logged.
//
// A nil error means that every URL and template can be compiled, and that a placement or a sign
// takes something secret from the connection: a request cannot go out bare for want of a place,
// and what it carries is kept out of configurations and scrubbed from answers.
func (a *App) Check() error {
	if err := CheckSlug(a.Slug); err != nil {
		return fmt.Errorf("app %q: %w", a.Slug, err)
	}
	c := checker{a}
	for _, rule := range []func() error{
		c.authType, c.names, c.categories, c.fields, c.origins, c.allowances, c.upstream, c.regions,
		c.wholeHosts, c.extraHosts, c.placement, c.sign, c.secrecy,
		c.beside, c.oauth1, c.oauth2, c.captures, c.siteNames, c.defaultHeaders, c.verify, c.rateLimit, c.refused, c.steering,
		c.errorMode,
		c.hostLabels, c.keyPlaces, c.links, c.redirects, c.sdk, c.documentation,
	} {
		if err := rule(); err != nil {
			return fmt.Errorf("app %s: %w", a.Slug, err)
		}
	}
	return nil
}

// checker holds the rules, one method for each property of an app.
type checker struct{ *App }

// CheckSlug reports what keeps slug from naming an app. The error never repeats it.
func CheckSlug(slug string) error {
	if slug == "" || len(slug) > maxSlug || !consistsOf(slug, '-') {
		return fmt.Errorf("slug must be 1 to %d of a-z, 0-9 and -: write it like my-app", maxSlug)
	}
	// It is a DNS label where apps are addressed by host, alone or joined to another by two hyphens.
	if slug[0] == '-' || slug[len(slug)-1] == '-' || strings.Contains(slug, LabelSeparator) {
		return errors.New("slug must have single hyphens, and none at its ends, to be part of a host name: write it like " +
			"my-app")
	}
	return nil
}

// consistsOf reports whether s holds nothing but a-z, 0-9 and extra.
func consistsOf(s string, extra rune) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != extra
	})
}

func (c checker) authType() error {
	switch c.AuthType {
	case oAuth, apiKey, basicAuth, headerAuth:
		return nil
	case "":
		return errors.New("auth_type is missing: write o_auth, api_key, basic or header, or correct the slug if the " +
			"catalog has this app")
	}
	return fmt.Errorf("auth_type %q is unknown: write o_auth, api_key, basic or header", c.AuthType)
}

func (c checker) categories() error {
	for _, word := range c.Categories {
		if word == "" || !consistsOf(word, '-') {
			return fmt.Errorf("category %q: write lower-case words like project-management", word)
		}
	}
	return nil
}

func (c checker) fields() error {
	// The default placement of auth type header sends each field as the header of its name; there
	// two names that differ in case only would be one header.
	asHeaders := c.AuthType == headerAuth && c.Placement == nil
	seen := make(map[string]bool, len(c.Fields))
	for _, f := range c.Fields {
		key := f.Name
		switch {
		case asHeaders:
			if err := checkHeaderName(f.Name); err != nil {
				return fmt.Errorf("fields: %w", err)
			}
			key = strings.ToLower(f.Name)
		case f.Name == "" || !consistsOf(f.Name, '_'):
			return fmt.Errorf("field %q: a name must be of a-z, 0-9 and _: write it like api_key", f.Name)
		case c.AuthType == oAuth && (f.Name == accessToken || f.Name == tokenType), c.OAuth1 != nil &&
			slices.Contains(oauth1Names, f.Name):
			return fmt.Errorf("field %s: an o_auth app has it without declaring it: take it out of fields", f.Name)
		}
		if seen[key] {
			return fmt.Errorf("field %s is a duplicate: keep one of them", f.Name)
		}
		seen[key] = true
	}
	return nil
}

// field returns the declared field called name.
func (c checker) field(name string) (Field, bool) {
	i := slices.IndexFunc(c.Fields, func(f Field) bool { return f.Name == name })
	if i < 0 {
		return Field{}, false
	}
	return c.Fields[i], true
}

// secrecy checks that what authenticates is declared secret. Of an app without anything secret a
// configuration could hold the key as it is, and no answer that repeats it would be scrubbed.
func (c checker) secrecy() error {
	names := c.authenticating()
	isSecret := func(name string) bool {
		f, ok := c.field(name)
		return ok && f.Secret || c.AuthType == oAuth && name == accessToken
	}
	if slices.ContainsFunc(names, isSecret) {
		return nil
	}
	for _, name := range names {
		if _, ok := c.field(name); ok {
			return fmt.Errorf("no field that authenticates is secret, so that the configuration could hold a key in plain "+
				"text: write "+
				"field %s secret", name)
		}
	}
	return errors.New("nothing that authenticates is secret: place {access_token}, or write field NAME secret and " +
		"place that")
}

// authenticating returns the names that hold the key of a sign or else that are placed, by
// default or as stated, in an order that is always the same.
func (c checker) authenticating() []string {
	switch {
	case c.Sign != nil && c.Sign.Scheme == schemeAWS:
		return []string{"secret_access_key"}
	case c.OAuth1 != nil:
		return []string{accessToken}
	case c.Sign != nil:
		return fieldNames(c.Sign.Key)
	case c.Placement != nil:
		return c.Placement.fieldNames()
	case c.AuthType == oAuth:
		return []string{accessToken}
	case c.AuthType == basicAuth:
		return []string{"password"}
	}
	var names []string
	for _, f := range c.Fields {
		names = append(names, f.Name)
	}
	return names
}

// fieldNames returns the placeholders of all templates of p.
func (p *Placement) fieldNames() []string {
	var names []string
	for _, templates := range []map[string]string{p.Header, p.Query} {
		for _, key := range slices.Sorted(maps.Keys(templates)) {
			names = append(names, fieldNames(templates[key])...)
		}
	}
	if p.Basic != nil {
		names = append(names, fieldNames(p.Basic.Password+p.Basic.Username)...)
	}
	return append(names, fieldNames(p.PathPrefix+strings.Join(p.OtherPrefixes, ""))...)
}

func (c checker) errorMode() error {
	if c.Errors != "" && c.Errors != "passthrough" {
		return fmt.Errorf("errors %q is unknown: write passthrough, or leave it out to have errors mapped", c.Errors)
	}
	if c.ErrorForm != "" && !slices.Contains(ErrorForms, c.ErrorForm) {
		known := strings.Join(ErrorForms, " or ")
		return fmt.Errorf("error_form %q is unknown: write %s, or leave it out for the usual JSON", c.ErrorForm, known)
	}
	return nil
}

func (c checker) allowances() error {
	for _, text := range c.AllowPrivate {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return fmt.Errorf("allow_private %q is not a CIDR: write it like 10.0.0.0/8", text)
		}
		// 10.1.2.3/8 allows all of 10/8, which is hardly what its writer meant.
		if masked := prefix.Masked(); masked != prefix {
			return fmt.Errorf("allow_private %q has bits set beyond its length: write %s, or %s/%d for the one address",
				text, masked, prefix.Addr(), prefix.Addr().BitLen())
		}
	}
	return nil
}
