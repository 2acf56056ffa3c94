package static

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// AnyUser as a connection's User lets every end user of its tenant use it.
const AnyUser = "*"

// Connection is one configured credential and who may use it. None of its parts may be empty.
//
// Formatted, logged or marshalled by itself it shows its ID only. Its values are exported, so a
// struct that keeps one in an unexported field prints them: hand it to [New] and let it go.
type Connection struct {
	// ID is the opaque connection id in the caller's path.
	ID string
	// Tenant is the id of the only tenant that may use it; compared exactly.
	Tenant string
	// User is the only end user that may use it, compared lower-cased and trimmed, or [AnyUser].
	User string
	// App is the slug of the app it belongs to.
	App string
	// AuthType says what Fields hold.
	AuthType vending.AuthType
	// Fields are the credential's values in the order in which they are vended; names are
	// unique. `o_auth` requires `access_token`, takes `token_type` (default Bearer), and offers
	// the rest to placements. Such a token has no known expiry and is never refreshed.
	Fields []vending.Field

	// names are those of Fields, all of which the operator wrote.
	names []string
}

// check reports what is wrong with c: its name, its field's name, never a value.
func (c *Connection) check() error {
	for _, part := range []struct{ name, value string }{
		{"id", c.ID}, {"tenant", c.Tenant}, {"user", strings.TrimSpace(c.User)}, {"app", c.App},
	} {
		if part.value == "" {
			return fmt.Errorf("%s is empty", part.name)
		}
	}
	if !c.AuthType.Valid() {
		return fmt.Errorf("%q is not an auth type: write o_auth, api_key, basic or header", string(c.AuthType))
	}
	return c.checkFields()
}

func (c *Connection) checkFields() error {
	if len(c.Fields) == 0 {
		return errors.New("fields are missing: write one at least")
	}
	seen := make(map[string]bool, len(c.Fields))
	for _, f := range c.Fields {
		switch {
		case f.Name == "":
			return errors.New("a field has no name")
		case f.Value == "":
			return fmt.Errorf("field %q is empty", f.Name)
		case seen[f.Name]:
			return fmt.Errorf("field %q is a duplicate", f.Name)
		}
		seen[f.Name] = true
	}
	if c.AuthType == vending.OAuth && !seen[vending.AccessToken] {
		return fmt.Errorf("auth type %s requires the field %q", vending.OAuth, vending.AccessToken)
	}
	return nil
}

// credential builds a new credential: the caller owns all of it. Its values are the operator's.
func (c *Connection) credential() vending.Credential {
	id := c.ID
	return c.build().Advised(func(field string) string {
		return fmt.Sprintf("correct it in the source's configuration, connection %s { field %s VALUE }", id, field)
	})
}

func (c *Connection) build() vending.Credential {
	if c.AuthType != vending.OAuth {
		return vending.NewFields(c.App, c.AuthType, slices.Clone(c.Fields)).Configured(c.names...)
	}
	var token, tokenType string
	extra := make([]vending.Field, 0, len(c.Fields))
	for _, f := range c.Fields {
		switch f.Name {
		case vending.AccessToken:
			token = f.Value
		case vending.TokenType:
			tokenType = f.Value
		default:
			extra = append(extra, f)
		}
	}
	return vending.NewOAuth(c.App, token, tokenType, time.Time{}, extra...).Configured(c.names...)
}

// String names the connection and nothing it holds.
func (c Connection) String() string { return "static connection " + strconv.Quote(c.ID) }

// GoString is [Connection.String], for %#v.
func (c Connection) GoString() string { return c.String() }

// Format writes [Connection.String] for every verb.
func (c Connection) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue is [Connection.String], for slog.
func (c Connection) LogValue() slog.Value { return slog.StringValue(c.String()) }

// MarshalText is [Connection.String], for encoding/json and its like.
func (c Connection) MarshalText() ([]byte, error) { return []byte(c.String()), nil }
