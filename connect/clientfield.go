package connect

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// The bounds of what comes with an OAuth client besides its secret, in numbers and in bytes.
const (
	MaxClientFields     = 20
	maxClientFieldName  = 64
	maxClientFieldValue = 2 << 10
)

// ClientField is one value that a provider gave out with an OAuth client.
type ClientField struct {
	Name  string
	Value vending.Secret
}

// ClientFieldError says why an OAuth client does not fit its app. Its text names a field and never
// holds a value.
type ClientFieldError struct{ App, Field, reason string }

func (e *ClientFieldError) Error() string {
	return fmt.Sprintf("field %s of the oauth client for %s %s", e.Field, e.App, e.reason)
}

// FieldsOf returns the fields of app that come with c. Its id is one of them where the app says so.
// The requests of an OAuth 1 app are signed with id and secret.
func (c OAuthClient) FieldsOf(app *catalog.App) (found []vending.Field) {
	if app.OAuth1 != nil {
		found = append(found, vending.Field{Name: catalog.ConsumerKey, Value: c.ID},
			vending.Field{Name: catalog.ConsumerSecret, Value: c.Secret.Reveal()})
	}
	for _, declared := range app.ClientFields() {
		if value := c.field(declared.Name); value != "" {
			found = append(found, vending.Field{Name: declared.Name, Value: value})
		}
	}
	return found
}

// AddressFields returns the fields of c that are parts of app's addresses. A grant keeps them: they
// say where it was obtained, and its tokens must not go anywhere else when the client is replaced.
func (c OAuthClient) AddressFields(app *catalog.App) (found []vending.Field) {
	for _, name := range app.AddressFields() {
		found = append(found, vending.Field{Name: name, Value: c.field(name)})
	}
	return found
}

// Moved reports whether app with c is at another address than where a grant with the fields held
// was obtained. One that does not say counts as obtained elsewhere.
func (c OAuthClient) Moved(app *catalog.App, held []vending.Field) bool {
	return c.MovedBy(app, held) != ""
}

// MovedBy names the field by which app with c is at another address, or "" if it has not
// [OAuthClient.Moved].
func (c OAuthClient) MovedBy(app *catalog.App, held []vending.Field) string {
	for _, f := range c.AddressFields(app) {
		same := func(h vending.Field) bool {
			return h.Name == f.Name && (h.Value == f.Value || app.OnlyInHosts(f.Name) && SameSite(h.Value, f.Value))
		}
		if !slices.ContainsFunc(held, same) {
			return f.Name
		}
	}
	return ""
}

// SameSite compares two hosts, in which upper case does not matter, with the paths of sites that
// may follow, in which it does.
func SameSite(a, b string) bool {
	hostA, pathA, _ := strings.Cut(a, "/")
	hostB, pathB, _ := strings.Cut(b, "/")
	return strings.EqualFold(hostA, hostB) && pathA == pathB
}

func (c OAuthClient) field(name string) string {
	if name == catalog.ClientID {
		return c.ID
	}
	for _, f := range c.Fields {
		if f.Name == name {
			return f.Value.Reveal()
		}
	}
	return ""
}

// Fits reports why c cannot serve app, as a *ClientFieldError: a field is missing. An extra
// one does no harm: an entry of the catalog may have taken it once.
func (c OAuthClient) Fits(app *catalog.App) error {
	if app.OAuth1 != nil && c.Secret.IsZero() {
		return &ClientFieldError{app.Slug, catalog.ClientSecret, "is missing: the app's requests are signed with it"}
	}
	for _, d := range app.ClientFields() {
		if c.field(d.Name) == "" {
			return &ClientFieldError{app.Slug, d.Name, "is missing: set it with the client"}
		}
	}
	return nil
}

