package httpx

import (
	"errors"
	"fmt"
	"io"
	"net/http"
)

var (
	// ErrTooLarge says that a body is larger than its bound.
	ErrTooLarge = errors.New("the body is too large")
	// ErrNoTransport says that nothing may be dialled: the default transport would dial anything.
	ErrNoTransport = errors.New("no transport to the host is configured")
)

// Response is an answer that was read whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do sends r by rt, once, and reads the answer to its end: at most limit bytes of body.
//
// It calls the RoundTripper and no http.Client: a round trip ends at the first answer, so a
// redirect never takes a credential along, where a Client repeats a bad Location in its error.
//
// It asks for an answer without a content coding. One that comes in gzip or deflate anyway is
// decoded, any other is [ErrCoding].
//
// A body that is larger, as it comes or decoded, is [ErrTooLarge], and never cut: it could leave
// half a token. An error after the answer's header comes with the response, without its body; the
// connection is then not used again. Errors are safe to log ([SafeError]).
func Do(rt http.RoundTripper, r *http.Request, limit int) (*Response, error) {
	res, err := roundTrip(rt, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // all is known of it that will be
	body, err := readDecoded(res.Header, res.Body, limit)
	return &Response{res.StatusCode, res.Header, body}, err
}

// readAll reads an answer's body. Also an error's is read to its end, or the connection could not
// be used again.
func readAll(body io.Reader, limit int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(body, int64(limit)+1))
	if err == nil && len(raw) > limit {
		err = fmt.Errorf("%w: the response has more than %d bytes", ErrTooLarge, limit)
	}
	if err != nil {
		return nil, SafeError(err)
	}
	return raw, nil
}

// Head is [Do] for calls of whose answer the body often does not count: it is read only where
// wanted says so of the status and the header, and else no byte of it is waited for.
func Head(rt http.RoundTripper, r *http.Request, limit int, wanted func(status int, h http.Header) bool) (*Response,
	error) {
	res, err := roundTrip(rt, r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Body.Close() }() // all is known of it that will be
	answer := &Response{Status: res.StatusCode, Header: res.Header}
	if wanted(res.StatusCode, res.Header) {
		answer.Body, err = readDecoded(res.Header, res.Body, limit)
	}
	return answer, err
}

func roundTrip(rt http.RoundTripper, r *http.Request) (*http.Response, error) {
	if rt == nil {
		if r.Body != nil {
			_ = r.Body.Close() // as a RoundTripper must
		}
		return nil, SafeError(ErrNoTransport)
	}
	res, err := rt.RoundTrip(identity(r))
	if err != nil {
		return nil, SafeError(err)
	}
	return res, nil
}

// Fresh returns a transport that ends each connection with the answer (RFC 9112, section 9.6), for
// rare calls whose answers hold tokens. net/http reads on from a connection that it keeps, and logs
// what comes beyond the answer. Fresh of nil is nil.
func Fresh(rt http.RoundTripper) http.RoundTripper {
	if rt == nil {
		return nil
	}
	return fresh{rt}
}

type fresh struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (f fresh) RoundTrip(r *http.Request) (*http.Response, error) {
	last := new(http.Request)
	*last = *r
	last.Close = true
	return f.next.RoundTrip(last)
}
