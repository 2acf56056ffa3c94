package vending_test

import (
	"testing"

	"github.com/vendgate/vendgate/vending"
)

// TestCodes: the table of the documented codes. A status that changes here breaks clients.
func TestCodes(t *testing.T) {
	codes := map[vending.Code]struct {
		text    string
		status  int
		message string
	}{
		vending.InvalidUserEmail: {"invalid_user_email", 400, "x-user-email must hold exactly one valid email address"},
		vending.InvalidRequest:   {"invalid_request", 400, "the gateway refuses this path, method or header"},
		vending.AppMismatch:      {"app_mismatch", 400, "the connection belongs to another app than the one in the path"},
		vending.InvalidTenantKey: {"invalid_tenant_key", 401, "the key is missing, unknown or retired"},
		vending.NeedsReconnection: {"needs_reconnection", 401,
			"the grant was revoked, has expired or is refused by the provider; the end user must connect again"},
		vending.CapabilityDisabled: {"capability_disabled", 403, "this tenant key lacks the capability"},
		vending.PolicyDenied:       {"policy_denied", 403, "this tenant may not call this app, method or path"},
		vending.ConnectionDeleted:  {"connection_deleted", 404, "no such connection"},
		vending.UnknownApp:         {"unknown_app", 404, "no such app"},
		vending.NotFound:           {"not_found", 404, "nothing is served at this path: check the base URL"},
		vending.ConnectionInUse:    {"connection_in_use", 409, "the connection is held by something that depends on it"},
		vending.ConnectionNotActive: {"connection_not_active", 409,
			"the connection is not active yet, or was rejected, or its link has expired"},
		vending.RequestTooLarge: {"request_too_large", 413, "the request body is larger than allowed"},
		vending.RateLimited:     {"rate_limited", 429, "too many requests; wait as long as Retry-After says"},
		vending.UpstreamUnavailable: {"upstream_unavailable", 503,
			"the source or the provider cannot be reached right now; retry with backoff"},
		vending.InternalError: {"internal_error", 500, "something went wrong in the gateway; its log has the details"},
	}
	if len(codes) != 16 {
		t.Errorf("%d distinct codes, want 16", len(codes))
	}
	for code, want := range codes {
		t.Run(want.text, func(t *testing.T) {
			if string(code) != want.text || code.Status() != want.status || code.Message() != want.message || !code.Known() {
				t.Errorf("%q: %d %q known %t; want %+v", code, code.Status(), code.Message(), code.Known(), want)
			}
		})
	}
	for _, code := range []vending.Code{"", "Rate_Limited", "teapot"} {
		if code.Known() || code.Status() != 500 || code.Message() != vending.InternalError.Message() {
			t.Errorf("%q: known %t, %d %q", code, code.Known(), code.Status(), code.Message())
		}
	}
}
