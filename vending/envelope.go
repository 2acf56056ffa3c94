package vending

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// Envelope is the shape of every answer that the gateway or the connection manager makes
// itself.
type Envelope struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Data    any    `json:"data"`
	// Error is in every error envelope, and in no other.
	Error *ErrorMember `json:"error,omitempty"`
}

// ErrorMember repeats the code and the message of an error. SDKs look for a member `error`, some
// there alone: stripe-node takes any answer without one for a success, whatever its status.
type ErrorMember struct {
	Code Code `json:"code"`
	// Type is always [ErrorType].
	Type    string `json:"type"`
	Message string `json:"message"`
}

// ErrorType is the `type` of every error: no provider's SDK knows it, and so none takes it for a
// kind of its own.
const ErrorType = "vendgate_error"

// failure is the envelope of an error.
func failure(code Code, message string, data errorData) Envelope {
	return Envelope{"error", message, data, &ErrorMember{code, ErrorType, message}}
}

// Upstream is what the provider answered, as far as a mapped error shows it. Its Body is at
// most 16 KiB and scrubbed of the credential.
type Upstream struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type,omitempty"`
	// Headers are the request ids and quotas that the answer had, by their lower-case names; see
	// [UpstreamHeaders].
	Headers map[string]string `json:"headers,omitempty"`
	Body    string            `json:"body"`
	// Truncated says that the provider's body was longer than shown.
	Truncated bool `json:"truncated,omitempty"`
}

// errorData is the data of an error envelope.
type errorData struct {
	Code     Code      `json:"code"`
	Origin   Origin    `json:"origin"`
	Reason   Reason    `json:"reason,omitempty"`
	Sent     *bool     `json:"sent,omitempty"`
	Upstream *Upstream `json:"upstream,omitempty"`
}

// The headers that mark an answer as an error of the gateway, or as one it saw pass.
const (
	CodeHeader   = "Vendgate-Code"
	OriginHeader = "Vendgate-Origin"
)

// RequestHeader is on every answer of ours, and on those that pass: the id by which logs and the
// audit trail know the request. One that an upstream sends, which may be a gateway, too, is
// dropped.
const RequestHeader = "Vendgate-Request-Id"

// Challenge is the WWW-Authenticate of every 401, which must have one (RFC 9110, section 15.5.2).
// Clients that hold a user name and password back until they are asked, such as git and curl
// --anyauth, send them for Basic.
const Challenge = `Bearer realm="vendgate", Basic realm="vendgate"`

// WriteError answers with e in the envelope. upstream may be nil.
func WriteError(w http.ResponseWriter, e *Error, upstream *Upstream) {
	WriteErrorAs(w, "", e, upstream)
}

// WriteErrorAs answers with e in the form that the app's SDKs parse. Only the envelope shows
// upstream, which may be nil.
func WriteErrorAs(w http.ResponseWriter, form Form, e *Error, upstream *Upstream) {
	origin := e.Origin
	if origin == "" {
		origin = FromVending
	}
	h := w.Header()
	h.Set(CodeHeader, string(e.Code))
	h.Set(OriginHeader, string(origin))
	retryAfter := 0
	if e.Code == RateLimited || e.Code == UpstreamUnavailable && e.RetryAfter > 0 {
		retryAfter = ClampRetryAfter(e.RetryAfter)
		h.Set("Retry-After", strconv.Itoa(retryAfter))
	}
	reason := e.Reason
	if e.Code == NeedsReconnection && reason == "" {
		reason = GrantEnded
	}
	if e.Code.Status() == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", Challenge)
	}
	if form == AWSXML {
		writeBody(w, e.Code.Status(), "application/xml", awsXML(e))
		return
	}
	status := e.Code.Status()
	envelope := failure(e.Code, e.Text(), errorData{e.Code, origin, reason, e.Sent, upstream})
	writeEnvelope(w, status, envelope.in(form, status, retryAfter))
}

// WriteSuccess answers status with data in the envelope.
func WriteSuccess(w http.ResponseWriter, status int, message string, data any) {
	writeEnvelope(w, status, Envelope{Status: "success", Message: message, Data: data})
}

func writeEnvelope(w http.ResponseWriter, status int, envelope any) {
	body, err := json.Marshal(envelope)
	if err != nil {
		e := failure(InternalError, "the response could not be encoded", errorData{Code: InternalError, Origin: FromGateway})
		status = http.StatusInternalServerError
		body, _ = json.Marshal(e) // of texts alone
	}
	writeBody(w, status, "application/json", body)
}

// writeBody never lets an answer be stored: each may hold a credential or depend on one.
func writeBody(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // an error says that the caller is gone
}
