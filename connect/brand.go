package connect

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Brand is how a tenant appears on the hosted pages.
type Brand struct {
	// Name is what end users know the tenant by; empty means the tenant's id.
	Name string
	// LogoURL is an https URL of an image. It is never fetched by us: the end user's browser shows it.
	LogoURL string
	// Accent is a colour, `#rrggbb`; empty means the pages' own. Pages adjust it until its contrast
	// suffices.
	Accent string
	// FrameAncestors are the origins that may frame the hosted pages; none means that nobody may.
	FrameAncestors []string
	// UserHint is how the hosted pages tell whose connection it is: HintMasked, which empty means too,
	// HintOff, or words of the tenant's own in which HintUser stands for the masked address.
	UserHint string
	// Unconfirmed is what becomes of credentials that their provider neither accepts nor refuses:
	// AskUnconfirmed, which empty means too, or RefuseUnconfirmed.
	Unconfirmed string
}

// The values of Brand.Unconfirmed.
const (
	// AskUnconfirmed lets the end user decide whether they are stored.
	AskUnconfirmed = "ask"
	// RefuseUnconfirmed never stores them.
	RefuseUnconfirmed = "refuse"
)

// The bounds of a brand, in bytes and in numbers.
const (
	maxBrandName      = 100
	maxLogoURL        = 1000
	maxFrameAncestors = 10
)

// BrandError says which part of a brand is invalid, and what to write. It is an `invalid_request`.
type BrandError struct {
	// Part is what the store calls it: name, logo_url, accent, frame_ancestors, user_hint or
	// unconfirmed.
	Part string
	// Advice does not repeat what was given.
	Advice string
}

func (e *BrandError) Error() string { return e.Part + ": " + e.Advice }

// Unwrap returns what callers of the API are told.
func (e *BrandError) Unwrap() error { return invalid(e.Error()) }

var accentForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// CheckBrand reports, as a *BrandError, what is wrong with b, after bringing it into the form in
// which it is kept.
func CheckBrand(b *Brand) error { return b.normalize() }

func (b *Brand) normalize() error {
	b.Name, b.Accent = strings.TrimSpace(b.Name), strings.ToLower(strings.TrimSpace(b.Accent))
	b.UserHint = strings.TrimSpace(b.UserHint)
	switch {
	case !isPlain(b.Name, maxBrandName):
		return &BrandError{"name", fmt.Sprintf("must be at most %d bytes of text without control characters", maxBrandName)}
	case b.Accent != "" && !accentForm.MatchString(b.Accent):
		return &BrandError{"accent", "write a colour like #0a66c2"}
	case b.LogoURL != "" && !isLogoURL(b.LogoURL):
		return &BrandError{"logo_url", fmt.Sprintf("write an https URL of at most %d bytes, without user info or quotes",
			maxLogoURL)}
	case len(b.FrameAncestors) > maxFrameAncestors:
		return &BrandError{"frame_ancestors", fmt.Sprintf("at most %d origins", maxFrameAncestors)}
	case b.Unconfirmed != "" && b.Unconfirmed != AskUnconfirmed && b.Unconfirmed != RefuseUnconfirmed:
		return &BrandError{"unconfirmed", "write ask or refuse"}
	}
	for _, origin := range b.FrameAncestors {
		if !isOrigin(origin) {
			return &BrandError{"frame_ancestors", "write origins like https://app.example.com"}
		}
	}
	return checkUserHint(b.UserHint)
}

// isLogoURL is strict because the URL's origin lands in a Content-Security-Policy, where a space, a
// comma or a semicolon would begin something else.
func isLogoURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= maxLogoURL && u.Scheme == "https" && u.User == nil && u.Fragment == "" &&
		isAuthority(u) &&
		!strings.ContainsAny(text, " \t\"'<>;,")
}

func isOrigin(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())) && isAuthority(u) &&
		text == u.Scheme+"://"+u.Host
}

func isLoopback(host string) bool { return host == "localhost" || host == "127.0.0.1" }

var hostPortForm = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$`)

// isAuthority is true of a name or an IPv4 address, with a port or without.
func isAuthority(u *url.URL) bool {
	_, err := strconv.ParseUint(u.Port(), 10, 16)
	return hostPortForm.MatchString(u.Host) && (err == nil || u.Port() == "")
}

// SetBrand changes how a tenant appears. An unknown one is ErrTenantUnknown; what is wrong with b
// is a *vending.Error with `invalid_request`.
func (s *Store) SetBrand(ctx context.Context, tenant string, b Brand) error {
	if err := b.normalize(); err != nil {
		return err
	}
	return s.changeTenants(ctx, "changing a tenant", func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE tenants SET name = ?, logo_url = ?, accent = ?, frame_ancestors = ?, user_hint = ?,
			unconfirmed = ? WHERE id = ?`, b.Name, b.LogoURL, b.Accent, strings.Join(b.FrameAncestors, " "), b.UserHint, b.Unconfirmed, tenant)
		if err := changed(r, err, ErrTenantUnknown); err != nil {
			return err
		}
		return s.record(ctx, tx, AuditRow{Event: TenantChanged, Tenant: tenant})
	})
}
