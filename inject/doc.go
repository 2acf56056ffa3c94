// Package inject says how a credential enters a request: placement rules, header hygiene, the
// RoundTripper that clones before it changes anything, request signing, and what is scrubbed from
// the answer.
//
// It must never change the caller's request, never let text that a caller sent act as a template,
// and never send a credential to another host than its app's.
package inject
