package static

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/vendgate/vendgate/vending"
)

// Source vends configured credentials. It is immutable and safe for concurrent use.
type Source struct {
	// find returns the connection with that id, or nil. It is a closure because fmt prints a
	// function as an address under every verb, where %s and %q follow a pointer to its values.
	find func(id string) *Connection
}

var _ vending.Source = (*Source)(nil)

// New makes a source of connections, which it copies. A duplicate id, an unknown auth type, an
// empty part or value, and an `o_auth` connection without `access_token` are errors that name
// the connection, never a value. No connections at all is a source that knows none.
func New(connections ...Connection) (*Source, error) {
	byID := make(map[string]*Connection, len(connections))
	for i := range connections {
		c := connections[i]
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("configuring %s (number %d): %w", c, i+1, err)
		}
		if byID[c.ID] != nil {
			return nil, fmt.Errorf("configuring %s (number %d): %w", c, i+1, errDuplicate)
		}
		c.User = strings.ToLower(strings.TrimSpace(c.User))
		c.Fields = slices.Clone(c.Fields)
		c.names = nil
		for _, f := range c.Fields {
			c.names = append(c.names, f.Name)
		}
		byID[c.ID] = &c
	}
	return &Source{func(id string) *Connection { return byID[id] }}, nil
}

var errDuplicate = errors.New("the id is a duplicate")

// Vend returns the configured credential, built for this request. What does not exist,
// what is another tenant's and what is another end user's get the same `connection_deleted`;
// only who may use the connection learns of an `app_mismatch`. Force changes nothing: there is no
// fresher credential than the configured one.
func (s *Source) Vend(_ context.Context, r vending.Request) (vending.Credential, error) {
	c := s.find(r.Connection)
	if c == nil || c.Tenant != r.Tenant || !c.allows(r.User) {
		return vending.Credential{}, vending.Errorf(vending.ConnectionDeleted, nil)
	}
	if r.App != "" && r.App != c.App {
		return vending.Credential{}, vending.Errorf(vending.AppMismatch, nil)
	}
	return c.credential(), nil
}

// allows reports whether user may use c. A request without an end user may not.
func (c *Connection) allows(user string) bool {
	return user != "" && (c.User == AnyUser || c.User == user)
}
