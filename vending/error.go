package vending

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Origin says who produced an error.
type Origin string

// The origins an error can have.
const (
	FromGateway  Origin = "gateway"
	FromVending  Origin = "vending"
	FromUpstream Origin = "upstream"
)

// Reason says why an end user must connect again.
type Reason string

// The reasons of `needs_reconnection`.
const (
	// GrantEnded: the grant was revoked or has expired, or is not to be had any more.
	GrantEnded Reason = "grant_ended"
	// FreshCredentialRefused: the upstream answered 401 although the credential is as new as can be. A
	// scope may be missing, or something in the request caused it.
	FreshCredentialRefused Reason = "fresh_credential_refused" //nolint:gosec // no credential, but a word
)

// Error is a refusal with a documented code. Its Message and Err never hold a secret: Message
// goes to the caller, Err to the log.
type Error struct {
	Code   Code
	Origin Origin
	// Message replaces the code's default message if not empty.
	Message string
	// RetryAfter says when a `rate_limited` caller may come back, and where it is known when an
	// `upstream_unavailable` one may; 0 means that it is not known. See [ClampRetryAfter].
	RetryAfter time.Duration
	// Reason tells the causes of a `needs_reconnection` apart; empty means [GrantEnded].
	Reason Reason
	// Sent says, of an `upstream_unavailable` that answers a proxied call, whether the provider may
	// have received the request, so that it is not to be repeated blindly; nil where nothing was to be
	// sent.
	Sent *bool
	// Final says, of a source's `upstream_unavailable`, that it is not to be asked again for this
	// request: it answered, and nothing says that another answer would be different.
	Final bool
	// Logged says that the log has the cause once for all calls that it concerns, so that each of them
	// need not log it.
	Logged bool
	// Err is the cause, for the log only.
	Err error
}

// Errorf makes an error of a source: its origin is `vending` and err, which may be nil, is
// the cause for the log.
func Errorf(code Code, err error) *Error {
	return &Error{Code: code, Origin: FromVending, Err: err}
}

// Refuse makes an error of the gateway itself with a message for the caller.
func Refuse(code Code, message string) *Error {
	return &Error{Code: code, Origin: FromGateway, Message: message}
}

func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Code) + ": " + e.Err.Error()
	}
	return string(e.Code) + ": " + e.Text()
}

func (e *Error) Unwrap() error { return e.Err }

// Text returns the message for the caller.
func (e *Error) Text() string {
	if e.Message != "" {
		return e.Message
	}
	return e.Code.Message()
}

// AsError returns err as an *Error. A source that ran out of its time is unavailable; what is
// no *Error at all is an `internal_error`.
func AsError(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return Errorf(UpstreamUnavailable, err)
	default:
		return Errorf(InternalError, err)
	}
}

// The bounds of Retry-After, in seconds.
const (
	minRetryAfter = 1
	maxRetryAfter = 86400
)

// ClampRetryAfter rounds d up to whole seconds within 1…86400.
func ClampRetryAfter(d time.Duration) int {
	s := int64(d / time.Second)
	if d%time.Second > 0 {
		s++ // not by adding first: a date millennia ahead would overflow into the past
	}
	return int(min(max(s, minRetryAfter), maxRetryAfter))
}

// StatedRetryAfter is [ParseRetryAfter] of an answer that need not state one: 0 if it does not.
func StatedRetryAfter(h http.Header, now time.Time) time.Duration {
	if value := h.Get("Retry-After"); value != "" {
		return ParseRetryAfter(value, now)
	}
	for _, name := range retryAfterMillis {
		if ms, ok := parseDelay(h.Get(name)); ok {
			return clampSeconds(ms / 1000)
		}
	}
	return 0
}

// retryAfterMillis are OpenAI's and Azure's, in milliseconds.
var retryAfterMillis = []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"}

// unixRetryAfter tells a time since 1970 from a delay, in seconds: no delay is thirty years.
const unixRetryAfter = 1_000_000_000

// retryDates are HTTP's dates with a zone that is spelled otherwise, and RFC 3339's.
var retryDates = []string{time.RFC1123, time.RFC1123Z, time.RFC3339}

// ParseRetryAfter reads a Retry-After header: delay-seconds or an HTTP date (RFC 9110,
// section 10.2.3), and their relatives, which are seconds with a fraction (Discord), seconds since
// 1970 and other dates. What is absent, past, negative or invalid is a second; what is longer than
// a day is a day.
func ParseRetryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if s, ok := parseDelay(value); ok {
		if s >= unixRetryAfter {
			s -= float64(now.Unix())
		}
		return clampSeconds(s)
	}
	at, err := http.ParseTime(value)
	for i := 0; err != nil && i < len(retryDates); i++ {
		at, err = time.Parse(retryDates[i], value)
	}
	if err != nil {
		return minRetryAfter * time.Second
	}
	return time.Duration(ClampRetryAfter(at.Sub(now))) * time.Second
}

// parseDelay reads a decimal number, which may have a fraction.
func parseDelay(value string) (float64, bool) {
	if strings.Trim(value, "+-.0123456789") != "" { // ParseFloat takes NaN and hexadecimal numbers, too
		return 0, false
	}
	s, err := strconv.ParseFloat(value, 64)
	return s, err == nil || errors.Is(err, strconv.ErrRange)
}

func clampSeconds(s float64) time.Duration {
	return time.Duration(min(max(math.Ceil(s), minRetryAfter), maxRetryAfter)) * time.Second
}
