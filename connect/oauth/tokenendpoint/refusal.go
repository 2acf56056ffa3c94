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
	// Unavailable may be over soon: no answer came, or one that speaks of a passing trouble.
	Unavailable Class = iota
	// RateLimited asks us to wait.
	RateLimited
	// Malformed is an answer that OAuth does not know.
	Malformed
	// InvalidGrant says that the code or the refresh token will never work again.
	InvalidGrant
	// Rejected is every other refusal: of the client, a scope, the request.
	Rejected
)

// Refusal is why a call obtained nothing. Its text never holds what the provider wrote, but for its
// error code, cleaned.
type Refusal struct {
	Class Class
	// Status is the answer's HTTP status; 0 where none came.
	Status int
	// Code is the provider's error code (RFC 6749, section 5.2) in visible ASCII, at most 64 bytes, or
	// [Withheld]; empty where there is none.
	Code string
	// RetryAfter is how long to wait where Class is Limited or, if the provider says, Away.
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

// passing are error codes of a trouble that may be over soon (RFC 6749, section 4.1.2.1), which
// some providers answer with a status that says otherwise.
var passing = []string{"temporarily_unavailable", "server_error"}

// refusal turns what happened on h into a class. Neither the answer's body nor the library's error,
// which quotes it, goes any further.
func (e *Endpoint) refusal(h *hearing, err error, secrets []string) *Refusal {
	var retrieved *oauth2.RetrieveError
	if errors.As(err, &retrieved) { // and so there was an answer
		return e.classify("token", retrieved.Response.StatusCode, retrieved.Response.Header, h.answer, secrets)
	}
	if _, ended := h.ended(); ended { // with status 200, without a token and without `error`
		return e.classify("token", h.Status, nil, h.answer, secrets)
	}
	return h.transportError("token", err)
}

// transportError is the refusal for want of an answer that can be read.
func (h *hearing) transportError(endpoint string, err error) *Refusal {
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
	r.cause = calling(endpoint, err)
	return r
}

// calling says which call failed. The rest of err may quote what the other side sent.
func calling(endpoint string, err error) error {
	return fmt.Errorf("calling the %s endpoint: %w", endpoint, httpx.SafeError(err))
}

// ended asks what there is of an answer whether the grant has ended.
func (h *hearing) ended() (code string, ended bool) {
	if h.answer == nil || h.answer.accessToken != "" && !h.answer.refused {
		return "", false
	}
	return h.answer.words.ended(h.endpoint.oauth.Ended)
}

// classify classes an answer that is no success.
func (e *Endpoint) classify(endpoint string, status int, header http.Header, answer *tokenResponse,
	secrets []string) *Refusal {
	code := answer.code
	word, ended := answer.words.ended(e.oauth.Ended)
	if ended && code == "" {
		code = word
	}
	r := &Refusal{Class: Rejected, Status: status, Code: loggable(code, secrets)}
	r.cause = fmt.Errorf("the %s endpoint answered %d %s", endpoint, r.Status, r.Code)
	switch {
	case r.Status == http.StatusTooManyRequests:
		r.Class, r.RetryAfter = RateLimited, vending.ParseRetryAfter(header.Get("Retry-After"), e.now())
	case r.Status >= 500, r.Status == http.StatusRequestTimeout, slices.Contains(passing, strings.ToLower(code)):
		r.Class, r.RetryAfter = Unavailable, vending.StatedRetryAfter(header, e.now())
	case r.Status >= 300 && r.Status < 400:
		r.Class = Malformed
	case ended:
		r.Class = InvalidGrant
	case answer.words.limits():
		r.Class, r.RetryAfter = RateLimited, vending.ParseRetryAfter(header.Get("Retry-After"), e.now())
	}
	return r
}

const (
	// maxCode bounds a provider's error code in the log, in bytes.
	maxCode = 64
	// Withheld stands in the place of an error code that repeats a secret.
	Withheld = "(withheld)"
)

// loggable cleans a provider's error code for the log. One that repeats a secret is dropped whole.
func loggable(code string, secrets []string) string {
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
