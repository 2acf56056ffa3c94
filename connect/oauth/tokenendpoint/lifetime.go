package tokenendpoint

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

const (
	// notBefore tells a time from a lifetime, in seconds: no token lasts for thirty years.
	notBefore = 1_000_000_000
	// notAfter tells a time in seconds from one in milliseconds, that from microseconds, and those
	// from nanoseconds, each a thousand times the one before: no token lasts until the year 5138.
	notAfter = 100_000_000_000
	// maxLifetime bounds what is believed, in seconds: 68 years.
	maxLifetime = math.MaxInt32
	// assumedLifetime is that of a token whose end is named and cannot be read. It must not count as
	// one that never ends.
	assumedLifetime = time.Hour
)

// expiryNames are the members that say when a token ends, the surest first: Zoho's `expires_in` is
// in milliseconds where it comes with `expires_in_sec`, `expires_on` is Entra's first version's,
// `expire_in` Shopee's, `expiry` that of golang.org/x/oauth2's tokens.
var expiryNames = []string{
	"expires_in_sec", "expires_in", "expires", "expires_at", "expires_on", "expire_in", "expiry", "expiresIn", "expiresAt",
}

// lifetime reads `expires_in`, a number or its text. Where that says nothing, others of endNames
// may hold the same, or a time, of which one that is over counts. A number that is not positive
// says nothing, and neither does a time that is not after 1970: some write their zero so.
//
// unread says that there is an end, but none that can be read. The lifetime is not known at all
// where that is `expires_in`, of which RFC 6749, section 5.1, leaves no doubt.
func (m jsonObject) lifetime(asked time.Time) (lifetime time.Duration, unread, known bool) {
	known = true
	for _, name := range expiryNames {
		text := strings.TrimSpace(m.text(name))
		if raw := string(m[name]); text == "" && !strings.HasPrefix(raw, `"`) {
			text = raw
		}
		if text == "" || text == "null" {
			continue
		}
		seconds, isTime, ok := parseExpiry(text)
		switch {
		case !ok && name == "expires_in":
			known = false
		case !ok:
			unread = true
		case seconds <= 0:
		case isTime, name != "expires_in" && seconds >= notBefore:
			return lifetimeUntil(seconds, asked), false, true
		default:
			return max(time.Second, time.Duration(min(seconds, maxLifetime))*time.Second), false, true
		}
	}
	return 0, unread, known
}

// parseExpiry reads a number, which may be a lifetime or a time, or a date, in seconds since 1970.
func parseExpiry(text string) (seconds float64, isTime, ok bool) {
	if strings.Trim(text, "+-.0123456789eE") == "" { // ParseFloat takes NaN and hexadecimal numbers, too
		seconds, err := strconv.ParseFloat(text, 64)
		if err == nil || errors.Is(err, strconv.ErrRange) {
			return seconds, false, true
		}
	}
	at, ok := parseDate(text)
	return float64(min(at.Unix(), notAfter)), true, ok
}

// layouts are the dates that providers write: RFC 3339, as Square does
// (https://developer.squareup.com/reference/square/o-auth-api/obtain-token), its relatives in ISO
// 8601, and HTTP's (RFC 9110, section 5.6.7). Where there is no zone it is UTC.
var layouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07",
	"2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02",
	time.RFC1123, time.RFC1123Z, time.RFC850, time.ANSIC,
}

// parseDate reads a date in one of layouts; a fraction may follow the seconds, and letters may have
// any case.
func parseDate(text string) (at time.Time, ok bool) {
	upper := strings.ToUpper(text)
	if len(upper) > len("2006-01-02") && upper[len("2006-01-02")] == ' ' && '0' <= upper[0] && upper[0] <= '9' {
		day, clock := upper[:len("2006-01-02")], upper[len("2006-01-02 "):]
		upper = day + "T" + strings.Replace(strings.TrimSuffix(clock, " UTC"), " ", "", 1)
	}
	for _, layout := range layouts {
		if at, err := time.Parse(layout, upper); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// lifetimeUntil is the lifetime of a token that ends at a time since 1970; it is never 0.
func lifetimeUntil(at float64, asked time.Time) time.Duration {
	for unit := 0; unit < 3 && at > notAfter; unit++ {
		at /= 1000
	}
	left := at - float64(asked.Unix())
	if left < 1 {
		return -time.Second
	}
	return time.Duration(min(left, maxLifetime)) * time.Second
}
