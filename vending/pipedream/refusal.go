package pipedream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// accountRefused maps the status of an answer other than 200 about an account. What Pipedream says
// in it goes nowhere, as it may repeat what was sent to it.
func (s *Source) accountRefused(ctx context.Context, status int, header http.Header) *vending.Error {
	switch status {
	case http.StatusNotFound, http.StatusGone:
		s.missed(ctx)
		return vending.Errorf(vending.ConnectionDeleted, nil)
	case http.StatusUnauthorized, http.StatusForbidden:
		return s.clientRefused(ctx, "account", status)
	}
	return refused("account", status, header)
}

// tokenRefused maps that of the token endpoint. A 4xx is about the OAuth client there, whatever its
// number (RFC 6749, section 5.2).
func (s *Source) tokenRefused(ctx context.Context, status int, header http.Header) *vending.Error {
	if status >= 400 && status < 500 && status != http.StatusRequestTimeout && status != http.StatusTooManyRequests {
		return s.clientRefused(ctx, "token", status)
	}
	return refused("token", status, header)
}

// refused maps what both have in common. A 4xx without a meaning here says that this client and
// that server do not speak the same API: a defect, not the caller's.
func refused(call string, status int, header http.Header) *vending.Error {
	cause := fmt.Errorf("the %s call to Pipedream was answered %d", call, status)
	switch {
	case status == http.StatusTooManyRequests:
		e := vending.Errorf(vending.RateLimited, cause)
		e.RetryAfter = retryAfter(header, time.Now())
		return e
	case status < 400:
		return unreadable("reading Pipedream's response", cause)
	case status >= 500, status == http.StatusRequestTimeout:
		e := vending.Errorf(vending.UpstreamUnavailable, cause)
		e.RetryAfter = vending.StatedRetryAfter(header, time.Now())
		return e
	}
	return vending.Errorf(vending.InternalError, cause)
}

// missed logs, once, that no account was found so far. Pipedream answers 404 for an account that is
// not there, and for all of them where the project or the environment is another one: only that
// none was ever found tells the two apart.
func (s *Source) missed(ctx context.Context) {
	if s.found.Load() || s.warned.Swap(true) {
		return
	}
	s.logger.LogAttrs(ctx, slog.LevelWarn,
		"pipedream has found no account so far: check project and environment, whose accounts alone it can see",
		slog.String("project", s.project), slog.String("environment", s.environment))
}

// clientRefused is the operator's to correct; the caller knows nothing of the OAuth client.
func (s *Source) clientRefused(ctx context.Context, call string, status int) *vending.Error {
	s.logger.LogAttrs(ctx, slog.LevelError, "pipedream refused the OAuth client", slog.String("call", call),
		slog.Int("status", status),
		slog.String("project", s.project), slog.String("environment", s.environment))
	return vending.Errorf(vending.InternalError,
		fmt.Errorf("the OAuth client was refused: the %s call to Pipedream was answered %d", call, status))
}

// retryAfter reads `Retry-After` or, where that is absent, `X-RateLimit-Reset`: seconds, or a time
// in seconds since 1970. The result is a second to a day.
func retryAfter(h http.Header, now time.Time) time.Duration {
	return vending.ParseRetryAfter(cmp.Or(h.Get("Retry-After"), h.Get("X-RateLimit-Reset")), now)
}
