// Package httpx is bounded HTTP: [Do] for an outgoing call whose answer is read whole, [ReadBody]
// for the body of a request that came in, and [SafeError] for what may be logged of a call that
// failed.
//
// It must never follow a redirect, never return a part of a body for the whole, and never repeat
// what the other side sent in the text of an error.
package httpx
