package httpx

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Call is [Do] as an http.RoundTripper, for one call of a library that makes its requests itself.
// It keeps what the errors of such libraries do not wrap. It is not safe for parallel use.
type Call struct {
	// Transport sends the request; nil fails with [ErrNoTransport].
	Transport http.RoundTripper
	// Limit bounds the answer's body, in bytes, as it comes and decoded.
	Limit int
	// Edit returns the body that the library reads in the place of body; nil leaves it as it is.
	Edit func(header http.Header, body []byte) []byte

	// Status is the answer's; 0 while there is none.
	Status int
	// Err is why there is none, or why it could not be read to its end.
	Err error
}

// RoundTrip implements http.RoundTripper.
func (c *Call) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := roundTrip(c.Transport, r)
	if err != nil {
		c.Err = err
		return nil, err
	}
	defer func(whole io.Closer) { _ = whole.Close() }(res.Body)
	c.Status = res.StatusCode
	body, err := readDecoded(res.Header, res.Body, c.Limit)
	if err != nil {
		c.Err = err
		return nil, err
	}
	if c.Edit != nil {
		body = c.Edit(res.Header, body)
	}
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return res, nil
}

// Malformed reports whether the answer cannot be read, whenever it is asked for. In an unknown
// content coding, an answer of a 5xx status says no more than its status.
func (c *Call) Malformed() bool {
	return Unreadable(c.Err) && (c.Status < 500 || errors.Is(c.Err, ErrTooLarge))
}

// Client returns a client over rt for a library that wants one. It follows no redirect, which would
// carry a grant and the client's secret elsewhere.
func Client(rt http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     rt,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
