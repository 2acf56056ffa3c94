package gateway

import (
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

// Observer is told what becomes of the calls of a handler: metrics, access logs and placeholders
// are made of it. It is called from many goroutines at once, and for one call in the order of the
// methods.
type Observer interface {
	// Begin is told of a call before anything of it was looked at. It returns the request by which the
	// call is made, which is r or derived from it: only that keeps its header. The event is written to
	// until End; Begin may give it the ID that r is known by, or else the gateway makes one.
	Begin(r *http.Request, e *Event) *http.Request
	// Response is told of an upstream's response that is about to be passed on with a header. It
	// returns the writer that gets it, which is w or writes to it.
	Response(w http.ResponseWriter, r *http.Request, h http.Header, e *Event) http.ResponseWriter
	// End is told that a call has ended, with what Response returned.
	End(w http.ResponseWriter, r *http.Request, e *Event)
}

// Event is what logs and metrics may know of a call. Nothing in it is secret.
type Event struct {
	// ID is the call's, as its answer names it in `Vendgate-Request-Id`.
	ID                       string
	Tenant, Connection, User string
	// Unverified says that Tenant follows from the key that the caller sent, which only the source can
	// verify.
	Unverified bool
	// App is the slug of an app of the catalog, or empty for a call that was refused before it was
	// known that its caller may name one.
	App string
	// CallerKey is the public id of the caller key, if the call was made by one.
	CallerKey string
	// Code and Origin are empty for an answer that passed as it is.
	Code   vending.Code
	Origin vending.Origin
	// Budget names the budget that refused the call, `in_flight` for the bound of that name, or is
	// empty.
	Budget string
	// Source names the source that was asked Vends times for a credential.
	Source string
	Vends  int
	// Start is when the call came; Vending and Sent are when a source was asked and when the call was
	// forwarded, or zero if it did not come so far.
	Start, Vending, Sent time.Time
	// FirstVend is what the vend before forwarding took; Vend also counts the forced one. Upstream is
	// the time until the header of the upstream's answer came.
	FirstVend, Vend, Upstream time.Duration
	// Status is the upstream's, or 0.
	Status int
	// Cause is why the call failed or its answer broke off, scrubbed of the credential; empty where
	// the code says all.
	Cause string
	// Logged says that the log has that already: see [vending.Error].
	Logged bool
	// Read is how much of the caller's body was read, in bytes.
	Read int64
}

// Aborted is the code of a call whose caller left before it was answered, in events only.
const Aborted vending.Code = "aborted"

// blind is the Observer of a handler that has none.
type blind struct{}

func (blind) Begin(r *http.Request, _ *Event) *http.Request { return r }

func (blind) Response(w http.ResponseWriter, _ *http.Request, _ http.Header, _ *Event) http.ResponseWriter {
	return w
}

func (blind) End(http.ResponseWriter, *http.Request, *Event) {}
