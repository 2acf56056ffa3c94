package platform

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// refusal maps an answer that is an error (guide, section 12): by its code where that is one of
// ours and a 4xx as the status is, else by its status. The server's message goes nowhere, as it
// may repeat what was sent to it. A 2xx whose envelope states an error counts by its code too.
//
// A 5xx is `upstream_unavailable` whatever it says, and only 503 is worth another try (guide,
// section 7). Its Retry-After is for the caller: [vending.WithRetry] goes by its own clock, so that
// it holds up no request.
func (s *Source) refusal(ctx context.Context, c *call, resp *httpx.Response) *vending.Error {
	status := resp.Status
	cause := fmt.Errorf("the platform answered %d", status)
	var code vending.Code
	switch {
	case status/100 == 4 && status != http.StatusRequestTimeout:
		if code = codeOf(resp.Body); code == "" {
			code = codeFor(status)
		}
	case status/100 == 2:
		cause = fmt.Errorf("the platform answered %d with an error", status)
		code = codeOf(resp.Body)
	}
	switch code {
	case "":
		e := vending.Errorf(vending.UpstreamUnavailable, cause)
		e.RetryAfter = vending.StatedRetryAfter(resp.Header, time.Now())
		e.Final = status != http.StatusServiceUnavailable
		return e
	case vending.InvalidTenantKey, vending.CapabilityDisabled:
		return s.keyRefused(ctx, c, code, status)
	case vending.RateLimited:
		e := vending.Errorf(code, cause)
		e.RetryAfter = vending.ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
		return e
	}
	return vending.Errorf(code, cause)
}

// codeFor maps a 4xx status that came without a usable code. What is not listed, such as 405,
// says that this client and that server do not speak the same API: a defect, not the caller's.
func codeFor(status int) vending.Code {
	switch status {
	case http.StatusUnauthorized:
		return vending.InvalidTenantKey
	case http.StatusForbidden:
		return vending.CapabilityDisabled
	case http.StatusNotFound, http.StatusGone:
		return vending.ConnectionDeleted
	case http.StatusConflict:
		return vending.ConnectionNotActive
	case http.StatusTooManyRequests:
		return vending.RateLimited
	}
	return vending.InternalError
}

// keyRefused is about the key. A caller who sent its own is told; a configured one is for the
// operator to correct, of whom the caller knows nothing.
func (s *Source) keyRefused(ctx context.Context, c *call, code vending.Code, status int) *vending.Error {
	if s.ownKey == nil {
		return vending.Errorf(code, fmt.Errorf("the platform answered %d", status))
	}
	s.logger.LogAttrs(ctx, slog.LevelError, "the platform refused the tenant key",
		slog.String("tenant", c.tenant), slog.Int("status", status), slog.String("code", string(code)))
	return vending.Errorf(vending.InternalError,
		fmt.Errorf("the platform refused the key of tenant %q with %d", c.tenant, status))
}
