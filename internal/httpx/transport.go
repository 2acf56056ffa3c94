package httpx

import (
	"errors"
	"net/http"
)

// Transport sends a request through Base, an http.Transport, once; and once more, at once, where an
// HTTP/2 peer has not processed it. That is known of a stream that was refused on a connection
// which goes on (REFUSED_STREAM; RFC 9113, section 8.7). Of a connection that comes to its end
// (GOAWAY) it is not, since net/http does not tell that from a protocol error: then only requests
// that may be repeated in any case are. A second refusal is [ErrRefused].
//
// No httptrace of the request's context sees what happens. Interim answers go where
// [InterimKey] says.
type Transport struct{ Base http.RoundTripper }

var _ http.RoundTripper = Transport{}

var (
	// ErrRefused says that an HTTP/2 peer did not take the request, or gave it back, and that it was
	// not sent again.
	ErrRefused = errors.New("the HTTP/2 connection ended, or the peer refused the request, before there was a response")
	errDials   = errors.New("the peer ended each connection at once")
	errUnkept  = errors.New("the request's body was not kept")
)

// RoundTrip implements http.RoundTripper. [Unsent] tells of an error whether the request may have
// reached the peer.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	interim := interimOf(r.Context())
	first := start(r, interim)
	res, err := t.send(first, r)
	if !first.stopped.Load() || err == nil || r.Context().Err() != nil {
		return res, mark(err, first.unsent())
	}
	again := again(r, first)
	if again == nil {
		return nil, mark(ErrRefused, first.unsent())
	}
	second := start(again, interim)
	res, err = t.send(second, r)
	if second.stopped.Load() && err != nil && r.Context().Err() == nil {
		err = ErrRefused
	}
	return res, mark(err, first.unsent() && second.unsent())
}

func (t Transport) send(a *attempt, r *http.Request) (*http.Response, error) {
	res, err := t.Base.RoundTrip(a.request)
	a.finish()
	switch {
	case errors.Is(err, errUnkept):
		return nil, ErrRefused
	case err != nil:
		return nil, err
	}
	res.Request = r
	return res, nil
}

// again returns r for a second attempt, or nil where it must not or cannot be sent again.
func again(r *http.Request, first *attempt) *http.Request {
	if first.wrote.Load() && !first.same && !repeatable(r) {
		return nil
	}
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	if r.GetBody == nil {
		return nil
	}
	body, err := r.GetBody()
	if err != nil {
		return nil
	}
	copied := *r
	copied.Body = body
	return &copied
}

// repeatable reports whether sending r twice does no more than sending it once, as net/http judges
// it: by the method (RFC 9110, section 9.2.1), or as the caller says.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := r.Header["Idempotency-Key"]
	_, xkey := r.Header["X-Idempotency-Key"]
	return key || xkey
}
