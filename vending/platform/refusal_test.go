package platform_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/vending"
	"github.com/vendgate/vendgate/vending/platform"
)

// refusals are answers other than 2xx and what they become.
var refusals = map[string]struct {
	answer http.HandlerFunc
	own    vending.Code // with a configured key
	passed vending.Code // with the caller's; as own where empty
	logged bool         // with a configured key
	retry  time.Duration
}{
	"invalid_user_email": {answer: refuses(400, "invalid_user_email"), own: vending.InvalidUserEmail},
	"invalid_request":    {answer: refuses(400, "invalid_request"), own: vending.InvalidRequest},
	"app_mismatch":       {answer: refuses(400, "app_mismatch"), own: vending.AppMismatch},
	"400 without a code": {answer: says(400, `{"status":"error","message":"`+tenantKey+`","data":null}`),
		own: vending.InternalError},
	"needs_reconnection": {answer: refuses(401, "needs_reconnection"), own: vending.NeedsReconnection},
	"invalid_tenant_key": {answer: refuses(401, "invalid_tenant_key"), own: vending.InternalError,
		passed: vending.InvalidTenantKey, logged: true},
	"401 with an unknown code": {answer: refuses(401, "unauthorized"), own: vending.InternalError,
		passed: vending.InvalidTenantKey, logged: true},
	"401 HTML": {answer: says(401, "<html>"+tenantKey), own: vending.InternalError,
		passed: vending.InvalidTenantKey, logged: true},
	"401 empty": {answer: says(401, ""), own: vending.InternalError, passed: vending.InvalidTenantKey,
		logged: true},
	"401 code of another type": {answer: says(401, `{"status":"error","data":{"code":7}}`),
		own: vending.InternalError, passed: vending.InvalidTenantKey, logged: true},
	"401 with a code of 5xx": {answer: refuses(401, "upstream_unavailable"), own: vending.InternalError,
		passed: vending.InvalidTenantKey, logged: true},
	"capability_disabled": {answer: refuses(403, "capability_disabled"), own: vending.InternalError,
		passed: vending.CapabilityDisabled, logged: true},
	"403 without a code": {answer: says(403, "blocked"), own: vending.InternalError,
		passed: vending.CapabilityDisabled, logged: true},
	"policy_denied":               {answer: refuses(403, "policy_denied"), own: vending.PolicyDenied},
	"connection_deleted":          {answer: refuses(404, "connection_deleted"), own: vending.ConnectionDeleted},
	"unknown_app":                 {answer: refuses(404, "unknown_app"), own: vending.UnknownApp},
	"404 HTML":                    {answer: says(404, "<html>"), own: vending.ConnectionDeleted},
	"405":                         {answer: says(405, ""), own: vending.InternalError},
	"408":                         {answer: says(408, ""), own: vending.UpstreamUnavailable},
	"connection_not_active":       {answer: refuses(409, "connection_not_active"), own: vending.ConnectionNotActive},
	"connection_in_use":           {answer: refuses(409, "connection_in_use"), own: vending.ConnectionNotActive},
	"409 without a code":          {answer: says(409, ""), own: vending.ConnectionNotActive},
	"410":                         {answer: says(410, ""), own: vending.ConnectionDeleted},
	"422 with invalid_user_email": {answer: refuses(422, "invalid_user_email"), own: vending.InvalidUserEmail},
	"rate_limited":                {answer: refuses(429, "rate_limited", "Retry-After", "17"), own: vending.RateLimited},
	"429 without a code":          {answer: says(429, "", "Retry-After", "17"), own: vending.RateLimited},
	"500":                         {answer: refuses(500, "internal_error"), own: vending.UpstreamUnavailable},
	"500 with a code of 4xx":      {answer: refuses(500, "needs_reconnection"), own: vending.UpstreamUnavailable},
	"502 HTML":                    {answer: says(502, "<html>"+tenantKey), own: vending.UpstreamUnavailable},
	"upstream_unavailable": {answer: refuses(503, "upstream_unavailable", "Retry-After", "600"),
		own: vending.UpstreamUnavailable, retry: 10 * time.Minute},
	"599":                    {answer: says(599, ""), own: vending.UpstreamUnavailable},
	"304":                    {answer: says(304, ""), own: vending.UpstreamUnavailable},
	"302 with a code of 4xx": {answer: refuses(302, "needs_reconnection"), own: vending.UpstreamUnavailable},
	"302 with a Location of no use": {answer: says(302, "", "Location", "http://[::1:"+tenantKey),
		own: vending.UpstreamUnavailable},
}

