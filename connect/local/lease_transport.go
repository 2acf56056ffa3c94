package local

import (
	"io"
	"net/http"
)

type leaseKey struct{}

// leaseTransport sends nothing without a lease.
//
// The lease is looked at when a call begins, and again when its body is about to be written:
// connecting may take seconds, and the refresh token is in the body. A process that is killed,
// stopped or cut off from the store after that may have sent the token, and nothing calls it
// back: the next owner sends it a second time. So it is with a renewal, too, that has its token in
// the URL: there is one look only.
type leaseTransport struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (g leaseTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	l, ok := r.Context().Value(leaseKey{}).(*lease)
	err := errNoLease
	if ok {
		err = l.lost()
	}
	if err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // as RoundTripper demands
		}
		return nil, err
	}
	if r.Body == nil || r.Body == http.NoBody {
		return g.next.RoundTrip(r)
	}
	out := r.WithContext(r.Context()) // a copy, as a RoundTripper changes no request
	out.Body = leaseBody{r.Body, l}
	if r.GetBody != nil { // a transport sends it once more if a connection turns out to be closed
		out.GetBody = func() (io.ReadCloser, error) {
			body, err := r.GetBody()
			return leaseBody{body, l}, err
		}
	}
	return g.next.RoundTrip(out)
}

type leaseBody struct {
	io.ReadCloser
	lease *lease
}

func (b leaseBody) Read(p []byte) (int, error) {
	if err := b.lease.lost(); err != nil {
		return 0, err
	}
	return b.ReadCloser.Read(p)
}
