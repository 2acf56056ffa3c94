package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PublicField reports whether the app declares a field of that name as no secret, so that its value
// may be shown; the consumer key of OAuth 1 is public without being declared.
func (a *App) PublicField(name string) bool {
	if a.OAuth1 != nil && name == ConsumerKey {
		return true
	}
	return slices.ContainsFunc(a.Fields, func(f Field) bool { return f.Name == name && !f.Secret })
}

// fieldFrom returns where the value of a declared field comes from.
func (c checker) fieldFrom(name string) string {
	f, _ := c.field(name)
	return f.From
}

// origins checks what fields say of their values.
func (c checker) origins() error {
	for _, f := range c.Fields {
		if err := c.origin(f); err != nil {
			return fmt.Errorf("field %s: %w", f.Name, err)
		}
	}
	return nil
}

func (c checker) origin(f Field) error {
	switch {
	case f.From != "" && f.From != FromClient && f.From != FromGrant:
		return fmt.Errorf("from %q is unknown: write client or grant, or leave it out for what the end user enters", f.From)
	case f.From != "" && c.AuthType != oAuth:
		return errors.New("only an o_auth app has values from a client or a grant: leave from out")
	case f.From == FromClient && c.ClientCredentials():
		return errors.New("the client of a client_credentials app is the end user's: leave from out")
	case f.From == FromClient && f.Name == ClientSecret:
		return errors.New("the client's secret is for the token endpoint alone: take the field out")
	case f.Kind != "" && f.Kind != KindHost && f.Kind != KindLabels:
		return fmt.Errorf("kind %q is unknown: write host or labels, or leave it out", f.Kind)
	case len(f.Options) > 0 && (f.Kind != "" || f.From == FromGrant || f.Secret):
		return errors.New("options are for what is entered, and is no host and no secret: take them out")
	case f.Kind != "" && f.Secret:
		return errors.New("host names are no secret: take secret out")
	case slices.Contains(f.Options, ""):
		return errors.New("an option is empty: take it out")
	case f.Kind == KindHost && f.From == FromGrant:
		return errors.New("a host from an answer could be anybody's: capture the part that varies")
	case f.Kind != KindHost && (f.SitePath || len(f.Cut) > 0):
		return errors.New("site_path and cut are for a whole host: write kind host, or take them out")
	}
	return checkCut(f.Cut)
}

// checkCut checks the paths that are cut off.
func checkCut(paths []string) error {
	for _, p := range paths {
		if !strings.HasPrefix(p, "/") || len(p) < 2 || strings.HasSuffix(p, "/") || !plainSegments(p) ||
			strings.ContainsAny(p, "%?#\\ {}") {
			return fmt.Errorf("cut %q is not a path: write it like /wp-admin", p)
		}
	}
	return nil
}
