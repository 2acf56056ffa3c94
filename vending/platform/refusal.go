package platform

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// refusal maps an answer other than 2xx (guide, section 12): by its code where that is one of
// ours and a 4xx as the status is, else by its status. The server's message goes nowhere, as it
// may repeat what was sent to it. A 5xx is `upstream_unavailable` whatever it says. Its Retry-After
// is for the caller: [vending.WithRetry] goes by its own clock, so that it holds up no request.
func (s *Source) refusal(ctx context.Context, c *call, resp *httpx.Response) *vending.Error {
	status := resp.Status
	cause := fmt.Errorf("the platform answered %d", status)
	if status < 400 || status >= 500 || status == http.StatusRequestTimeout {
		e := vending.Errorf(vending.UpstreamUnavailable, cause)
		e.RetryAfter = vending.StatedRetryAfter(resp.Header, time.Now())
		return e
	}
	code := codeOf(resp.Body)
	if code == "" {
		code = codeFor(status)
	}
	switch code {
	case vending.InvalidTenantKey, vending.CapabilityDisabled:
		return s.keyRefused(ctx, c, code, status)
	case vending.RateLimited:
		e := vending.Errorf(code, cause)
		e.RetryAfter = vending.ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
		return e
	}
	return vending.Errorf(code, cause)
}

// codeOf returns the code in an error's body if a vend can end with it, else "". Others, like
// `connection_in_use`, would send the caller after something that it did not do.
func codeOf(body []byte) vending.Code {
	var envelope struct {
		Data struct {
			Code vending.Code `json:"code"`
		} `json:"data"`
	}
	if json.Unmarshal(body, &envelope) != nil {
		return ""
	}
	switch code := envelope.Data.Code; code {
	case vending.InvalidUserEmail, vending.InvalidRequest, vending.AppMismatch,
		vending.InvalidTenantKey, vending.NeedsReconnection,
		vending.CapabilityDisabled, vending.PolicyDenied,
		vending.ConnectionDeleted, vending.UnknownApp,
		vending.ConnectionNotActive, vending.RateLimited:
		return code
	}
	return ""
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

// keyRefused is about the key. A caller who sent its own is told; a configured one is the
// operator's to mend, of whom the caller knows nothing.
func (s *Source) keyRefused(ctx context.Context, c *call, code vending.Code, status int) *vending.Error {
	if s.ownKey == nil {
		return vending.Errorf(code, fmt.Errorf("the platform answered %d", status))
	}
	s.logger.LogAttrs(ctx, slog.LevelError, "the platform refused the tenant key",
		slog.String("tenant", c.tenant), slog.Int("status", status), slog.String("code", string(code)))
	return vending.Errorf(vending.InternalError, fmt.Errorf("the platform refused the key of tenant %q with %d", c.tenant, status))
}
