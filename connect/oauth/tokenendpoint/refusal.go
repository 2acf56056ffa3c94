package tokenendpoint

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/vending"
)

// Class says what follows from a refusal.
type Class int

// The classes of refusals.
const (
	// Unavailable may be over soon: there was no response, or one that reports a temporary error.
	Unavailable Class = iota
	// RateLimited asks to wait.
	RateLimited
	// Malformed is a response that is not one of OAuth.
	Malformed
	// InvalidGrant says that the code or the refresh token will never work again.
	InvalidGrant
	// Rejected is every other refusal: of the client, a scope, the request.
	Rejected
)

// Refusal is why a call obtained nothing. Its text never contains what the provider sent, but for
// its error code, cleaned.
type Refusal struct {
	Class Class
	// Status is the response's HTTP status; 0 without one.
	Status int
	// Code is the provider's error code (RFC 6749, section 5.2) in visible ASCII, at most 64 bytes, or
	// [Withheld]; empty where there is none.
	Code string
	// RetryAfter is how long to wait where Class is RateLimited or, if the provider says, Unavailable.
	RetryAfter time.Duration

	cause error
}

func (r *Refusal) Error() string { return r.cause.Error() }

func (r *Refusal) Unwrap() error { return r.cause }

// BlamesClient reports whether the provider refuses the OAuth client itself (RFC 6749, section
// 5.2).
func (r *Refusal) BlamesClient() bool {
	spelled := strings.ToLower(r.Code)
	return r.Class == Rejected &&
		(r.Status == http.StatusUnauthorized || spelled == "invalid_client" || spelled == "unauthorized_client")
}

// temporaryCodes are codes of errors that may be over soon (RFC 6749, section 4.1.2.1), which some
// providers send with a status that says otherwise.
var temporaryCodes = []string{"temporarily_unavailable", "server_error"}

// refusal classifies the error of a call. Neither the answer's body nor the library's error,
// which quotes it, goes any further.
func (e *Endpoint) refusal(h *tokenCall, err error, secrets []string) *Refusal {
	var retrieved *oauth2.RetrieveError
	if errors.As(err, &retrieved) { // and so there was an answer
		return e.classify("token", retrieved.Response.StatusCode, retrieved.Response.Header, h.response, secrets)
	}
	if _, ended := h.grantEnded(); ended { // with status 200, without a token and without `error`
		return e.classify("token", h.Status, nil, h.response, secrets)
	}
	return h.transportError("token", err)
}

// transportError is the refusal without a readable response.
func (h *tokenCall) transportError(endpoint string, err error) *Refusal {
	r := &Refusal{Class: Unavailable, Status: h.Status}
	switch {
	case h.Err != nil:
		err = h.Err
		if h.Malformed() {
			r.Class = Malformed
		}
	case h.Status != 0:
		r.Class = Malformed
	}
	r.cause = callError(endpoint, err)
	return r
}

// callError says which call failed. The rest of err may quote what the other side sent.
func callError(endpoint string, err error) error {
	return fmt.Errorf("calling the %s endpoint: %w", endpoint, httpx.SafeError(err))
}

// grantEnded reports whether what there is of a response says that the grant has ended.
func (h *tokenCall) grantEnded() (code string, grantEnded bool) {
	if h.response == nil || h.response.accessToken != "" && !h.response.refused {
		return "", false
	}
	return h.response.errorText.grantEnded(h.endpoint.oauth.Ended)
}

// classify classifies a response that is not a success.
func (e *Endpoint) classify(endpoint string, status int, header http.Header, answer *tokenResponse,
	secrets []string) *Refusal {
	code := answer.code
	word, ended := answer.errorText.grantEnded(e.oauth.Ended)
	if ended && code == "" {
		code = word
	}
	r := &Refusal{Class: Rejected, Status: status, Code: loggableCode(code, secrets)}
	r.cause = fmt.Errorf("the %s endpoint answered %d %s", endpoint, r.Status, r.Code)
	switch {
	case r.Status == http.StatusTooManyRequests:
		r.Class, r.RetryAfter = RateLimited, vending.ParseRetryAfter(header.Get("Retry-After"), e.now())
	case r.Status >= 500, r.Status == http.StatusRequestTimeout, slices.Contains(temporaryCodes, strings.ToLower(code)):
		r.Class, r.RetryAfter = Unavailable, vending.StatedRetryAfter(header, e.now())
	case r.Status >= 300 && r.Status < 400:
		r.Class = Malformed
	case ended:
		r.Class = InvalidGrant
	case answer.errorText.rateLimited():
		r.Class, r.RetryAfter = RateLimited, vending.ParseRetryAfter(header.Get("Retry-After"), e.now())
	}
	return r
}

const (
	// maxCode bounds a provider's error code in the log, in bytes.
	maxCode = 64
	// Withheld replaces an error code that repeats a secret.
	Withheld = "(withheld)"
)

// loggableCode cleans a provider's error code for the log. One that repeats a secret is dropped
// whole.
func loggableCode(code string, secrets []string) string {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(code, secret) {
			return Withheld
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
