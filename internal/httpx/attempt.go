package httpx

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"sync/atomic"
)

// attempt is one request on its way through an http.Transport, and the context that this gets for
// it. net/http sends a request again on its own in two loops: an HTTP/2 stream that the peer
// refused, with growing pauses and up to eight times, and one that met GOAWAY, without pause or end
// (http2Transport.RoundTripOpt in h2_bundle.go, Transport.roundTrip in transport.go; Go 1.26).
// Neither can be configured, but both report each connection before they use it. There the attempt
// ends itself.
//
// A request that met a kept HTTP/1.1 connection in the moment of its closing is left to net/http:
// it tries every kept connection, and then a new one, where that is safe (RFC 9112, section 9.3.1).
type attempt struct {
	context.Context                 // the request's own
	traced          context.Context // holds the trace, and nothing of the request's
	trace           httptrace.ClientTrace
	request         *http.Request
	interim         Interim

	// conn is the connection in use, and wrote says that the request's header went out on it.
	conn  net.Conn
	wrote atomic.Bool
	// unused counts the HTTP/2 connections on which nothing went out.
	unused int
	// same says that the connection that refused the request was about to be used again.
	same    bool
	stopped atomic.Bool
	dials   atomic.Int32

	mu        sync.Mutex // held while an interim answer is passed on
	over      bool
	received  int // bytes of interim answers
	forwarded int
}

const (
	// maxUnused bounds the HTTP/2 connections that turn out to be closed before anything went out.
	maxUnused = 3
	// maxDials bounds the connections made for one attempt. A peer that ends each at once would be
	// dialled without pause or end.
	maxDials = 4
)

// start returns the attempt to send r, which has a context and body of its own.
func start(r *http.Request, interim Interim) *attempt {
	a := &attempt{Context: r.Context(), interim: interim}
	a.trace = httptrace.ClientTrace{GotConn: a.gotConn, WroteHeaders: a.wroteHeaders, Got1xxResponse: a.got1xx}
	a.traced = httptrace.WithClientTrace(context.Background(), &a.trace)
	a.request = r.WithContext(a) //nolint:contextcheck // it is the request's own, with another trace
	if r.Body != nil && r.Body != http.NoBody {
		if r.GetBody == nil {
			a.request.GetBody = unkept
		}
		// net/http copies a request with a body, so that gotConn could not change it any more.
		a.request.Close = r.Close || r.Method == http.MethodHead
	}
	return a
}

// unkept is the GetBody of a body that is not kept: net/http would wrap no error, but put the text
// of one into another's.
func unkept() (io.ReadCloser, error) { return nil, errUnkept }

type attemptKey struct{}

// Value implements context.Context. The attempt's trace takes the place of any other.
func (a *attempt) Value(key any) any {
	if key == (attemptKey{}) {
		return a
	}
	if v := a.traced.Value(key); v != nil {
		return v
	}
	return a.Context.Value(key)
}

// ended is the channel of contexts that have ended.
var ended = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Done implements context.Context. An attempt that was stopped returns another channel than before:
// a context that could be cancelled would cost each call, and net/http asks again for each
// connection, right after it has told of it.
func (a *attempt) Done() <-chan struct{} {
	if a.stopped.Load() {
		return ended
	}
	return a.Context.Done()
}

// Err implements context.Context.
func (a *attempt) Err() error {
	if a.stopped.Load() {
		return context.Canceled
	}
	return a.Context.Err()
}

// AfterFunc is for package context; see [Detach].
func (a *attempt) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(a.Context, f) }

// gotConn judges the connection that comes next.
func (a *attempt) gotConn(info httptrace.GotConnInfo) {
	last := a.conn
	a.conn = info.Conn
	if a.request.Method == http.MethodHead && !isHTTP2(info.Conn) {
		// A body in answer to HEAD would stay in the connection, where net/http takes it for an
		// unsolicited answer, and logs it.
		a.request.Close = true
	}
	if last == nil || !isHTTP2(last) {
		a.wrote.Store(false)
		return
	}
	if !a.wrote.Load() {
		a.unused++
	}
	if a.wrote.Load() || a.unused == maxUnused {
		a.same = last == info.Conn
		a.stopped.Store(true)
	}
}

func (a *attempt) wroteHeaders() { a.wrote.Store(true) }

func isHTTP2(conn net.Conn) bool {
	c, ok := conn.(*tls.Conn)
	return ok && c.ConnectionState().NegotiatedProtocol == "h2"
}

// LimitDials returns a dial function for an http.Transport below a [Transport], which bounds the
// connections that one request makes.
func LimitDials(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(context.Context, string,
	string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if a, ok := ctx.Value(attemptKey{}).(*attempt); ok && a.dials.Add(1) > maxDials {
			return nil, errDials
		}
		return dial(ctx, network, addr)
	}
}

// finish ends the forwarding of interim answers, and waits for the one under way.
func (a *attempt) finish() {
	a.mu.Lock()
	a.over = true
	a.mu.Unlock()
}

// got1xx is called for each interim answer, on the connection's own goroutine.
func (a *attempt) got1xx(status int, h textproto.MIMEHeader) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.received += sizeOf(h)
	switch {
	case a.over:
		return nil
	case status == http.StatusSwitchingProtocols: // over HTTP/2, which has none (RFC 9113, section 8.6)
		return errSwitched
	case a.received > maxInterimBytes:
		return errInterim
	case a.interim == nil || a.forwarded == maxInterim:
		return nil
	}
	a.forwarded++
	a.interim.Interim(status, http.Header(h))
	return nil
}
