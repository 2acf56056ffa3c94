// Package api is the Platform API: its endpoints, what they take and what they answer, and its
// description.
//
// It must never serve a call that was not authenticated, permitted and paid for, which is the work
// of [Front], and never answer about a connection that is not the caller's.
package api
