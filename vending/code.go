package vending

import "net/http"

// Code is a stable error code, as in `data.code`.
type Code string

// The codes of every answer that the gateway or the connection manager makes itself.
const (
	InvalidUserEmail    Code = "invalid_user_email"
	InvalidRequest      Code = "invalid_request"
	AppMismatch         Code = "app_mismatch"
	InvalidTenantKey    Code = "invalid_tenant_key"
	NeedsReconnection   Code = "needs_reconnection"
	CapabilityDisabled  Code = "capability_disabled"
	PolicyDenied        Code = "policy_denied"
	ConnectionDeleted   Code = "connection_deleted"
	UnknownApp          Code = "unknown_app"
	NotFound            Code = "not_found"
	ConnectionInUse     Code = "connection_in_use"
	ConnectionNotActive Code = "connection_not_active"
	RequestTooLarge     Code = "request_too_large"
	RateLimited         Code = "rate_limited"
	UpstreamUnavailable Code = "upstream_unavailable"
	InternalError       Code = "internal_error"
)

// codes holds the HTTP status and the default message of each code.
var codes = map[Code]struct {
	status  int
	message string
}{
	InvalidUserEmail: {http.StatusBadRequest, "x-user-email must hold exactly one valid email address"},
	InvalidRequest:   {http.StatusBadRequest, "the gateway refuses this path, method or header"},
	AppMismatch:      {http.StatusBadRequest, "the connection belongs to another app than the one in the path"},
	InvalidTenantKey: {http.StatusUnauthorized, "the key is missing, unknown or retired"},
	NeedsReconnection: {http.StatusUnauthorized,
		"the grant was revoked, has expired or is refused by the provider; the end user must connect again"},
	CapabilityDisabled: {http.StatusForbidden, "this tenant key lacks the capability"},
	PolicyDenied:       {http.StatusForbidden, "this tenant may not call this app, method or path"},
	ConnectionDeleted:  {http.StatusNotFound, "no such connection"},
	UnknownApp:         {http.StatusNotFound, "no such app"},
	NotFound:           {http.StatusNotFound, "nothing is served at this path: check the base URL"},
	ConnectionInUse:    {http.StatusConflict, "the connection is held by something that depends on it"},
	ConnectionNotActive: {http.StatusConflict,
		"the connection is not active yet, or was rejected, or its link has expired"},
	RequestTooLarge: {http.StatusRequestEntityTooLarge, "the request body is larger than allowed"},
	RateLimited:     {http.StatusTooManyRequests, "too many requests; wait as long as Retry-After says"},
	UpstreamUnavailable: {http.StatusServiceUnavailable,
		"the source or the provider cannot be reached right now; retry with backoff"},
	InternalError: {http.StatusInternalServerError, "something went wrong in the gateway; its log has the details"},
}

// Known reports whether c is one of the documented codes.
func (c Code) Known() bool { _, ok := codes[c]; return ok }

// Status returns the HTTP status of c; unknown codes are 500.
func (c Code) Status() int {
	if k, ok := codes[c]; ok {
		return k.status
	}
	return http.StatusInternalServerError
}

// Message returns the default message of c.
func (c Code) Message() string {
	if k, ok := codes[c]; ok {
		return k.message
	}
	return codes[InternalError].message
}
