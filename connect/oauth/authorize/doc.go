// Package authorize is how a grant comes about: what is said to an app's provider between an end
// user's consent and a [connect.Grant], and at the grant's end.
//
// It must never store anything, never follow a redirect, never dial but through the app's own
// guard, and never put a secret or a provider's own words into an error.
package authorize
