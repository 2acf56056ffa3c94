package vending

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// AuthType says what a credential consists of. The values are those of the Platform API's
// `auth_type`.
type AuthType string

// The auth types of the Platform API.
const (
	OAuth  AuthType = "o_auth"
	APIKey AuthType = "api_key"
	Basic  AuthType = "basic"
	Header AuthType = "header"
)

// Valid reports whether t is one of the four auth types.
func (t AuthType) Valid() bool {
	switch t {
	case OAuth, APIKey, Basic, Header:
		return true
	}
	return false
}

// The field names under which an OAuth credential offers its token to placements.
const (
	AccessToken = "access_token"
	TokenType   = "token_type"
)

// Field is one named value of a credential.
type Field struct{ Name, Value string }

// Credential is what a source vends: an access token with its type and expiry, or named
// fields. It never prints its values. The zero Credential is no credential.
type Credential struct {
	// App is the slug of the app that the credential belongs to.
	App string
	// AuthType says which fields to expect.
	AuthType AuthType
	// Expiry is when the access token ends; zero if the provider does not say.
	Expiry time.Time

	// values is a closure because fmt ignores methods on unexported fields of a containing
	// struct: a function prints as an address under every verb, where %s follows a pointer.
	values func() []Field
	// withheld are names.
	withheld []string
	// doubted says that the provider refused the credential the last time.
	doubted bool
	// siteNames are addresses; see SiteNames.
	siteNames []string
	// configured are names; see Configured.
	configured []string
	// relay is set where the source keeps the credential to itself; see [NewRelayed].
	relay Relay
	// ownHost is set where relay decides on the host; see [Credential.ToAccountHost].
	ownHost bool
	// advice is set where an end user cannot correct the values; see [Credential.Advised].
	advice func(field string) string
}

// NewOAuth makes a credential from an OAuth access token. tokenType is normalised as RFC 6749
// section 7.1 allows (it is case-insensitive, but many APIs insist on "Bearer"); empty means
// Bearer. extra are further values that a placement of the app may name.
func NewOAuth(app, accessToken, tokenType string, expiry time.Time, extra ...Field) Credential {
	if tokenType == "" || strings.EqualFold(tokenType, "bearer") {
		tokenType = "Bearer"
	}
	values := make([]Field, 0, 2+len(extra))
	values = append(values, Field{AccessToken, accessToken}, Field{TokenType, tokenType})
	values = append(values, extra...)
	return Credential{App: app, AuthType: OAuth, Expiry: expiry, values: func() []Field { return values }}
}

// NewFields makes a credential from named fields. It keeps fields.
func NewFields(app string, authType AuthType, fields []Field) Credential {
	return Credential{App: app, AuthType: authType, values: func() []Field { return fields }}
}

// Withholding returns c with names marked as what calls are made with and the tenant is not told:
// the operator's own secrets.
func (c Credential) Withholding(names ...string) Credential {
	c.withheld = names
	return c
}

// Withholds reports whether the tenant is not told the field called name.
func (c Credential) Withholds(name string) bool { return slices.Contains(c.withheld, name) }

// Doubting returns c with the mark that the provider refused it the last time.
func (c Credential) Doubting() Credential {
	c.doubted = true
	return c
}

// Doubted reports whether the source knows that the provider refused c the last time. It is vended
// all the same, for one refusal may have had another cause.
func (c Credential) Doubted() bool { return c.doubted }

// Configured returns c with names marked as values that the operator wrote, in the configuration or
// with an OAuth client: a host among them may be inside the operator's network. It keeps names.
func (c Credential) Configured(names ...string) Credential {
	c.configured = names
	return c
}

// IsConfigured reports whether the operator wrote the field called name. Unless a source says so,
// an end user may have chosen it.
func (c Credential) IsConfigured(name string) bool { return slices.Contains(c.configured, name) }

// Naming returns c with the addresses by which the connection's site calls itself in links, each
// `host[:port][/path]`. It keeps names.
func (c Credential) Naming(names []string) Credential {
	c.siteNames = names
	return c
}

// SiteNames are the addresses of [Credential.Naming]. They are no part of the credential: nothing
// is sent to them.
func (c Credential) SiteNames() []string { return c.siteNames }

// IsZero reports whether c holds nothing.
func (c Credential) IsZero() bool { return c.values == nil || len(c.values()) == 0 }

// Field returns the value called name.
func (c Credential) Field(name string) (string, bool) {
	if c.values == nil {
		return "", false
	}
	for _, f := range c.values() {
		if f.Name == name {
			return f.Value, true
		}
	}
	return "", false
}

// Fields yields each field's name and value, in the order given by the source.
func (c Credential) Fields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if c.values == nil {
			return
		}
		for _, f := range c.values() {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

// Equal reports whether both credentials hold the same values. It compares digests in
// constant time; the expiry does not count.
func (c Credential) Equal(other Credential) bool {
	a, b := c.digest(), other.digest()
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func (c Credential) digest() [sha256.Size]byte {
	h := sha256.New()
	for name, value := range c.Fields() {
		_, _ = fmt.Fprintf(h, "%d:%s%d:%s", len(name), name, len(value), value)
	}
	return [sha256.Size]byte(h.Sum(nil))
}

func (Credential) String() string               { return redacted }
func (Credential) GoString() string             { return redacted }
func (Credential) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(redacted)) }
func (Credential) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Credential) MarshalText() ([]byte, error) { return []byte(redacted), nil }
