package httpx

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// SafeError returns err with a text that is safe to log: what names the network's fault, and no
// word of the other side. An error of net/http may repeat what the server sent (a malformed status
// line, a GOAWAY's text), and a server may send back what it got: a key, a secret or a token. What
// err wraps is still found by errors.Is and errors.As. SafeError of nil is nil.
func SafeError(err error) error {
	if err == nil { // before safe below is allocated: errors.As makes it escape
		return nil
	}
	var safe *safeError
	if !errors.As(err, &safe) {
		return &safeError{text: safeText(err), err: err}
	}
	if err == error(safe) { //nolint:errorlint // a wrapper around it may say more, such as Unsent
		return safe
	}
	return &safeError{text: safe.text, err: err}
}

// Unreadable reports whether err says that an answer came whose body cannot be read: it is too
// large, or in a content coding that cannot be undone. The same request would be answered the same
// again.
func Unreadable(err error) bool { return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrCoding) }

type safeError struct {
	text string
	err  error
}

func (e *safeError) Error() string { return e.text }

func (e *safeError) Unwrap() error { return e.err }

// plain are errors whose own text says all, and is constant.
var plain = []error{context.DeadlineExceeded, context.Canceled, ErrNoTransport, http.ErrSchemeMismatch}

func safeText(err error) string {
	var (
		op      *net.OpError
		cert    *tls.CertificateVerificationError
		stream  streamError
		timeout net.Error
		call    *url.Error
	)
	if errors.As(err, &call) {
		err = call.Err // without the URL
	}
	switch {
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "proxyconnect: " + safeText(op.Err) // whatever went wrong on the way to the proxy
	case errors.As(err, &op):
		return op.Error()
	case errors.As(err, &cert):
		return cert.Error()
	case Unreadable(err):
		return err.Error() // nothing but this package makes it
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection was cut"
	case errors.As(err, &stream):
		return fmt.Sprintf("the other side ended the HTTP/2 stream with error code %d", stream.Code)
	}
	for _, known := range plain {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errors.As(err, &timeout) && timeout.Timeout() {
		return context.DeadlineExceeded.Error() // net/http's own, such as of the TLS handshake
	}
	return fmt.Sprintf("the response was unusable (%T)", err)
}

// streamError has the fields of http2.StreamError, by which the one of net/http, which has no name
// outside, is found (its method As). Code is of RFC 9113, section 7; Cause may quote the other
// side.
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (e streamError) Error() string {
	return fmt.Sprintf("stream %d: error code %d", e.StreamID, e.Code)
}