// TestRefusal: every error of the guide's section 12, and those that it does not know, from either
// call, with a configured key and with the caller's.
func TestRefusal(t *testing.T) {
	for name, tt := range refusals {
		if tt.passed == "" {
			tt.passed = tt.own
		}
		for call, handlers := range map[string][2]http.HandlerFunc{
			"metadata": {tt.answer, says(200, gmailToken)}, "token": {says(200, activeGmail), tt.answer},
		} {
			t.Run(name+"/"+call+"/configured key", func(t *testing.T) {
				var logged bytes.Buffer
				s := serve(t, handlers[0], handlers[1])
				cred, err := vend(newSource(t, s, func(o *platform.Options) {
					o.Logger = slog.New(slog.NewJSONHandler(&logged, nil))
				}), request())
				check(t, refusal(t, cred, err, tt.own), tt.retry)
				clean(t, logged.String())
				if got := strings.Contains(logged.String(),
					`"level":"ERROR","msg":"the platform refused the tenant key","tenant":"acme"`); got != tt.logged {
					t.Errorf("logged = %s, want %t", logged.String(), tt.logged)
				}
			})
			t.Run(name+"/"+call+"/passed through", func(t *testing.T) {
				var logged bytes.Buffer
				s := serve(t, handlers[0], handlers[1])
				cred, err := vend(newSource(t, s, passthrough, func(o *platform.Options) {
					o.Logger = slog.New(slog.NewJSONHandler(&logged, nil))
				}), request())
				check(t, refusal(t, cred, err, tt.passed), tt.retry)
				if logged.Len() != 0 {
					t.Errorf("a caller filled the log: %s", logged.String())
				}
			})
		}
	}
}

// check asserts that the caller is told when to come back as the platform told it.
func check(t *testing.T, e *vending.Error, want time.Duration) {
	t.Helper()
	if e.Code == vending.RateLimited {
		want = 17 * time.Second
	}
	if e.RetryAfter != want {
		t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, want)
	}
}

// TestRetryAfter: a 429 always tells a time within bounds.
func TestRetryAfter(t *testing.T) {
	tests := map[string]struct {
		header []string
		want   time.Duration
	}{
		"absent":        {nil, time.Second},
		"seconds":       {[]string{"Retry-After", "60"}, time.Minute},
		"negative":      {[]string{"Retry-After", "-60"}, time.Second},
		"huge":          {[]string{"Retry-After", "99999999999999999999"}, 24 * time.Hour},
		"date long ago": {[]string{"Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"}, time.Second},
		"garbage":       {[]string{"Retry-After", tenantKey}, time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), refuses(429, "rate_limited", tt.header...))
			cred, err := vend(newSource(t, s), request())
			if e := refusal(t, cred, err, vending.RateLimited); e.RetryAfter != tt.want {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, tt.want)
			}
		})
	}
}

// TestNotAsked: what cannot be sent is refused without a call.
func TestNotAsked(t *testing.T) {
	tests := map[string]struct {
		change func(*vending.Request)
		option func(*platform.Options)
		code   vending.Code
	}{
		"no end user": {func(r *vending.Request) { r.User = "" }, passthrough, vending.InvalidUserEmail},
		"end user with a newline": {func(r *vending.Request) {
			r.User = "a@example.com\r\nX-A: b"
		}, passthrough, vending.InvalidUserEmail},
		"no key": {func(r *vending.Request) {
			r.Key = vending.Secret{}
		}, passthrough, vending.InvalidTenantKey},
		"key with a newline": {func(r *vending.Request) {
			r.Key = vending.NewSecret(tenantKey + "\n")
		}, passthrough, vending.InvalidTenantKey},
		"tenant without a key": {func(r *vending.Request) {
			r.Tenant = "stranger"
		}, func(*platform.Options) {}, vending.InternalError},
		"configured key unusable": {func(*vending.Request) {}, func(o *platform.Options) {
			o.Key = func(string) (vending.Secret, bool) { return vending.NewSecret(tenantKey + "\n"), true }
		}, vending.InternalError},
		"configured key empty": {func(*vending.Request) {}, func(o *platform.Options) {
			o.Key = func(string) (vending.Secret, bool) { return vending.NewSecret(""), true }
		}, vending.InternalError},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), says(200, gmailToken))
			r := request()
			tt.change(&r)
			cred, err := vend(newSource(t, s, tt.option), r)
			refused(t, cred, err, tt.code)
			if calls := s.all(); len(calls) != 0 {
				t.Errorf("the server was asked: %q", calls)
			}
		})
	}
}

// TestKeys: a configured key is sent for its tenant and never the caller's; passed through, the
// caller's and no other.
func TestKeys(t *testing.T) {
	r := request()
	r.Key = vending.NewSecret("pk_live_callers")
	for name, tt := range map[string]struct {
		option func(*platform.Options)
		auth   string
	}{
		"configured":     {func(*platform.Options) {}, "Bearer " + tenantKey},
		"passed through": {passthrough, "Bearer pk_live_callers"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, says(200, activeGmail), says(200, gmailToken))
			if _, err := vend(newSource(t, s, tt.option), r); err != nil {
				t.Fatalf("Vend: %v", err)
			}
			for _, got := range s.all() {
				if got.auth != tt.auth {
					t.Errorf("%s carried %q, want %q", got.method, got.auth, tt.auth)
				}
			}
		})
	}
}
