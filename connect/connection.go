package connect

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Status is where a connection stands: pending → active, rejected or expired.
type Status string

// The statuses of the Platform API.
const (
	Pending  Status = "pending"
	Active   Status = "active"
	Rejected Status = "rejected"
	Expired  Status = "expired"
)

// Valid reports whether s is one of the four statuses.
func (s Status) Valid() bool {
	switch s {
	case Pending, Active, Rejected, Expired:
		return true
	}
	return false
}

// Connection is one app authorized by one end user for one tenant, without its grant.
type Connection struct {
	// ID is "conn_" and 128 random bits.
	ID string
	// Tenant is the tenant's id, User the end user's address, lower-cased, App the app's slug.
	Tenant, User, App string
	// Name is what the tenant calls the connection.
	Name     string
	Status   Status
	AuthType vending.AuthType
	// ViaLink says that the end user made it by the hosted link.
	ViaLink bool
	// NeedsReconnection says that the provider refused the grant for good.
	NeedsReconnection bool
	// RefreshPending says that a link to renew the grant is open.
	RefreshPending bool
	// Verified says that the provider issued what the connection holds, or was seen to accept it
	// before it was stored. Only Connections and Describe tell it: no vend asks for it.
	Verified bool
	// CreatedAt and UpdatedAt are in UTC, to the millisecond. UpdatedAt follows the status and the
	// grant.
	CreatedAt, UpdatedAt time.Time
	// LinkExpiresAt is when the pending link ends or, of an expired connection, when its last one did;
	// zero without one. Only Connections and Describe tell it: no vend asks for it.
	LinkExpiresAt time.Time
	// Version counts the grants from 1.
	Version int64
}

func (c *Connection) binding() binding {
	return binding{tenant: c.Tenant, id: c.ID, user: c.User, app: c.App, version: c.Version}
}

// maxNameLen bounds the name of a connection, in bytes.
const maxNameLen = 200

