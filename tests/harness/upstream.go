package harness

import (
	"net"
	"sync"
	"testing"
)

// Upstream plays a provider on a real socket. It keeps the bytes of each request and answers as it
// is told.
type Upstream struct {
	// Addr is host and port.
	Addr string

	listener net.Listener
	mu       sync.Mutex
	got      []string
	answer   func(request string) string
	conns    map[net.Conn]bool
	done     sync.WaitGroup
}

// NewUpstream plays a provider that answers what answer returns for the head of a request, byte for
// byte. Bodies of requests with Content-Length or chunks are read first.
func NewUpstream(t testing.TB, answer func(request string) string) *Upstream {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &Upstream{Addr: l.Addr().String(), listener: l, answer: answer, conns: make(map[net.Conn]bool)}
	u.done.Go(u.accept)
	t.Cleanup(u.Close)
	return u
}

// OK answers 200 with a small body.
func OK(string) string {
	return "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"
}

// Got returns the requests received so far, byte for byte, and forgets them.
func (u *Upstream) Got() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.got
	u.got = nil
	return got
}

// Answer changes how requests are answered from now on.
func (u *Upstream) Answer(answer func(request string) string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = answer
}

// Close ends the provider and its connections. The test's end does so too.
func (u *Upstream) Close() {
	_ = u.listener.Close()
	u.mu.Lock()
	for c := range u.conns {
		_ = c.Close()
	}
	u.mu.Unlock()
	u.done.Wait()
}

func (u *Upstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		u.conns[conn] = true
		u.mu.Unlock()
		u.done.Go(func() { u.serve(conn) })
	}
}

func (u *Upstream) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		u.mu.Lock()
		delete(u.conns, conn)
		u.mu.Unlock()
	}()
	in := &recorder{conn: conn}
	for {
		request, err := in.request()
		if request != "" {
			u.mu.Lock()
			u.got = append(u.got, request)
			answer := u.answer
			u.mu.Unlock()
			out := answer(request)
			if out == "" || func() bool { _, err := conn.Write([]byte(out)); return err != nil }() {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
