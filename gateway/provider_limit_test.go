package gateway

import (
	"net/http"
	"testing"
	"time"

	"github.com/vendgate/vendgate/catalog"
)

func TestRetryAfter(t *testing.T) {
	now := time.Unix(1_800_000_000, 500_000_000)
	for name, c := range map[string]struct {
		format, value string
		want          time.Duration
	}{
		"seconds":                 {"seconds", "30", 30 * time.Second},
		"seconds, a fraction":     {"seconds", "0.2", time.Second},
		"milliseconds":            {"ms", "2100", 3 * time.Second},
		"a time":                  {"unix", "1800000060", 60 * time.Second},
		"a time with a fraction":  {"unix", "1800000060.9", 61 * time.Second},
		"a time gone by":          {"unix", "1799999999", time.Second},
		"a time in milliseconds":  {"unix_ms", "1800000010500", 10 * time.Second},
		"a time beyond the clamp": {"unix", "1900000000", 24 * time.Hour},
		"infinite":                {"seconds", "Inf", 24 * time.Hour},
		"no number at all":        {"seconds", "NaN", time.Second},
		"a date":                  {"unix", "Thu, 01 Jan 2099 00:00:00 GMT", time.Second},
		"spaces":                  {"seconds", " 5 ", 5 * time.Second},
		"absent":                  {"seconds", "", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			own := &catalog.RateLimit{RetryAfter: "x-reset", Format: c.format}
			h := http.Header{"X-Reset": {c.value}}
			if c.value == "" {
				h = http.Header{}
			}
			if got := retryAfter(own, h, now); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			h.Set("Retry-After", "9")
			if got := retryAfter(own, h, now); got != 9*time.Second {
				t.Errorf("beside Retry-After %s", got)
			}
		})
	}
}