// ImportConnection stores a connection whose grant is already at hand, and returns its new id. ID,
// Version and the times of c are set by the store, and Verified by the grant; an empty status means
// active and an empty name the app's slug. An active connection needs a grant: a token for an OAuth
// app, fields for any other. What is wrong with c or g is a *vending.Error with `invalid_request`
// or `invalid_user_email`.
func (s *Store) ImportConnection(ctx context.Context, c Connection, g Grant) (id string, err error) {
	if err := c.normalize(); err != nil {
		return "", err
	}
	if err := c.checkGrant(g); err != nil {
		return "", err
	}
	c.ID, c.Version = newConnectionID(), 1
	err = s.update(ctx, "storing a connection", func(tx *sql.Tx) error {
		if err := s.insert(ctx, tx, c, g); err != nil {
			return err
		}
		return s.record(ctx, tx, granted(ConnectionImported, c, g))
	})
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

// Check reports what would keep ImportConnection from storing c, of which the grant is not known
// yet.
func (c Connection) Check() error { return c.normalize() }

func (s *Store) insert(ctx context.Context, tx *sql.Tx, c Connection, g Grant) error {
	sealed, err := s.sealGrant(ctx, tx, c.binding(), g)
	if err != nil {
		return err
	}
	now := s.now().UnixMilli()
	_, err = tx.ExecContext(ctx, `INSERT INTO connections (id, tenant, user, app, name, status, auth_type,
		via_link, needs_reconnection, refresh_pending, created_at, updated_at, version, sealed)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.ID, c.Tenant, c.User, c.App, c.Name, string(c.Status), string(c.AuthType),
		c.ViaLink, c.NeedsReconnection, c.RefreshPending, now, now, c.Version, sealed)
	if err != nil || !g.verified {
		return err
	}
	return setVerified(ctx, tx, c.ID, true)
}

// normalize brings a new connection into the form in which it is stored and looked up.
func (c *Connection) normalize() (err error) {
	if c.User, err = parseEmail(c.User); err != nil {
		return err
	}
	if c.Status == "" {
		c.Status = Active
	}
	c.Name = strings.TrimSpace(c.Name)
	if c.Name == "" {
		c.Name = c.App
	}
	if err := checkTenantID(c.Tenant); err != nil {
		return err
	}
	if err := checkAuthType(c.AuthType); err != nil {
		return err
	}
	if err := checkSlug("app", c.App); err != nil {
		return err
	}
	switch {
	case !c.Status.Valid():
		return invalid("status: must be pending, active, rejected or expired")
	case !isPlain(c.Name, maxNameLen):
		return invalid(fmt.Sprintf("name: must be at most %d bytes of text without control characters", maxNameLen))
	}
	return nil
}

func checkAuthType(a vending.AuthType) error {
	if !a.Valid() {
		return invalid("auth_type: must be o_auth, api_key, basic or header")
	}
	return nil
}

// checkGrant refuses an active connection that could never vend.
func (c *Connection) checkGrant(g Grant) error {
	if c.Status != Active {
		return nil
	}
	v := g.Reveal()
	if c.AuthType == vending.OAuth {
		// which brings tokens by itself
		own := slices.ContainsFunc(v.Fields, func(f vending.Field) bool { return f.Name == catalog.ClientSecret })
		if v.AccessToken == "" && v.RefreshToken == "" && !own {
			return invalid("grant: an o_auth connection needs an access_token or a refresh_token")
		}
		return nil
	}
	if len(v.Fields) == 0 {
		return invalid("grant: a connection of this auth_type needs fields")
	}
	for _, f := range v.Fields {
		if f.Name == "" || f.Value == "" {
			return invalid("grant: a field needs a name and a value")
		}
	}
	return nil
}

// DeleteConnection deletes a connection of tenant, its grant and its caller keys for good. Without
// such a connection it is a *vending.Error with `connection_deleted`, and while a hold stands one
// with `connection_in_use`.
func (s *Store) DeleteConnection(ctx context.Context, tenant, id string) error {
	_, _, err := s.TakeConnection(ctx, tenant, "", id)
	return err
}

// TakeConnection is DeleteConnection that returns what was deleted, so that the grant can be
// revoked at its provider. Unless user is empty the connection must be theirs. A grant that does
// not open is zero: what cannot be used can still be deleted.
func (s *Store) TakeConnection(ctx context.Context, tenant, user, id string) (c Connection, g Grant, err error) {
	err = s.update(ctx, "deleting a connection", func(tx *sql.Tx) error {
		if c, err = s.owned(ctx, tx, tenant, user, id); err != nil {
			return err
		}
		if err := refuseHeld(ctx, tx, id); err != nil {
			return err
		}
		var sealed []byte
		if err := tx.QueryRowContext(ctx, `DELETE FROM connections WHERE id = ? RETURNING sealed`,
			id).Scan(&sealed); err != nil {
			return err
		}
		if sealed != nil {
			g = s.openTaken(c, sealed)
		}
		if err := s.record(ctx, tx, about(ConnectionDeleted, c)); err != nil {
			return err
		}
		return s.revokeKeysOf(ctx, tx, tenant, id)
	})
	if err != nil {
		return Connection{}, Grant{}, err
	}
	return c, g, nil
}

func (s *Store) openTaken(c Connection, sealed []byte) (g Grant) {
	plain, err := s.vault.Open(sealed, c.binding().associatedData())
	if err == nil {
		g, err = decodeGrant(plain)
	}
	if err != nil {
		s.log.Error("a deleted grant did not open", "connection", c.ID, "tenant", c.Tenant, "error", err)
	}
	return g
}

// mustChange turns a statement that found no connection into `connection_deleted`.
func mustChange(r sql.Result, err error) error {
	if err != nil {
		return err
	}
	n, err := r.RowsAffected()
	if err == nil && n == 0 {
		err = errNoConnection()
	}
	return err
}

// errNoConnection is the one answer for an unknown connection, another tenant's and another end
// user's: a caller must not learn which.
func errNoConnection() *vending.Error { return vending.Errorf(vending.ConnectionDeleted, nil) }

// invalid refuses what a caller sent. The message never repeats it.
func invalid(message string) *vending.Error { return vending.Refuse(vending.InvalidRequest, message) }

// checkTenantID is policy.CheckTenantID without the id in the message.
func checkTenantID(id string) error {
	if policy.CheckTenantID(id) != nil {
		return invalid("tenant: an id has 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit")
	}
	return nil
}

// isPlain is true of text of up to so many bytes that shows as it reads: a control character could
// break a line of a log, and one of bidirectional text could turn around what an end user is shown
// beside it.
func isPlain(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}

// checkSlug is [catalog.CheckSlug] with the name of the field.
func checkSlug(field, slug string) error {
	if err := catalog.CheckSlug(slug); err != nil {
		return invalid(field + ": " + err.Error())
	}
	return nil
}
