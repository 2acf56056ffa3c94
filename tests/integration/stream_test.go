package integration

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/inject"
	"github.com/vendgate/vendgate/tests/harness"
)

// TestServerSentEvents: the provider sends the next event only when the caller has the one before.
func TestServerSentEvents(t *testing.T) {
	proceed := make(chan struct{})
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 5 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-proceed:
			case <-r.Context().Done():
				return
			}
		}
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/events", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i := range 5 {
		line, err := lines.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("event %d: %q, %v", i, line, err)
		}
		_, _ = lines.ReadString('\n')
		proceed <- struct{}{}
	}
}

// TestCancelledCallerCancelsUpstream: nobody streams for a caller who has gone.
func TestCancelledCallerCancelsUpstream(t *testing.T) {
	gone := make(chan struct{})
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("first"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(gone)
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/stream", nil))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	select {
	case <-gone:
	case <-time.After(10 * time.Second):
		t.Error("the upstream call goes on without a caller")
	}
}

// TestWebSocket sends raw bytes both ways after a real handshake.
func TestWebSocket(t *testing.T) {
	const key = "dGhlIHNhbXBsZSBub25jZQ=="
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Api-Key") != canary || r.Header.Get("Sec-Websocket-Key") != key {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(conn,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			inject.WebSocketAccept(key))
		for {
			line, err := rw.ReadString('\n')
			if err != nil {
				return
			}
			if _, err := conn.Write([]byte("echo " + line)); err != nil {
				return
			}
		}
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn,
		"GET /proxy/c1/key/ws HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nx-user-email: %s\r\nConnection: "+
			"Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n", g.Addr, harness.KeyA,
		harness.Alice, key)
	in := bufio.NewReader(conn)
	res, err := http.ReadResponse(in, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%v %v", err, res)
	}
	for _, word := range []string{"one", "two", "\x00\xff three"} {
		fmt.Fprintf(conn, "%s\n", word)
		if line, err := in.ReadString('\n'); err != nil || line != "echo "+word+"\n" {
			t.Fatalf("%q %v", line, err)
		}
	}
}

// TestTrailers: both ways, but for those that would be a header we remove.
func TestTrailers(t *testing.T) {
	for _, protocol := range []string{"plain", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			got := make(chan http.Header, 1)
			url, ca := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				got <- r.Trailer
				w.Header().Set("Trailer", "X-Sum")
				_, _ = w.Write([]byte("body"))
				w.Header().Set("X-Sum", "echo of "+canary)
			}), protocol)
			g := harness.Start(t, ca+keyApp(url)+staticSource(t))
			r := g.Request("POST", "/proxy/c1/key/", nil)
			r.Body, r.ContentLength, r.GetBody = io.NopCloser(strings.NewReader("some body")), -1, nil
			r.Trailer = http.Header{"X-Check": {"42"}, "X-Api-Key": {"smuggled"}, "X-User-Email": {"eve@example.com"}}
			res, err := g.Client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if up := <-got; up.Get("X-Check") != "42" || len(up) != 1 {
				t.Errorf("upstream got trailers %v", up)
			}
			if v := res.Trailer.Get("X-Sum"); v != "echo of [redacted]" {
				t.Errorf("caller got trailer %q", v)
			}
		})
	}
}

// TestExpectContinue: the caller is told to go on only when the provider says so.
func TestExpectContinue(t *testing.T) {
	reached, proceed := make(chan struct{}), make(chan struct{})
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Expect") == "" {
			t.Error("Expect was lost")
		}
		close(reached)
		<-proceed
		body, _ := io.ReadAll(r.Body) // sends 100 Continue
		fmt.Fprintf(w, "got %s", body)
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	conn, err := net.Dial("tcp", g.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn,
		"POST /proxy/c1/key/ HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nx-user-email: %s\r\nContent-Length: "+
			"4\r\nExpect: 100-continue\r\n\r\n", g.Addr, harness.KeyA, harness.Alice)
	<-reached // the provider has the head, and no byte of the body has been sent
	close(proceed)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewReader(conn)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") {
		t.Fatalf("%q %v", line, err)
	}
	for line := ""; line != "\r\n"; {
		if line, err = in.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Fprint(conn, "data")
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != 200 || string(body) != "got data" {
		t.Errorf("%d %q", res.StatusCode, body)
	}
}
