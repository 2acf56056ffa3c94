package vending_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
)

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2026, time.March, 4, 5, 6, 7, 0, time.UTC)
	tests := map[string]struct {
		value string
		want  time.Duration
	}{
		"absent":              {"", time.Second},
		"blank":               {"  ", time.Second},
		"zero":                {"0", time.Second},
		"one":                 {"1", time.Second},
		"seconds":             {"120", 2 * time.Minute},
		"seconds and spaces":  {" 120\t", 2 * time.Minute},
		"a day":               {"86400", 24 * time.Hour},
		"over a day":          {"86401", 24 * time.Hour},
		"over int32":          {"4294967297", 24 * time.Hour},
		"over any duration":   {"9223372036854775807", 24 * time.Hour},
		"over int64":          {"9223372036854775808", 24 * time.Hour},
		"endless digits":      {"99999999999999999999999999", 24 * time.Hour},
		"negative":            {"-5", time.Second},
		"below int64":         {"-99999999999999999999999999", time.Second},
		"fraction":            {"1.5", 2 * time.Second},
		"long fraction":       {"64.57", 65 * time.Second},
		"not a number":        {"NaN", time.Second},
		"a time":              {"1772600827", time.Minute},
		"a time past":         {"1500000000", time.Second},
		"date ahead, UTC":     {"Wed, 04 Mar 2026 05:07:07 UTC", time.Minute},
		"date ahead, zone":    {"Wed, 04 Mar 2026 06:07:07 +0100", time.Minute},
		"date ahead, RFC3339": {"2026-03-04T05:07:07Z", time.Minute},
		"hex":                 {"0x10", time.Second},
		"duration":            {"5m", time.Second},
		"garbage":             {"soon", time.Second},
		"two values":          {"5, 10", time.Second},
		"date ahead":          {"Wed, 04 Mar 2026 05:07:07 GMT", time.Minute},
		"date ahead, RFC 850": {"Wednesday, 04-Mar-26 05:07:07 GMT", time.Minute},
		"date ahead, asctime": {"Wed Mar  4 05:07:07 2026", time.Minute},
		"date now":            {"Wed, 04 Mar 2026 05:06:07 GMT", time.Second},
		"date past":           {"Wed, 21 Oct 2015 07:28:00 GMT", time.Second},
		"date in a week":      {"Wed, 11 Mar 2026 05:06:07 GMT", 24 * time.Hour},
		"date in 8000 years":  {"Fri, 31 Dec 9999 23:59:59 GMT", 24 * time.Hour},
		"date broken":         {"Wed, 99 Mar 2026 05:07:07 GMT", time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := vending.ParseRetryAfter(tt.value, now); got != tt.want {
				t.Errorf("ParseRetryAfter(%q) = %v, want %v", tt.value, got, tt.want)
			}
		})
	}
	half := now.Add(500 * time.Millisecond)
	if got := vending.ParseRetryAfter("Wed, 04 Mar 2026 05:06:09 GMT", half); got != 2*time.Second {
		t.Errorf("1.5 s ahead = %v, want 2s: to come back early is to be refused again", got)
	}
}

// TestStatedRetryAfter has headers of answers that state when to call again, or do not.
func TestStatedRetryAfter(t *testing.T) {
	for name, c := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"none":          {http.Header{}, 0},
		"seconds":       {http.Header{"Retry-After": {"7"}, "Retry-After-Ms": {"90000"}}, 7 * time.Second},
		"OpenAI, Azure": {http.Header{"Retry-After-Ms": {"1500"}}, 2 * time.Second},
		"Cosmos DB":     {http.Header{"X-Ms-Retry-After-Ms": {"9000"}}, 9 * time.Second},
		"nonsense":      {http.Header{"Retry-After-Ms": {"soon"}}, 0},
	} {
		if got := vending.StatedRetryAfter(c.header, time.Now()); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestClampRetryAfter(t *testing.T) {
	for d, want := range map[time.Duration]int{
		math.MinInt64:               1,
		-time.Hour:                  1,
		-1:                          1,
		0:                           1,
		1:                           1,
		time.Second:                 1,
		time.Second + 1:             2,
		1500 * time.Millisecond:     2,
		24*time.Hour - time.Second:  86399,
		24 * time.Hour:              86400,
		24*time.Hour + 1:            86400,
		365 * 24 * time.Hour:        86400,
		math.MaxInt64 - time.Second: 86400,
		math.MaxInt64:               86400,
	} {
		if got := vending.ClampRetryAfter(d); got != want {
			t.Errorf("ClampRetryAfter(%d) = %d, want %d", d, got, want)
		}
	}
}

func TestAsError(t *testing.T) {
	own := vending.Errorf(vending.NeedsReconnection, io.EOF)
	tests := map[string]struct {
		err  error
		code vending.Code
	}{
		"an error":               {own, vending.NeedsReconnection},
		"a wrapped error":        {fmt.Errorf("vending: %w", own), vending.NeedsReconnection},
		"a joined error":         {errors.Join(io.EOF, own), vending.NeedsReconnection},
		"deadline":               {context.DeadlineExceeded, vending.UpstreamUnavailable},
		"wrapped deadline":       {fmt.Errorf("vending: %w", context.DeadlineExceeded), vending.UpstreamUnavailable},
		"deadline inside of own": {vending.Errorf(vending.RateLimited, context.DeadlineExceeded), vending.RateLimited},
		"cancelled":              {context.Canceled, vending.InternalError},
		"anything else":          {io.EOF, vending.InternalError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := vending.AsError(tt.err)
			if e.Code != tt.code || e.Origin != vending.FromVending {
				t.Errorf("AsError = %s from %s, want %s", e.Code, e.Origin, tt.code)
			}
			if !errors.Is(e, tt.err) && !errors.Is(tt.err, e) {
				t.Errorf("AsError lost its cause: %v", e)
			}
		})
	}
}

func TestError(t *testing.T) {
	cause := errors.New("dial tcp: refused")
	e := vending.Errorf(vending.UpstreamUnavailable, cause)
	if got := e.Error(); got != "upstream_unavailable: dial tcp: refused" {
		t.Errorf("Error() = %q", got)
	}
	if got := e.Text(); got != vending.UpstreamUnavailable.Message() {
		t.Errorf("the cause reached the caller: %q", got)
	}
	if !errors.Is(e, cause) {
		t.Error("the cause is lost")
	}
	if got := vending.Errorf(vending.AppMismatch, nil).Error(); got != "app_mismatch: "+vending.AppMismatch.Message() {
		t.Errorf("Error() without a cause = %q", got)
	}
	r := vending.Refuse(vending.InvalidRequest, "no dots")
	if r.Origin != vending.FromGateway || r.Text() != "no dots" || r.Error() != "invalid_request: no dots" {
		t.Errorf("Refuse = %s, %q, %q", r.Origin, r.Text(), r.Error())
	}
}
