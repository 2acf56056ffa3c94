package catalog

import (
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"
)

// placement checks that a credential goes somewhere, and that no two of them go to the same place.
func (c checker) placement() error {
	p := c.Placement
	if p == nil {
		return c.defaultPlacement()
	}
	if len(p.Header) == 0 && len(p.Query) == 0 && p.Basic == nil && p.PathPrefix == "" {
		if c.AuthType == apiKey && c.Sign == nil {
			return errNoPlacement
		}
		return errors.New("placement is empty: set header, query, basic or path_prefix, or leave placement out")
	}
	if err := c.headers("placement.header", p.Header); err != nil {
		return err
	}
	if err := c.query(p.Query); err != nil {
		return err
	}
	if err := c.basic(p); err != nil {
		return err
	}
	if err := c.pathPrefix("placement.path_prefix", p.PathPrefix); err != nil {
		return err
	}
	if err := c.otherPrefixes(p); err != nil {
		return err
	}
	if c.Sign == nil && !p.holdsField() {
		return errors.New("placement names no field, so that no credential would be sent: write a placeholder like {api_key}")
	}
	return nil
}

var errNoPlacement = errors.New(
	"auth_type api_key needs a placement: say with header, query, basic or path_prefix where the key goes")

// defaultPlacement checks that the default of the auth type has the fields it places: a request
// must never go out bare.
func (c checker) defaultPlacement() error {
	if c.Sign != nil {
		return nil
	}
	switch c.AuthType {
	case apiKey:
		return errNoPlacement
	case basicAuth:
		for _, name := range []string{"username", "password"} {
			if _, ok := c.field(name); !ok {
				return fmt.Errorf("auth_type basic without a placement needs the field %s: declare it, or say with "+
					"placement.basic which fields to use", name)
			}
		}
	case headerAuth:
		if len(c.Fields) == 0 {
			return errors.New("auth_type header without a placement needs fields: declare one by the header's name, like " +
				"X-Api-Key")
		}
	}
	return nil
}

// headers checks names and templates. The order is fixed so that the first error is always the
// same.
func (c checker) headers(where string, headers map[string]string) error {
	seen := make(map[string]bool, len(headers))
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if err := checkHeaderName(name); err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		if seen[key] {
			return fmt.Errorf("%s: %s is set twice: keep one spelling", where, key)
		}
		seen[key] = true
		if _, err := c.template(where+" "+name, headers[name]); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) query(query map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(query)) {
		if key == "" || strings.ContainsFunc(key, isControl) {
			return fmt.Errorf("placement.query: %q is no query key: write it like api_key", key)
		}
		if _, err := c.template("placement.query "+key, query[key]); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) basic(p *Placement) error {
	if p.Basic == nil {
		return nil
	}
	if setsHeader(p.Header, "Authorization") {
		return errors.New("placement: basic and the header Authorization are one header: keep one of them")
	}
	username, err := c.template("placement.basic.username", p.Basic.Username)
	if err != nil {
		return err
	}
	// RFC 7617, section 2: the first colon ends the user name.
	if strings.Contains(fill(username, ""), ":") {
		return errors.New("placement.basic.username holds a colon, which ends a user name: put what follows it into password")
	}
	_, err = c.template("placement.basic.password", p.Basic.Password)
	return err
}

func (c checker) pathPrefix(where, prefix string) error {
	if prefix == "" {
		return nil
	}
	parts, err := c.template(where, prefix)
	if err != nil {
		return err
	}
	// A placeholder fills part of a segment, so that an x stands for any value here.
	text := fill(parts, "x")
	if !strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || !plainSegments(text) ||
		strings.ContainsAny(text, "?#%\\ ") {
		return fmt.Errorf("%s must begin with / and not end with it, with plain segments only: write it like /bot{token}",
			where)
	}
	return nil
}

// holdsField reports whether any template of p has a placeholder.
func (p *Placement) holdsField() bool {
	templates := slices.Concat(slices.Collect(maps.Values(p.Header)), slices.Collect(maps.Values(p.Query)),
		[]string{p.PathPrefix}, p.OtherPrefixes)
	if p.Basic != nil {
		templates = append(templates, p.Basic.Username, p.Basic.Password)
	}
	return slices.ContainsFunc(templates, func(text string) bool {
		parts, err := scan(text)
		return err == nil && holdsField(parts)
	})
}

// setsHeader reports whether headers has name in any case.
func setsHeader(headers map[string]string, name string) bool {
	for key := range headers {
		if strings.EqualFold(key, name) {
			return true
		}
	}
	return false
}

// reservedHeaders are those that no app may set: the hop-by-hop ones of RFC 9110, section 7.6.1,
// and its forerunners, which end at the next proxy, and what frames and routes the request itself.
var reservedHeaders = []string{
	"Connection", "Content-Length", "Host", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization",
	"Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// notToken reports whether r cannot stand in a token (RFC 9110, section 5.6.2).
func notToken(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') &&
		!strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

func checkHeaderName(name string) error {
	bad := strings.IndexFunc(name, notToken)
	switch {
	case name == "":
		return errors.New("a header has no name: write it like X-Api-Key")
	case bad >= 0:
		// What follows may be a key, in "Authorization: Bearer …".
		return fmt.Errorf("the header name that begins with %q is none: write the name alone, like X-Api-Key", name[:bad])
	}
	if slices.Contains(reservedHeaders, textproto.CanonicalMIMEHeaderKey(name)) {
		return fmt.Errorf("the header %s belongs to the connection and not to the app: write another one, like Authorization",
			name)
	}
	return nil
}
