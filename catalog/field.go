package catalog

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// KindHost is the kind of a field whose value is a whole host name, with an optional port.
const KindHost = "host"

// KindLabels is the kind of a field that fills a part of a host with one DNS label or several
// joined by dots, for providers that keep some accounts below another name: acme.example.com,
// acme.demo.example.com.
const KindLabels = "labels"

// Field is one value that a connection has besides its token, or instead of one.
type Field struct {
	// Name is what templates and connections call it: `[a-z0-9_]`, or for apps of auth type
	// `header` without a placement, the header's name.
	Name string `json:"name"`
	// Label is what a form calls it.
	Label string `json:"label,omitempty"`
	// Help is a short sentence that a form shows below it: where to find the value, or how it
	// looks. At most 200 bytes.
	Help string `json:"help,omitempty"`
	// Secret says that the value must never be shown.
	Secret bool `json:"secret,omitempty"`
	// From is `client` for what comes with the OAuth client, and `grant` for what a capture finds when
	// an end user authorizes. Default: the end user enters it.
	From string `json:"from,omitempty"`
	// Kind is `host` for a whole host name with an optional port, and `labels` for a part of one that
	// may have dots, `acme.demo` of `acme.demo.my.salesforce.com`. Default: any text.
	Kind string `json:"kind,omitempty"`
	// Options are the only values there are, if it has any.
	Options []string `json:"options,omitempty"`
	// Default is the option that a connection without a value has: the region that an app's address
	// was before others could be chosen. It fills hosts alone, of what the end user enters.
	Default string `json:"default,omitempty"`
	// Hosts are other hosts of the provider's that a value may name whole, in place of filling its
	// slot in the upstream: `*.my.salesforce.mil`. The star is one DNS label, or several for the
	// kind `labels`.
	Hosts []string `json:"hosts,omitempty"`
	// SitePath says that a value of kind `host` may go on with the path below which a site lives,
	// `example.com/blog`. It goes between the host and the base path of an address.
	SitePath bool `json:"site_path,omitempty"`
	// Cut are paths that people paste along with the address of their site and that are no part of
	// it, such as `/wp-admin`: what is entered into a field of kind `host` ends before the first of
	// them.
	Cut []string `json:"cut,omitempty"`
}

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
		return errors.New("options are only for values that are entered, not for hosts or secrets: take them out")
	case f.Kind != "" && f.Secret:
		return errors.New("host names are not secret: take secret out")
	case slices.Contains(f.Options, ""):
		return errors.New("an option is empty: take it out")
	case f.Kind == KindHost && f.From == FromGrant:
		return errors.New("a host from a response could be anyone's: capture the part that varies")
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

// CredentialFields are the fields that a credential of a may have.
func (a *App) CredentialFields() []Field {
	if a.OAuth1 != nil {
		return slices.Concat(a.Fields, oauth1Fields)
	}
	return a.Fields
}

// Informs reports whether f is captured for callers to see and goes into no request of a's, so that
// a connection may lack it.
func (a *App) Informs(f Field) bool { return f.From == FromGrant && !a.Needs(f.Name) }

// Needs reports whether no request of a can be made without the field: of an OAuth app's, some
// serve only to obtain the token. Long-lived AWS keys have no session token.
func (a *App) Needs(field string) bool {
	switch {
	case a.OwnsClient(field), a.defaulted(field):
		return false
	case a.Sign != nil:
		return a.Sign.Scheme != schemeAWS || field != "session_token"
	case a.OAuth1 != nil || a.AuthType != oAuth:
		return true
	}
	texts := []string{a.Upstream}
	if p := a.Placement; p != nil {
		texts = slices.AppendSeq(append(texts, p.PathPrefix), maps.Values(p.Header))
		texts = slices.AppendSeq(texts, maps.Values(p.Query))
		if p.Basic != nil {
			texts = append(texts, p.Basic.Username, p.Basic.Password)
		}
	}
	return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, "{"+field+"}") })
}
