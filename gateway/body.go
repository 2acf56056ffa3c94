package gateway

import (
	"errors"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"

	"github.com/vendgate/vendgate/inject"
)

// callerBody notes what was wrong with the caller's body: the transport's error may not say whose
// fault it was.
type callerBody struct {
	io.ReadCloser
	call *call
}

func (b *callerBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.call.read.Add(int64(n))
	if err != nil && err != io.EOF {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			b.call.tooLarge.Store(true)
		} else {
			b.call.malformed.Store(true)
		}
	}
	return n, err
}

// Close leaves the rest of a body that is too large to [Refuse], which alone reads on.
func (b *callerBody) Close() error {
	if b.call.tooLarge.Load() {
		return nil
	}
	return b.ReadCloser.Close()
}

// carryTrailers lets the caller's trailers through, as far as a header of that name would pass and
// may follow a body. The server fills the caller's Trailer when the body ends, and the
// transport sends its own right after: so they are copied in between. A trailer that holds the
// caller's key ends the request in the middle.
func carryTrailers(pr *httputil.ProxyRequest, c *call) {
	pr.Out.Trailer = make(http.Header)
	for name := range pr.In.Trailer {
		if c.route.placement.MayCarry(name) && c.route.steering.MayTrail(name) {
			pr.Out.Trailer[name] = nil
		}
	}
	if pr.Out.Body != nil {
		pr.Out.Body = &trailingBody{pr.Out.Body, func() error {
			for name := range pr.Out.Trailer {
				if slices.ContainsFunc(pr.In.Trailer[name], c.accepted.In) {
					return inject.RefuseKey("the trailer " + name)
				}
				pr.Out.Trailer[name] = pr.In.Trailer[name]
			}
			return nil
		}}
	}
}

// trailingBody calls atEOF when the body has ended, before the reader learns of it. An error of
// atEOF is the reader's.
type trailingBody struct {
	io.ReadCloser
	atEOF func() error
}

func (b *trailingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		if refusal := b.atEOF(); refusal != nil {
			return 0, refusal
		}
	}
	return n, err
}
