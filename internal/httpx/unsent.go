package httpx

import "errors"

// unsentError is an error of a round trip that ended before the peer could have processed anything.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// Unsent reports whether err, of a [Transport], says that the peer surely processed nothing of the
// request: there was no connection (the name, the dial, the TLS handshake), nothing went out on
// one, or an HTTP/2 peer refused the stream (REFUSED_STREAM; RFC 9113, section 8.7). Of all other
// errors it is unknown: the answer alone may have been lost.
func Unsent(err error) bool {
	if err == nil {
		return false
	}
	var unsent unsentError
	return errors.As(err, &unsent)
}

// mark makes err say whether the request was sent. No error stays none.
func mark(err error, unsent bool) error {
	if err == nil || !unsent {
		return err
	}
	return unsentError{err}
}

// unsent reports, once the attempt has ended without an answer, whether the peer surely processed
// nothing. An HTTP/1.1 connection that was in use may have carried all of the request, whatever the
// error.
func (a *attempt) unsent() bool {
	switch {
	case a.conn == nil:
		return true
	case !isHTTP2(a.conn):
		return false
	}
	return !a.wrote.Load() || a.stopped.Load() && a.same
}
