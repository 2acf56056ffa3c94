// Package h2peer plays an HTTP/2 server frame by frame, for what no server of net/http would ever
// send.
package h2peer

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// Peer is a server on a socket, over TLS.
type Peer struct {
	// URL is `https://` with host and port; CA is the PEM certificate to trust it by.
	URL string
	CA  []byte

	listener net.Listener
	answer   func(*Stream)
	mu       sync.Mutex
	streams  []*Stream
	conns    map[net.Conn]bool
	dials    int
	done     sync.WaitGroup
	greeting func(*http2.Framer) error
}

// Stream is a request whose header has come.
type Stream struct {
	// Number counts the requests that the peer got, from 1; Conn the connections.
	Number, Conn int
	// ID is the stream's.
	ID uint32
	// Method, Path and Header are the request's.
	Method, Path string
	Header       http.Header

	framer *http2.Framer
}

// New plays a server that calls answer as soon as a request's header has come, on the connection's
// one goroutine. What came after it on the same connection is read when answer returns. Bodies are
// read away.
func New(t testing.TB, answer func(*Stream)) *Peer { return start(t, nil, answer) }

// Greeting is New for a server that sends more right after its settings.
func Greeting(t testing.TB, more func(*http2.Framer) error) *Peer {
	return start(t, more, func(*Stream) {})
}

func start(t testing.TB, greeting func(*http2.Framer) error, answer func(*Stream)) *Peer {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // lends its certificate, which is for 127.0.0.1
	defer lender.Close()
	l, err := tls.Listen("tcp", "127.0.0.1:0",
		&tls.Config{Certificates: lender.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	p := &Peer{
		URL:      "https://" + l.Addr().String(),
		CA:       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lender.Certificate().Raw}),
		listener: l, answer: answer, conns: make(map[net.Conn]bool), greeting: greeting,
	}
	p.done.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

// Streams returns the requests so far.
func (p *Peer) Streams() []*Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]*Stream(nil), p.streams...)
}

// Conns returns how many connections were made so far.
func (p *Peer) Conns() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dials
}

func (p *Peer) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.done.Wait()
}

func (p *Peer) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.dials++
		number := p.dials
		p.conns[conn] = true
		p.mu.Unlock()
		p.done.Go(func() {
			_ = p.serve(conn, number) // whatever ends it is the client's or the case's doing
			_ = conn.Close()
			p.mu.Lock()
			delete(p.conns, conn)
			p.mu.Unlock()
		})
	}
}

func (p *Peer) serve(conn net.Conn, number int) error {
	if _, err := io.CopyN(io.Discard, conn, int64(len(http2.ClientPreface))); err != nil {
		return err
	}
	framer := http2.NewFramer(conn, conn)
	framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	if err := framer.WriteSettings(); err != nil {
		return err
	}
	if p.greeting != nil {
		if err := p.greeting(framer); err != nil {
			return err
		}
	}
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return err
		}
		if err := p.take(framer, frame, number); err != nil {
			return err
		}
	}
}

func (p *Peer) take(framer *http2.Framer, frame http2.Frame, conn int) error {
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			return framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			return framer.WritePing(true, f.Data)
		}
	case *http2.DataFrame:
		if n := f.Header().Length; n > 0 {
			return framer.WriteWindowUpdate(0, n)
		}
	case *http2.MetaHeadersFrame:
		s := &Stream{Conn: conn, ID: f.StreamID, Method: f.PseudoValue("method"), Path: f.PseudoValue("path"),
			Header: make(http.Header), framer: framer}
		for _, field := range f.RegularFields() {
			s.Header.Add(field.Name, field.Value)
		}
		p.mu.Lock()
		p.streams = append(p.streams, s)
		s.Number = len(p.streams)
		p.mu.Unlock()
		p.answer(s)
	}
	return nil
}

// Reset ends the stream with an error code.
func (s *Stream) Reset(code http2.ErrCode) { _ = s.framer.WriteRSTStream(s.ID, code) }

// GoAway ends the connection; last is the last stream that was processed.
func (s *Stream) GoAway(last uint32, code http2.ErrCode) { _ = s.framer.WriteGoAway(last, code, nil) }

// Head sends a header with the given `:status` and fields, as name and value in turn, and ends the
// stream if end.
func (s *Stream) Head(end bool, status string, fields ...string) {
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	_ = enc.WriteField(hpack.HeaderField{Name: ":status", Value: status}) // a bytes.Buffer takes everything
	for i := 0; i < len(fields); i += 2 {
		_ = enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	_ = s.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: s.ID, BlockFragment: block.Bytes(), EndHeaders: true,
		EndStream: end})
}

// OK answers 200 with the body "ok".
func (s *Stream) OK() { s.Answer("text/plain", "ok") }

// Answer answers 200 with a body, which fits into one frame.
func (s *Stream) Answer(contentType, body string) {
	s.Head(false, "200", "content-type", contentType)
	s.Data(true, body)
}

// Data sends a part of a body, which fits into one frame, and ends the stream if end.
func (s *Stream) Data(end bool, part string) { _ = s.framer.WriteData(s.ID, end, []byte(part)) }
