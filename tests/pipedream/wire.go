package pipedream

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// tap makes each connection of a listener keep what is read from it.
type tap struct{ net.Listener }

func (t tap) Accept() (net.Conn, error) {
	conn, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn}, nil
}

// wire is a connection and all that came in by it.
type wire struct {
	net.Conn
	mu       sync.Mutex
	got      []byte
	requests int
}

func (w *wire) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.got = append(w.got, p[:n]...)
	return n, err
}

// next counts a request, and returns how many there were before it.
func (w *wire) next() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	return w.requests - 1
}

// request is the bytes of the n-th request, head and body, as received so far.
func (w *wire) request(n int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := w.got
	for ; n > 0; n-- {
		rest = rest[length(rest):]
	}
	return string(rest[:length(rest)])
}

// length is how many bytes the first request in stream takes.
func length(stream []byte) int {
	raw := bytes.NewReader(stream)
	in := bufio.NewReader(raw)
	r, err := http.ReadRequest(in)
	if err != nil {
		return len(stream)
	}
	_, _ = io.Copy(io.Discard, r.Body) // what is missing has not come yet
	_ = r.Body.Close()
	return len(stream) - raw.Len() - in.Buffered()
}

type wireKey struct{}

func withWire(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, wireKey{}, conn)
}

type recordedCall struct {
	kind Kind
	wire *wire
	n    int
}

func (s *StandIn) record(c *call) {
	w := c.Context().Value(wireKey{}).(*wire)
	recorded := recordedCall{c.kind, w, w.next()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, recorded)
}

// Got returns the calls of a kind so far, byte for byte and in the order in which they came.
func (s *StandIn) Got(kind Kind) []string {
	s.mu.Lock()
	calls := append([]recordedCall(nil), s.calls...)
	s.mu.Unlock()
	var got []string
	for _, c := range calls {
		if c.kind == kind {
			got = append(got, c.wire.request(c.n))
		}
	}
	return got
}
