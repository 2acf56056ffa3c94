package gateway

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/vending"
)

// retryAfter is when to call again, from `Retry-After` or else from the app's own header, clamped
// as any `Retry-After` is.
func retryAfter(own *catalog.RateLimit, h http.Header, now time.Time) time.Duration {
	stated := h.Get("Retry-After")
	if stated == "" && own != nil && own.RetryAfter != "" {
		if d, ok := ownRetryAfter(own.Format, h.Get(own.RetryAfter), now); ok {
			return time.Duration(vending.ClampRetryAfter(d)) * time.Second
		}
	}
	return max(time.Second, vending.StatedRetryAfter(h, now))
}

// ownRetryAfter reads a number, which may have a fraction. Values that no duration can hold become
// the longest one.
func ownRetryAfter(format, value string, now time.Time) (time.Duration, bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil || math.IsNaN(n) {
		return 0, false
	}
	unit := float64(time.Second)
	if format == "ms" || format == "unix_ms" {
		unit = float64(time.Millisecond)
	}
	if format == "unix" || format == "unix_ms" {
		n -= float64(now.UnixNano()) / unit
	}
	// Beyond any clamp already, and within what a duration holds.
	const bound = float64(365 * 24 * time.Hour)
	return time.Duration(min(max(n*unit, -bound), bound)), true
}
