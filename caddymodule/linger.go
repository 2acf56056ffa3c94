package caddymodule

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/vendgate/vendgate/vending"
)

const (
	// lingerTime and lingerBytes bound what is read after a refusal.
	lingerTime  = time.Second
	lingerBytes = 8 << 20
	// readAway is what net/http itself reads away of a body before it answers, in bytes.
	readAway = 256 << 10
)

// refuse answers a request whose body nobody has read, or not to its end. If much of that is left, it then reads on for a moment what the
// caller is still sending: a connection that is closed on unread bytes is reset, and the caller might lose the answer with it (RFC 9112,
// section 9.6). HTTP/2 resets the stream alone.
func refuse(w http.ResponseWriter, r *http.Request, e *vending.Error) {
	control := http.NewResponseController(w)
	if r.ProtoMajor != 1 || r.Header.Get("Expect") != "" || r.ContentLength == 0 {
		vending.WriteError(w, e, nil)
		return
	}
	// A sender that pauses must not keep its answer waiting.
	if control.SetReadDeadline(time.Now().Add(lingerTime)) != nil || isSmall(r) || control.EnableFullDuplex() != nil {
		vending.WriteError(w, e, nil)
		return
	}
	w.Header().Set("Connection", "close")
	vending.WriteError(w, e, nil)
	if control.Flush() == nil {
		_, _ = io.CopyN(io.Discard, r.Body, lingerBytes) // whatever ends it ends the connection, too
	}
}

// isSmall reports whether net/http reads away all of a body. One of unknown length is read as far for that.
func isSmall(r *http.Request) bool {
	if r.ContentLength >= 0 {
		return r.ContentLength <= readAway
	}
	_, err := io.CopyN(io.Discard, r.Body, readAway)
	return errors.Is(err, io.EOF)
}
