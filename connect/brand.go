package connect

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vendgate/vendgate/vending"
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
	// FrameAncestors are the origins that may frame the hosted pages; none means that no page may.
	FrameAncestors []string
	// UserHint is how the hosted pages tell whose connection it is: HintMasked, which empty means too,
	// HintOff, or words of the tenant's own with HintUser as the placeholder of the masked address.
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
	MaxBrandName      = 100
	MaxLogoURL        = 1000
	maxFrameAncestors = 10
)

var accentForm = regexp.MustCompile(`^#[0-9a-f]{6}$`)

// BrandError says which field of a brand is invalid, by the name it has in the store and the admin
// API, and what to write.
type BrandError struct{ Field, Advice string }

func (e *BrandError) Error() string { return e.Field + ": " + e.Advice }

func invalidBrand(field, advice string) error {
	e := &BrandError{field, advice}
	return &vending.Error{Code: vending.InvalidRequest, Origin: vending.FromGateway, Message: e.Error(), Err: e}
}

// Normalize brings b into the form in which it is kept, and reports what is wrong with it, as a
// *[BrandError].
func (b *Brand) Normalize() error {
	b.Name, b.Accent = strings.TrimSpace(b.Name), strings.ToLower(strings.TrimSpace(b.Accent))
	b.UserHint = strings.TrimSpace(b.UserHint)
	switch {
	case !IsPlain(b.Name, MaxBrandName):
		return invalidBrand("name", fmt.Sprintf("must be at most %d bytes of text without control characters", MaxBrandName))
	case b.Accent != "" && !accentForm.MatchString(b.Accent):
		return invalidBrand("accent", "write a colour like #0a66c2")
	case b.LogoURL != "" && !isLogoURL(b.LogoURL):
		return invalidBrand("logo_url", fmt.Sprintf("write an https URL of at most %d bytes, without user info or quotes",
			MaxLogoURL))
	case len(b.FrameAncestors) > maxFrameAncestors:
		return invalidBrand("frame_ancestors", fmt.Sprintf("write at most %d origins", maxFrameAncestors))
	case b.Unconfirmed != "" && b.Unconfirmed != AskUnconfirmed && b.Unconfirmed != RefuseUnconfirmed:
		return invalidBrand("unconfirmed", "write ask or refuse")
	}
	for _, origin := range b.FrameAncestors {
		if !isOrigin(origin) {
			return invalidBrand("frame_ancestors", "write origins like https://app.example.com")
		}
	}
	return checkUserHint(b.UserHint)
}

// isLogoURL is strict because the URL's origin lands in a Content-Security-Policy, where a space, a
// comma or a semicolon would begin something else.
func isLogoURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && len(text) <= MaxLogoURL && u.Scheme == "https" && u.User == nil && u.Fragment == "" &&
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

// The values of Brand.UserHint that are not shown as text, and the placeholder for the masked
// address.
const (
	HintMasked = "masked"
	HintOff    = "off"
	HintUser   = "{user}"
)

// maxUserHint bounds the words of a hint, in bytes.
const maxUserHint = 200

// hintWord is a single word, which tells an end user nothing: mostly a mistyped "off".
var hintWord = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func checkUserHint(hint string) error {
	switch {
	case hint == "", hint == HintMasked, hint == HintOff:
		return nil
	case !IsPlain(hint, maxUserHint):
		return invalidBrand("user_hint",
			fmt.Sprintf("must be at most %d bytes of text without control characters", maxUserHint))
	case hintWord.MatchString(hint):
		return invalidBrand("user_hint", `write masked, off, or words of your own like "For the account {user}"`)
	case strings.ContainsAny(strings.ReplaceAll(hint, HintUser, ""), "{}"):
		return invalidBrand("user_hint", "{user}, the masked address, is the only placeholder")
	}
	return nil
}

// MaskUser makes of an end user's address what its owner recognizes and others do not learn: of the
// local part its first and last character, `m…y@example.com`, and of one that would be whole by
// that its first alone, `m…@example.com`. The mask does not tell how long the part is.
func MaskUser(user string) string {
	local, domain := user, ""
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		local, domain = user[:at], user[at:]
	}
	masked := "…"
	if first, size := utf8.DecodeRuneInString(local); size > 0 {
		masked = string(first) + masked
	}
	if utf8.RuneCountInString(local) > 2 {
		last, _ := utf8.DecodeLastRuneInString(local)
		masked += string(last)
	}
	return masked + domain
}
