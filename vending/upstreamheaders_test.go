package vending_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// TestUpstreamHeaders has the headers of well-known providers, as their documentation spells them,
// and what is not for a caller.
func TestUpstreamHeaders(t *testing.T) {
	kept := []string{
		"X-Request-Id", "request-id", "x-amzn-RequestId", "x-amz-request-id", "x-amz-id-2", "x-ms-request-id",
		"client-request-id",
		"CF-RAY", "X-GitHub-Request-Id", "X-Trace-Id", "traceparent", "X-Cloud-Trace-Context", "intuit_tid",
		"PayPal-Debug-Id", "x-fb-trace-id",
		"RateLimit", "RateLimit-Policy", "RateLimit-Reset", "X-RateLimit-Remaining", "x-ratelimit-reset-tokens",
		"X-Rate-Limit-Reset",
		"anthropic-ratelimit-tokens-remaining", "X-Shopify-Shop-Api-Call-Limit", "Sforce-Limit-Info", "X-App-Usage",
		"X-MinLimit-Remaining",
		"Retry-After", "retry-after-ms", "X-ReadRateLimit-Usage",
	}
	left := []string{"Content-Type", "Date", "X-Api-Key", "Authorization", "Etag", "Location", "X-Powered-By",
		"Www-Authenticate", "X-Frame-Options"}
	h := make(http.Header)
	for _, name := range append(slices.Clone(kept), left...) {
		h.Set(name, "v")
	}
	got := slices.Sorted(maps.Keys(vending.UpstreamHeaders(h)))
	want := make([]string, 0, len(kept))
	for _, name := range kept {
		want = append(want, strings.ToLower(name))
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("kept %q\nwant %q", got, want)
	}
	if got := vending.UpstreamHeaders(http.Header{"Date": {"x"}}); got != nil {
		t.Errorf("of none: %v", got)
	}
}

// TestUpstreamHeadersOfOthers has names that are in a documentation each, of which none is like
// another's.
func TestUpstreamHeadersOfOthers(t *testing.T) {
	for _, name := range []string{
		"X-Zm-Trackingid", "Trackingid", "X-Docusign-Tracetoken", "X-Esi-Error-Limit-Remain", "Backoff",
		"Stripe-Should-Retry", "X-Ms-Retry-After-Ms",
		"Apigw-Requestid", "Opc-Request-Id", "Box-Request-Id", "Etsy-Request-Uuid", "X-Hubspot-Ratelimit-Daily",
		"X-Api-Calls-Remaining",
	} {
		if got := vending.UpstreamHeaders(http.Header{name: {"v"}}); got[strings.ToLower(name)] != "v" {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestUpstreamHeadersBounds: a provider cannot make an error grow, and one kind of header does not
// displace the other.
func TestUpstreamHeadersBounds(t *testing.T) {
	h := http.Header{"X-Request-Id": {strings.Repeat("é", 300), "second"}, "Ratelimit": {"a", "b"},
		"X-Request-Id-" + strings.Repeat("x", 100): {"x"}}
	for i := range 100 {
		h.Set(fmt.Sprintf("A-Request-Id-%d", i), "x")
		h.Set(fmt.Sprintf("X-Ratelimit-%d", i), "x")
	}
	got := vending.UpstreamHeaders(h)
	if len(got) != 32 || got["ratelimit"] != "a, b" {
		t.Errorf("%d headers, ratelimit %q", len(got), got["ratelimit"])
	}
	got = vending.UpstreamHeaders(http.Header{"X-Request-Id": h["X-Request-Id"]})
	if id := got["x-request-id"]; id != strings.Repeat("é", 128) {
		t.Errorf("a long value: %d bytes", len(id))
	}
}
