package hostile

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
)

// duplex is a provider whose connections a case serves by itself, byte by byte.
type duplex struct {
	addr string

	listener net.Listener
	mu       sync.Mutex
	serve    func(*peer)
	conns    []net.Conn
	done     sync.WaitGroup
}

// peer is one connection, after the head of its first request.
type peer struct {
	net.Conn
	in   *bufio.Reader
	head string
}

func newDuplex(t *testing.T) *duplex {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &duplex{addr: l.Addr().String(), listener: l}
	d.done.Go(d.accept)
	t.Cleanup(d.close)
	return d
}

// each makes serve handle the connections from now on; they are closed when it returns.
func (d *duplex) each(serve func(*peer)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.serve = serve
}

func (d *duplex) accept() {
	for {
		conn, err := d.listener.Accept()
		if err != nil {
			return
		}
		d.mu.Lock()
		d.conns = append(d.conns, conn)
		serve := d.serve
		d.mu.Unlock()
		d.done.Go(func() {
			defer func() { _ = conn.Close() }()
			if p := receive(conn); p != nil && serve != nil {
				serve(p)
			}
		})
	}
}

func receive(conn net.Conn) *peer {
	p := &peer{Conn: conn, in: bufio.NewReader(conn)}
	for !strings.HasSuffix(p.head, "\r\n\r\n") {
		line, err := p.in.ReadString('\n')
		if err != nil {
			return nil
		}
		p.head += line
	}
	return p
}

func (d *duplex) close() {
	_ = d.listener.Close()
	d.mu.Lock()
	for _, c := range d.conns {
		_ = c.Close()
	}
	d.mu.Unlock()
	d.done.Wait()
}
