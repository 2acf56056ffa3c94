package httpx

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// rawServer answers 200 with the body "ok", or with no body to HEAD, on connections that it keeps.
type rawServer struct {
	url   string
	heads chan string

	held sync.WaitGroup
	drop atomic.Int64 // connections with a number up to it end when a request comes in
	n    atomic.Int64
}

func newRawServer(t *testing.T) *rawServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &rawServer{url: "http://" + l.Addr().String(), heads: make(chan string, 100)}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			number := s.n.Add(1)
			go s.serve(conn, number)
		}
	}()
	return s
}

// hold has the next n requests wait for each other, so that each needs a connection of its own.
func (s *rawServer) hold(n int) { s.held.Add(n) }

// dropNext ends each connection of now when the next request comes in on it.
func (s *rawServer) dropNext() { s.drop.Store(s.n.Load()) }

func (s *rawServer) serve(conn net.Conn, number int64) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	first := true
	for {
		head := ""
		for !strings.HasSuffix(head, "\r\n\r\n") {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			head += line
		}
		s.heads <- head
		if number <= s.drop.Load() {
			return
		}
		if first && s.drop.Load() == 0 && strings.HasPrefix(head, "GET") {
			s.held.Done()
			s.held.Wait()
		}
		first = false
		body := "ok"
		if strings.HasPrefix(head, "HEAD") {
			body = ""
		}
		if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)); err != nil {
			return
		}
	}
}
