package connect

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// GrantValues are what a grant consists of.
type GrantValues struct {
	// AccessToken and RefreshToken are an OAuth app's; either may be empty.
	AccessToken, RefreshToken string
	// TokenType is as the provider spelled it; empty means Bearer.
	TokenType string
	// Scope is what the provider granted, as it spelled it.
	Scope string
	// Expiry is when the access token ends, kept to the second; zero if the provider does not say.
	Expiry time.Time
	// Fields are the values of a key-based app, or those that an OAuth app needs besides its token.
	Fields []vending.Field
	// SiteNames are the addresses by which the connection's site calls itself in links; see
	// [vending.Credential.Naming]. They are found when an end user connects, and nothing is sent to
	// them.
	SiteNames []string
}

// Grant is what an end user gave an app, and what the vault seals. It never prints its values.
// The zero Grant is that of a pending connection, which has none yet.
type Grant struct {
	// values is a pointer so that fmt, which ignores methods on unexported fields of a containing
	// struct, prints an address and not the tokens.
	values   *GrantValues
	verified bool
	account  string
}

// NewGrant makes a grant that no provider is known to accept. It keeps v.Fields.
func NewGrant(v GrantValues) Grant { return Grant{values: &v} }

// Verify returns g as one that its provider issued or was seen to accept. A store keeps that with
// the connection; the vault does not seal it, and a grant that was read from a store lacks it.
func (g Grant) Verify() Grant {
	g.verified = !g.IsZero()
	return g
}

// Verified reports whether g is of Verify.
func (g Grant) Verified() bool { return g.verified }

// maxAccount bounds the name of an account, in bytes; the longest address has as many.
const maxAccount = 254

// OfAccount returns g with the name that its provider gave the account, for people to read. What is
// too long, or no plain text, is left out. A store keeps it with the connection and does not seal
// it; a grant that was read from a store lacks it.
func (g Grant) OfAccount(name string) Grant {
	g.account = ""
	if name = strings.TrimSpace(name); IsPlain(name, maxAccount) && !g.IsZero() {
		g.account = name
	}
	return g
}

// Account is the name of OfAccount, if there is one.
func (g Grant) Account() string { return g.account }

// Reveal returns the grant's values.
func (g Grant) Reveal() GrantValues {
	if g.values == nil {
		return GrantValues{}
	}
	return *g.values
}

// IsZero reports whether g holds nothing.
func (g Grant) IsZero() bool { return g.values == nil }

// Holds reports whether there is anything in the grant: one that was erased is not the zero Grant.
func (g Grant) Holds() bool {
	v := g.Reveal()
	return v.AccessToken != "" || v.RefreshToken != "" || len(v.Fields) > 0
}

// redacted is what a grant prints as.
const redacted = "[redacted]"

func (Grant) String() string { return redacted }

func (Grant) GoString() string { return redacted }

func (Grant) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

func (Grant) LogValue() slog.Value { return slog.StringValue(redacted) }

func (Grant) MarshalText() ([]byte, error) { return []byte(redacted), nil }

func (GrantValues) String() string { return redacted }

func (GrantValues) GoString() string { return redacted }

func (GrantValues) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

func (GrantValues) LogValue() slog.Value { return slog.StringValue(redacted) }

func (GrantValues) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MaxGrant bounds an encoded grant, in bytes. The largest tokens known (JWTs with many groups) are
// below 16 KiB.
const MaxGrant = 64 << 10

// The first byte of an encoded grant: grantNamed is of one that ends with the names of its site.
const (
	grantFormat = 1
	grantNamed  = 2
)

// errGrant never says more: the text at hand is the grant.
var errGrant = errors.New("the grant has an unknown encoding")

// Encode writes v as its format, the expiry in Unix seconds (0 for none), and length-prefixed
// strings. It is read on every proxied request; encoding/json would cost more than the decryption.
func (v GrantValues) Encode() ([]byte, error) {
	b := []byte{grantFormat}
	if len(v.SiteNames) > 0 {
		b[0] = grantNamed
	}
	expiry := int64(0)
	if !v.Expiry.IsZero() {
		expiry = v.Expiry.Unix()
	}
	b = binary.AppendVarint(b, expiry)
	for _, s := range [...]string{v.AccessToken, v.RefreshToken, v.TokenType, v.Scope} {
		b = appendString(b, s)
	}
	b = binary.AppendUvarint(b, uint64(len(v.Fields)))
	for _, f := range v.Fields {
		b = appendString(appendString(b, f.Name), f.Value)
	}
	if len(v.SiteNames) > 0 {
		b = appendString(b, strings.Join(v.SiteNames, " "))
	}
	if len(b) > MaxGrant {
		clear(b)
		return nil, vending.Refuse(vending.InvalidRequest, fmt.Sprintf("a grant may take at most %d bytes", MaxGrant))
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// DecodeGrant reads what encode wrote, and wipes plain. All strings of the grant share one copy.
func DecodeGrant(plain []byte) (Grant, error) {
	d := decoder{rest: string(plain)}
	clear(plain)
	if d.rest == "" || d.rest[0] != grantFormat && d.rest[0] != grantNamed {
		return Grant{}, errGrant
	}
	named := d.rest[0] == grantNamed
	d.rest = d.rest[1:]
	v := new(GrantValues)
	if expiry := d.varint(); expiry != 0 {
		v.Expiry = time.Unix(expiry, 0).UTC()
	}
	for _, s := range [...]*string{&v.AccessToken, &v.RefreshToken, &v.TokenType, &v.Scope} {
		*s = d.text()
	}
	if n := d.uvarint(); n > 0 && n <= uint64(len(d.rest)) {
		v.Fields = make([]vending.Field, n)
		for i := range v.Fields {
			v.Fields[i] = vending.Field{Name: d.text(), Value: d.text()}
		}
	} else if n != 0 {
		return Grant{}, errGrant
	}
	if named {
		v.SiteNames = strings.Fields(d.text())
	}
	if d.bad || d.rest != "" || named && len(v.SiteNames) == 0 {
		return Grant{}, errGrant
	}
	return Grant{values: v}, nil
}

// decoder cuts values off a string, so that none of them is copied again.
type decoder struct {
	rest string
	bad  bool
}

func (d *decoder) uvarint() uint64 {
	var x uint64
	for i := 0; i < len(d.rest) && i < binary.MaxVarintLen64; i++ {
		x |= uint64(d.rest[i]&0x7f) << (7 * i)
		if d.rest[i] < 0x80 {
			d.rest = d.rest[i+1:]
			return x
		}
	}
	d.bad = true
	return 0
}

// varint undoes the zigzag of binary.AppendVarint.
func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1) // #nosec G115 -- a reinterpretation of bits, not a conversion
}

func (d *decoder) text() string {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

// ErrStale says that a grant was not stored because the connection has another version by now:
// another process refreshed it, or the end user connected again. What they stored stays.
var ErrStale = errors.New("the connection has changed in the meantime")
