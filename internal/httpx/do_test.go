package httpx

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// answering is a server that answers each request with the same bytes and closes the connection.
// dials counts them.
func answering(t *testing.T, answer string, keep bool) (url string, dials *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	dials = new(atomic.Int64)
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		for in := bufio.NewReader(conn); ; {
			if _, err := http.ReadRequest(in); err != nil {
				return
			}
			if _, err := io.WriteString(conn, answer); err != nil || !keep {
				return
			}
		}
	}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			dials.Add(1)
			go serve(conn)
		}
	}()
	return "http://" + l.Addr().String(), dials
}

func get(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func transport(t *testing.T) *http.Transport {
	t.Helper()
	rt := &http.Transport{}
	t.Cleanup(rt.CloseIdleConnections)
	return rt
}

func TestDo(t *testing.T) {
	for name, c := range map[string]struct {
		answer, body string
		status       int
		told         string
	}{
		"whole":          {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, ""},
		"empty":          {"HTTP/1.1 204 No Content\r\n\r\n", "", 204, ""},
		"an error":       {"HTTP/1.1 503 Down\r\nContent-Length: 4\r\n\r\ndown", "down", 503, ""},
		"a redirect":     {"HTTP/1.1 302 Found\r\nLocation: http://[canary\r\nContent-Length: 0\r\n\r\n", "", 302, ""},
		"as long as can": {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", "0123456789", 200, ""},
		"longer": {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n0123456789a", "", 200,
			"the body is too large: the response has more than 10 bytes"},
		"longer in chunks": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + strings.Repeat("x", 255), "",
			200, "the body is too large: the response has more than 10 bytes"},
		"cut":        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncanary", "", 200, "the connection was cut"},
		"cut before": {"", "", 0, "the connection was cut"},
		"malformed":  {"canary\r\n\r\n", "", 0, "the response was unusable (*fmt.wrapError)"},
		"malformed chunk": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\ncanary\r\n", "", 200,
			"the response was unusable (*errors.errorString)"},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := answering(t, c.answer, false)
			res, err := Do(transport(t), get(t, url), 10)
			if res == nil {
				res = new(Response)
			}
			told := ""
			if err != nil {
				told = err.Error()
			}
			if res.Status != c.status || string(res.Body) != c.body || told != c.told {
				t.Errorf("%d %q %q, want %d %q %q", res.Status, res.Body, told, c.status, c.body, c.told)
			}
			if errors.Is(err, ErrTooLarge) != strings.HasPrefix(name, "longer") {
				t.Errorf("ErrTooLarge: %v", err)
			}
		})
	}
}

// TestConnections: an answer that was read to its end leaves its connection for the next call,
// unless that is to be fresh.
func TestConnections(t *testing.T) {
	url, dials := answering(t, "HTTP/1.1 503 Down\r\nContent-Length: 5\r\n\r\nhello", true)
	rt := transport(t)
	for range 3 {
		if _, err := Do(rt, get(t, url), 10); err != nil {
			t.Fatal(err)
		}
	}
	if n := dials.Load(); n != 1 {
		t.Errorf("%d connections of three calls", n)
	}
	rt.CloseIdleConnections()
	for range 3 {
		r := get(t, url)
		if _, err := Do(Fresh(rt), r, 10); err != nil || r.Close {
			t.Fatalf("%v; the request was changed: %t", err, r.Close)
		}
	}
	if n := dials.Load(); n != 4 {
		t.Errorf("%d connections more of three fresh calls", n-1)
	}
}

func unwanted(int, http.Header) bool { return false }

// TestHead does not wait for a body that is not wanted.
func TestHead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	if res, err := Head(transport(t), get(t, server.URL), 9, unwanted); err != nil || res.Status != http.StatusAccepted ||
		res.Body != nil {
		t.Errorf("%+v, %v", res, err)
	}
}

// TestNoTransport fails closed, and closes the request's body as a RoundTripper must.
func TestNoTransport(t *testing.T) {
	for name, do := range map[string]func(*http.Request) error{
		"Do":   func(r *http.Request) error { _, err := Do(Fresh(nil), r, 10); return err },
		"Head": func(r *http.Request) error { _, err := Head(nil, r, 9, unwanted); return err },
		"Call": func(r *http.Request) error { _, err := Client(new(Call)).Do(r); return err },
	} {
		r := get(t, "http://127.0.0.1:1")
		body := &closing{Reader: strings.NewReader("")}
		r.Body = body
		if err := do(r); !errors.Is(err, ErrNoTransport) || !body.closed {
			t.Errorf("%s: %v; the body is closed: %t", name, err, body.closed)
		}
	}
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// TestCall is what a library sees of an answer, and what is kept for its caller.
func TestCall(t *testing.T) {
	url, _ := answering(t, "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 5\r\n\r\nhello", false)
	call := &Call{Transport: transport(t), Limit: 10, Edit: func(h http.Header, body []byte) []byte {
		h.Set("Content-Type", "text/x")
		return append(body, '!')
	}}
	res, err := Client(call).Do(get(t, url))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil || string(body) != "hello!" || res.ContentLength != 6 || res.Header.Get("Content-Type") != "text/x" ||
		call.Status != 302 || call.Err != nil {
		t.Errorf("%q %d %v %+v %v", body, res.ContentLength, res.Header, call, err)
	}
	url, _ = answering(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false)
	short := &Call{Transport: transport(t), Limit: 4}
	if _, err := Client(short).Do(get(t, url)); !errors.Is(err, ErrTooLarge) || short.Status != 200 ||
		!errors.Is(short.Err, ErrTooLarge) {
		t.Errorf("%v, %+v", err, short)
	}
}

// TestCallerLeaves: the caller's end is told as such.
func TestCallerLeaves(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, err := Do(transport(t), get(t, server.URL).WithContext(ctx), 10); !errors.Is(err, context.Canceled) ||
		err.Error() != "context canceled" {
		t.Error(err)
	}
}
