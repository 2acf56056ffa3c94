// Package authorize obtains grants: it calls an app's provider from the end user's consent to the
// [connect.Grant], and to revoke the grant.
//
// It must never store anything, never follow a redirect, never dial but through the app's own
// guard, and never put a secret into an error, or a provider's own text but for
// [Error.Description].
package authorize
