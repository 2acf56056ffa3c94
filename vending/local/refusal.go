package local

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/vendgate/vendgate/vending"
)

// ended are the error codes by which providers say that a refresh token will never work again:
// RFC 6749 section 5.2's, and the spellings of those who do not keep to it.
var ended = map[string]bool{
	"invalid_grant":         true,
	"bad_refresh_token":     true,
	"invalid_refresh_token": true,
	"token_revoked":         true,
	"token_expired":         true,
}

// passing are error codes of a trouble that may be over soon (RFC 6749, section 4.1.2.1), which
// some providers answer with a status that says otherwise.
var passing = map[string]bool{"temporarily_unavailable": true, "server_error": true}

// refusal turns what a token endpoint answered into a code. Neither its body nor the library's error,
// which quotes it, goes any further.
func (s *Source) refusal(h holding, config *oauth2.Config, err error) *vending.Error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return vending.Errorf(vending.UpstreamUnavailable, unreachable(err))
	}
	status := answer.Response.StatusCode
	code := loggable(answer.ErrorCode, h.values.RefreshToken, h.values.AccessToken, config.ClientSecret)
	cause := fmt.Errorf("the token endpoint answered %d %s", status, code)
	switch spelled := strings.ToLower(answer.ErrorCode); {
	case status == http.StatusTooManyRequests:
		e := vending.Errorf(vending.RateLimited, cause)
		e.RetryAfter = vending.ParseRetryAfter(answer.Response.Header.Get("Retry-After"), s.o.Now())
		return e
	case status >= 500, status >= 300 && status < 400, status == http.StatusRequestTimeout, passing[spelled]:
		return vending.Errorf(vending.UpstreamUnavailable, cause)
	case ended[spelled]:
		return vending.Errorf(vending.NeedsReconnection, cause)
	}
	s.o.Logger.Error("token endpoint refused us", "app", h.App, "tenant", h.Tenant, "connection", h.ID, "status", status, "provider_code", code)
	return vending.Errorf(vending.InternalError, cause)
}

// maxCode bounds a provider's error code in the log, in bytes.
const maxCode = 64

// loggable cleans a provider's error code for the log. One that repeats a secret is dropped whole.
func loggable(code string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(code, secret) {
			return "(withheld)"
		}
	}
	code = strings.Map(func(r rune) rune {
		if r <= ' ' || r >= 0x7f {
			return -1
		}
		return r
	}, code)
	return code[:min(len(code), maxCode)]
}

// unreachable keeps of a transport's error what names the network's fault. The rest may quote what
// the provider sent.
func unreachable(err error) error {
	var dns *net.DNSError
	var op *net.OpError
	var cert *x509.UnknownAuthorityError
	var host *x509.HostnameError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("calling the token endpoint: %w", context.DeadlineExceeded)
	case errors.Is(err, errNoTransport):
		return errNoTransport
	case errors.As(err, &dns):
		return fmt.Errorf("calling the token endpoint: %w", dns)
	case errors.As(err, &op):
		return fmt.Errorf("calling the token endpoint: %w", op)
	case errors.As(err, &cert):
		return fmt.Errorf("calling the token endpoint: %w", cert)
	case errors.As(err, &host):
		return fmt.Errorf("calling the token endpoint: %w", host)
	default:
		return fmt.Errorf("the token endpoint's answer was unusable (%T)", err)
	}
}
