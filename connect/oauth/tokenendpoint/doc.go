// Package tokenendpoint calls an app's token endpoint (RFC 6749, section 3.2) and its revocation
// endpoint (RFC 7009), both to obtain a grant and to refresh one.
//
// It must never follow a redirect, never send a code or a refresh token twice, never read an answer
// without a bound, and never put a provider's text into an error but for its cleaned code.
package tokenendpoint
