package connect

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/policy"
	"github.com/vendgate/vendgate/vending"
)

// Status is how far a connection has come: pending → active, rejected or expired.
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
	// RefreshRejected says that the end user declined the last link, which would have renewed the
	// grant. Only Connections and Describe tell it.
	RefreshRejected bool
	// Verified says that the provider issued what the connection holds, or was seen to accept it
	// before it was stored. Only Connections and Describe tell it: no vend asks for it.
	Verified bool
	// Account is what the provider called the account of what the connection holds; empty if it did
	// not say. Only Connections and Describe tell it.
	Account string
	// CreatedAt and UpdatedAt are in UTC, to the millisecond. UpdatedAt follows the status and the
	// grant.
	CreatedAt, UpdatedAt time.Time
	// LinkExpiresAt is when the pending link ends or, of an expired connection, when its last one did;
	// zero without one. Only Connections and Describe tell it: no vend asks for it.
	LinkExpiresAt time.Time
	// Version counts the grants from 1.
	Version int64
}

// maxNameLen bounds the name of a connection, in bytes.
const maxNameLen = 200

// Check reports what would keep ImportConnection from storing c, of which the grant is not known
// yet.
func (c Connection) Check() error { return c.Normalize() }

// Normalize brings a new connection into the form in which it is stored and looked up.
func (c *Connection) Normalize() (err error) {
	if c.User, err = ParseEmail(c.User); err != nil {
		return err
	}
	if c.Status == "" {
		c.Status = Active
	}
	c.Name = strings.TrimSpace(c.Name)
	if c.Name == "" {
		c.Name = c.App
	}
	if err := CheckTenantID(c.Tenant); err != nil {
		return err
	}
	if err := CheckAuthType(c.AuthType); err != nil {
		return err
	}
	if err := checkSlug("app", c.App); err != nil {
		return err
	}
	switch {
	case !c.Status.Valid():
		return Invalid("status: must be pending, active, rejected or expired")
	case !IsPlain(c.Name, maxNameLen):
		return Invalid(fmt.Sprintf("name: must be at most %d bytes of text without control characters", maxNameLen))
	}
	return nil
}

// CheckUpdate says why c holds nothing whose place other credentials could take: a *vending.Error
// with `connection_not_active`. The end user decides by the link whether there is such a
// connection.
func (c Connection) CheckUpdate() error {
	var why string
	switch c.Status {
	case Active:
		return nil
	case Rejected:
		why = "the end user has rejected the connection's link, so it holds nothing to update: make a new link"
	case Expired:
		why = "the connection's link expired before it was used, so it holds nothing to update: make a new link"
	default:
		why = "the connection is pending, so it holds nothing to update: the end user must complete its link first"
	}
	return vending.Refuse(vending.ConnectionNotActive, why)
}

// CheckAuthType refuses what is no auth_type of the Platform API, by `invalid_request`.
func CheckAuthType(a vending.AuthType) error {
	if !a.Valid() {
		return Invalid("auth_type: must be o_auth, api_key, basic or header")
	}
	return nil
}

// CheckGrant refuses an active connection that could never vend.
func (c *Connection) CheckGrant(g Grant) error {
	if c.Status != Active {
		return nil
	}
	v := g.Reveal()
	if c.AuthType == vending.OAuth {
		// which brings tokens by itself
		own := slices.ContainsFunc(v.Fields, func(f vending.Field) bool { return f.Name == catalog.ClientSecret })
		if v.AccessToken == "" && v.RefreshToken == "" && !own {
			return Invalid("grant: an o_auth connection needs an access_token or a refresh_token")
		}
		return nil
	}
	if len(v.Fields) == 0 {
		return Invalid("grant: a connection of this auth_type needs fields")
	}
	for _, f := range v.Fields {
		if f.Name == "" || f.Value == "" {
			return Invalid("grant: a field needs a name and a value")
		}
	}
	return nil
}

// NoConnection is the one answer for an unknown connection, another tenant's and another end
// user's: a caller must not learn which.
func NoConnection() *vending.Error { return vending.Errorf(vending.ConnectionDeleted, nil) }

// Invalid refuses what a caller sent. The message never repeats it.
func Invalid(message string) *vending.Error { return vending.Refuse(vending.InvalidRequest, message) }

// CheckTenantID is policy.CheckTenantID without the id in the message.
func CheckTenantID(id string) error {
	if policy.CheckTenantID(id) != nil {
		return Invalid("tenant: an id has 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit")
	}
	return nil
}

// IsPlain is true of text of up to so many bytes that shows as it reads: a control character could
// break a line of a log, and one of bidirectional text could turn around what an end user is shown
// next to it.
func IsPlain(text string, most int) bool {
	return len(text) <= most && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) })
}

