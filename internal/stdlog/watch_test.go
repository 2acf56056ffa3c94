package stdlog

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestWatch: whoever replaces the filter without a trace does so for a second.
func TestWatch(t *testing.T) {
	o := logging(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		go Watch(ctx)
		log.SetOutput(o)
		time.Sleep(watchEvery) // of the bubble's clock
		synctest.Wait()
		if _, ok := log.Writer().(*filter); !ok {
			t.Errorf("the output is %T", log.Writer())
		}
		cancel()
	})
}

// TestConn: the transport of net/http logs what comes beyond an answer, and the filter is in place
// by then though it was replaced since the connection was made.
func TestConn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	more := make(chan struct{})
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		if _, err := http.ReadRequest(bufio.NewReader(conn)); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		<-more
		_, _ = io.WriteString(conn, "canary")
		_, _ = conn.Read(make([]byte, 1)) // until the transport has closed it
	}()
	transport := &http.Transport{DialContext: Guard(new(net.Dialer).DialContext)}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
	if err != nil || res.Body.Close() != nil {
		t.Fatal(err)
	}
	o := logging(t)
	close(more)
	select {
	case <-o.written:
	case <-time.After(10 * time.Second):
	}
	if got := o.String(); !strings.HasPrefix(got, string(unsolicited)+" (withheld") || strings.Contains(got, "canary") {
		t.Errorf("logged %q", got)
	}
}

// TestGuard: an error is the dialer's, and what is no TCP connection stays what it is.
func TestGuard(t *testing.T) {
	near, far := net.Pipe()
	defer func() { _, _ = near.Close(), far.Close() }()
	conn, err := Guard(func(context.Context, string, string) (net.Conn, error) { return near, nil })(t.Context(), "", "")
	if err != nil || conn != near {
		t.Errorf("%v, %v", conn, err)
	}
	if _, err := Guard(new(net.Dialer).DialContext)(t.Context(), "tcp", "127.0.0.1:0"); err == nil {
		t.Error("nobody listens there")
	}
}
