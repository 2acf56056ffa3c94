package httpx

import (
	"context"
	"errors"
	"net/http"
	"net/textproto"
)

// Interim takes the interim answers (1xx, but never 101) of a request. It may change the header. It
// is called before the request's RoundTrip returns, from another goroutine and never concurrently.
type Interim interface {
	Interim(status int, h http.Header)
}

const (
	// maxInterim is how many interim answers of a request are passed on. More of them are dropped: a
	// server may send a 102 every few seconds (RFC 2518, section 10.1), and none of them is needed.
	maxInterim = 32
	// maxInterimBytes bounds their headers together, in bytes. It is what net/http allows without a
	// trace.
	maxInterimBytes = 1 << 20
	// lineBytes counts for the status line, and for what separates a header's name and value.
	lineBytes = 32
)

var (
	errInterim  = errors.New("the interim responses have more than 1 MiB")
	errSwitched = errors.New("the response is 101, which HTTP/2 does not have")
)

// InterimKey is the key of an [Interim] in the context of a request: a [Transport] gives it the
// interim answers of that request. Without one they are dropped.
type InterimKey struct{}

func interimOf(ctx context.Context) Interim {
	i, _ := ctx.Value(InterimKey{}).(Interim)
	return i
}

func sizeOf(h textproto.MIMEHeader) int {
	size := lineBytes
	for name, values := range h {
		for _, v := range values {
			size += lineBytes + len(name) + len(v)
		}
	}
	return size
}