// checkSlug is [catalog.CheckSlug] with the name of the field.
func checkSlug(field, slug string) error {
	if err := catalog.CheckSlug(slug); err != nil {
		return Invalid(field + ": " + err.Error())
	}
	return nil
}

// ParseEmail reads one bare address as [policy.ParseUser] does; the header that it names does not
// exist here.
func ParseEmail(s string) (string, error) {
	email, err := policy.ParseUser([]string{s})
	if err != nil {
		return "",
			vending.Refuse(vending.InvalidUserEmail, "an email address must be one bare ASCII address of at most 254 bytes")
	}
	return email, nil
}

// Filter says which connections to list. An empty Tenant, User or App means any, so a caller that
// answers a tenant must set Tenant, and User too under the Platform API.
type Filter struct {
	Tenant, User, App string
	// Status is one of the four, or empty for any.
	Status Status
	// NeedsReconnection is whether the grant has ended, or nil for either.
	NeedsReconnection *bool
	// Search is looked for in name, end user and app, literally and in any case (of ASCII letters),
	// and is how an id may begin: most short texts occur somewhere in a random id.
	Search string
	// Page and Limit are as [CheckPage] takes them.
	Page, Limit int
}

// ParseStatus reads the word by which the lists of commands and pages are narrowed: one of the four
// statuses, `needs_reconnection`, or nothing for any.
func ParseStatus(word string) (status Status, needsReconnection *bool, ok bool) {
	if word == "needs_reconnection" {
		ended := true
		return "", &ended, true
	}
	status = Status(word)
	return status, nil, word == "" || status.Valid()
}

// MaxSearch bounds a search, in bytes. SQLite would not take a pattern of more than 50,000.
const MaxSearch = 254

// Check fills in the defaults of f, and reports what is wrong with it.
func (f *Filter) Check() error {
	if !IsPlain(f.Search, MaxSearch) { // and to LIKE, a NUL would end the pattern
		return Invalid(fmt.Sprintf("search: must be at most %d bytes of text without control characters", MaxSearch))
	}
	return CheckPage(&f.Page, &f.Limit)
}

// AuditFilter says which rows of the audit trail to read. Empty fields mean any, so a caller that
// answers a tenant must set Tenant.
type AuditFilter struct {
	Tenant, Connection string
	Event              Event
	// Since leaves out what is older; the zero time means nothing.
	Since time.Time
	// Present leaves out what was before Tenant was deleted the last time. It must be set to answer a
	// tenant: an earlier one may have had the same name.
	Present bool
	// Page and Limit are as [CheckPage] takes them.
	Page, Limit int
}

// DefaultLimit and MaxLimit bound the entries of a page.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// CheckPage fills in the defaults of a page of a list: page counts from 1, and limit is 1…100
// entries a page; 0 means 1 and 20. Any other is a *vending.Error with `invalid_request`.
func CheckPage(page, limit *int) error {
	if *page == 0 {
		*page = 1
	}
	if *limit == 0 {
		*limit = DefaultLimit
	}
	switch {
	case *page < 1:
		return invalidNumber("page", math.MaxInt32)
	case *limit < 1 || *limit > MaxLimit:
		return invalidNumber("limit", MaxLimit)
	}
	return nil
}

// ParsePage is [CheckPage] of the texts of a query; an empty one means the default.
func ParsePage(pageText, limitText string) (page, limit int, err error) {
	if page, err = parseNumber("page", pageText, 1, math.MaxInt32); err != nil {
		return 0, 0, err
	}
	limit, err = parseNumber("limit", limitText, DefaultLimit, MaxLimit)
	return page, limit, err
}

func parseNumber(name, text string, fallback int, most uint64) (int, error) {
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.ParseUint(text, 10, 31) // Atoi would take a sign
	if err != nil || n < 1 || n > most {
		return 0, invalidNumber(name, most)
	}
	return int(n), nil // #nosec G115 -- of 31 bits
}

func invalidNumber(name string, most uint64) error {
	return Invalid(fmt.Sprintf("%s: must be a whole number from 1 to %d", name, most))
}

// PageOffset returns how many entries come before a page that was checked. One that would overflow
// lies past every row.
func PageOffset(page, limit int) int {
	if page-1 > math.MaxInt32/MaxLimit {
		return math.MaxInt32
	}
	return (page - 1) * limit
}

// AppCount is how many connections of an app there are.
type AppCount struct {
	App         string
	Connections int
}

// ConnectionCount is how many connections of an app there are in one state, of all tenants.
type ConnectionCount struct {
	App               string
	Status            Status
	NeedsReconnection bool
	Connections       int64
}
