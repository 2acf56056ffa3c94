package gateway

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

const (
	// drainTime and drainBytes bound what is read after an answer; drainTime also bounds a pause
	// before it, and arrivalTime all of that.
	drainTime   = time.Second
	arrivalTime = 10 * time.Second
	drainBytes  = 8 << 20
	// readByServer is what net/http itself reads of a body before it answers, in bytes.
	readByServer = 256 << 10
)

// Refuse answers a request whose body was not read, or not to its end. If much of that is left, it
// then reads on for a moment what the caller is still sending: a connection that is closed on
// unread bytes is reset, and the caller might lose the answer with it (RFC 9112, section 9.6).
// HTTP/2 resets the stream alone.
func Refuse(w http.ResponseWriter, r *http.Request, form vending.Form, e *vending.Error) {
	control := http.NewResponseController(w)
	if r.ProtoMajor != 1 || r.Header.Get("Expect") != "" || r.ContentLength == 0 {
		vending.WriteErrorAs(w, form, e, nil)
		return
	}
	if r.ContentLength <= readByServer && arrives(control, r) ||
		control.SetReadDeadline(time.Now().Add(drainTime)) != nil || control.EnableFullDuplex() != nil {
		vending.WriteErrorAs(w, form, e, nil)
		return
	}
	w.Header().Set("Connection", "close")
	vending.WriteErrorAs(w, form, e, nil)
	if control.Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, drainBytes) // whatever ends it ends the connection, too
	}
}

// arrives reads as much of a body as net/http would read before it answers, and reports whether
// that was all. A sender that pauses must not keep its answer waiting; one that goes on may, for a
// while.
func arrives(control *http.ResponseController, r *http.Request) bool {
	part := largeBuffers.get()
	defer largeBuffers.put(part)
	start := time.Now()
	for rest := readByServer; rest > 0 && time.Since(start) < arrivalTime; {
		if control.SetReadDeadline(time.Now().Add(drainTime)) != nil {
			return false
		}
		n, err := r.Body.Read(*part)
		if err != nil {
			return errors.Is(err, io.EOF)
		}
		rest -= n
	}
	return false
}

// Drain prepares for an answer that may be written before a large body was read, and returns what
// is to be done after it: to read on for a moment what the caller is still sending, as after a
// refusal. What is short net/http reads by itself.
func Drain(w http.ResponseWriter, r *http.Request) (after func()) {
	control := http.NewResponseController(w)
	if r.ProtoMajor != 1 || r.Header.Get("Expect") != "" || 0 <= r.ContentLength && r.ContentLength <= readByServer ||
		control.EnableFullDuplex() != nil {
		return func() {}
	}
	body := r.Body
	return func() {
		if control.Flush() == nil && control.SetReadDeadline(time.Now().Add(drainTime)) == nil {
			_, _ = io.CopyN(io.Discard, body, drainBytes)
		}
	}
}
