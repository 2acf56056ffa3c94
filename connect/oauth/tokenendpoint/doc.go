// Package tokenendpoint is the conversation with an app's token endpoint (RFC 6749, section 3.2)
// and the revocation endpoint beside it (RFC 7009): whoever obtains a grant and whoever refreshes
// one speak alike.
//
// It must never follow a redirect, never send a code or a refresh token twice, never read an answer
// without a bound, and never let what a provider wrote into an error but for its cleaned code.
package tokenendpoint
