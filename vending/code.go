package vending

import "net/http"

// Code is a stable error code, as in `data.code`.
type Code string

// The codes of every answer that the gateway or the connection manager makes itself. docs/calls.md
// shows these comments: the first sentence is the meaning, the last says what to do.
const (
	// InvalidUserEmail: `x-user-email`, or `x-external-user-id` where the source wants that, is
	// missing, duplicate or malformed. To do: fix the call.
	InvalidUserEmail Code = "invalid_user_email"
	// InvalidRequest: the gateway refuses the path, a method or a header. To do: fix the call.
	InvalidRequest Code = "invalid_request"
	// AppMismatch: the connection belongs to another app. To do: fix the path.
	AppMismatch Code = "app_mismatch"
	// InvalidTenantKey: the key is missing, unknown or retired. To do: fix the key.
	InvalidTenantKey Code = "invalid_tenant_key"
	// NeedsReconnection: the grant was revoked or has expired, or the provider refused a fresh
	// credential or a key. `data.reason` is `grant_ended` or `fresh_credential_refused`. The usual
	// cause of the second is a missing scope, or the call itself. To do: send the user through the
	// link again.
	NeedsReconnection Code = "needs_reconnection"
	// CapabilityDisabled: the key lacks the capability. To do: grant it.
	CapabilityDisabled Code = "capability_disabled"
	// PolicyDenied: the tenant's rules, the caller key or `redirects` forbid this call. The app, the
	// method or the path is not allowed, rules cannot check the request, or a redirect leads past the
	// gateway. To do: change the call, the rules, the key or `redirects`.
	PolicyDenied Code = "policy_denied"
	// ConnectionDeleted: the connection is unknown, or not yours; the answer never says which. To do:
	// make a new one.
	ConnectionDeleted Code = "connection_deleted"
	// UnknownApp: there is no such app, no host of it by that label, or it is a community app that is
	// off. To do: fix the path or the host.
	UnknownApp Code = "unknown_app"
	// NotFound: nothing is served at this path; see `vendgate_not_found`. To do: fix the base URL.
	NotFound Code = "not_found"
	// ConnectionInUse: something holds the connection. To do: release it first.
	ConnectionInUse Code = "connection_in_use"
	// ConnectionNotActive: the link is pending, was rejected or has expired. To do: finish the link.
	ConnectionNotActive Code = "connection_not_active"
	// RequestTooLarge: the body is above the configured bound. To do: send less.
	RequestTooLarge Code = "request_too_large"
	// RateLimited: a budget, the source or the provider refused the call; `Retry-After` is always set,
	// in whole seconds. To do: wait.
	RateLimited Code = "rate_limited"
	// UpstreamUnavailable: the source or the provider is unreachable, timed out, or answered 502, 503
	// or 504. `Retry-After` is set where the provider or the source says when to call again, or where
	// another process's refresh has to be waited for. `data.sent` says whether the provider may have
	// got the request. To do: if `data.sent` is false or the call may be repeated, retry with backoff.
	UpstreamUnavailable Code = "upstream_unavailable"
	// InternalError: something that an operator must fix; the log has the details. To do: report it.
	InternalError Code = "internal_error"
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