// FitsExactly is Fits for those who set c: it has no field but those that app takes from its
// client, of choices one, and no value with spaces around it, which come from pasting and are not
// seen.
func (c OAuthClient) FitsExactly(app *catalog.App) error {
	if err := checkClientFields(c.Fields); err != nil {
		return err
	}
	declared := app.ClientFields()
	for _, f := range c.Fields {
		known := slices.ContainsFunc(declared, func(d catalog.Field) bool { return d.Name == f.Name })
		switch {
		case f.Name == catalog.ClientID:
			return &ClientFieldError{app.Slug, f.Name, "is the client id itself: take the field out"}
		case !known:
			return &ClientFieldError{app.Slug, f.Name, "is not one that the app takes from its client: " + written(declared)}
		}
	}
	for _, d := range declared {
		if value := c.field(d.Name); value != "" && len(d.Options) > 0 && !slices.Contains(d.Options, value) {
			return &ClientFieldError{app.Slug, d.Name, "must be one of " + strings.Join(d.Options, ", ")}
		}
	}
	for _, f := range append([]ClientField{{catalog.ClientID, vending.NewSecret(c.ID)}, {catalog.ClientSecret, c.Secret}},
		c.Fields...) {
		if value := f.Value.Reveal(); strings.TrimSpace(value) != value {
			return &ClientFieldError{app.Slug, f.Name, "begins or ends with a space: take it out"}
		}
	}
	return c.Fits(app)
}

func written(declared []catalog.Field) string {
	var names []string
	for _, d := range declared {
		if d.Name != catalog.ClientID {
			names = append(names, d.Name)
		}
	}
	if names == nil {
		return "take it out"
	}
	return "write one of " + strings.Join(names, ", ")
}

// checkClientFields bounds fields as far as that can be known without the catalog.
func checkClientFields(fields []ClientField) error {
	if len(fields) > MaxClientFields {
		return Invalid(fmt.Sprintf("fields: write at most %d", MaxClientFields))
	}
	seen := map[string]bool{}
	for _, f := range fields {
		value := f.Value.Reveal()
		badName := strings.Trim(f.Name, "abcdefghijklmnopqrstuvwxyz0123456789_") != ""
		switch {
		case f.Name == "" || len(f.Name) > maxClientFieldName || badName:
			return Invalid(fmt.Sprintf("fields: a name has 1 to %d of a-z, 0-9 and _", maxClientFieldName))
		case seen[f.Name]:
			return Invalid("fields: " + f.Name + " is a duplicate: keep one")
		case value == "" || len(value) > maxClientFieldValue || !utf8.ValidString(value) ||
			strings.ContainsFunc(value, unicode.IsControl):
			return Invalid(fmt.Sprintf("fields: %s: must be 1 to %d bytes of text on one line", f.Name, maxClientFieldValue))
		}
		seen[f.Name] = true
	}
	return nil
}

// clientFormat is the first byte of what is sealed of a client that has fields. Without any it is
// the secret alone, which has no control characters.
const clientFormat = 1

// EncodeSecrets returns what the vault seals of c, or nil if there is nothing to.
func (c OAuthClient) EncodeSecrets() []byte {
	secret := c.Secret.Reveal()
	switch {
	case len(c.Fields) > 0:
		b := appendString([]byte{clientFormat}, secret)
		for _, f := range c.Fields {
			b = appendString(appendString(b, f.Name), f.Value.Reveal())
		}
		return b
	case secret != "":
		return []byte(secret)
	}
	return nil
}

// DecodeSecrets reads what encodeSecrets wrote, and wipes plain.
func (c *OAuthClient) DecodeSecrets(plain []byte) error {
	d := decoder{rest: string(plain)}
	clear(plain)
	if d.rest == "" || d.rest[0] != clientFormat {
		c.Secret = vending.NewSecret(d.rest)
		return nil
	}
	d.rest = d.rest[1:]
	if secret := d.text(); secret != "" {
		c.Secret = vending.NewSecret(secret)
	}
	for d.rest != "" && !d.bad {
		c.Fields = append(c.Fields, ClientField{d.text(), vending.NewSecret(d.text())})
	}
	if d.bad {
		*c = OAuthClient{}
		return errGrant
	}
	return nil
}
