package httpx

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/vendgate/vendgate/tests/h2peer"
)

// transportTo returns a transport to the peer that is built as the gateway's own is.
func transportTo(t *testing.T, peer *h2peer.Peer) Transport {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(peer.CA)
	base := &http.Transport{
		DialContext: LimitDials(new(net.Dialer).DialContext), ForceAttemptHTTP2: true,
		TLSClientConfig: &tls.Config{RootCAs: roots},
	}
	t.Cleanup(base.CloseIdleConnections)
	return Transport{base}
}

// generous ends what hangs. Left alone, net/http would take 64 s over a stream that is refused, and
// for ever over GOAWAY.
const generous = 20 * time.Second

// send sends one request and returns the answer's body.
func send(t *testing.T, rt http.RoundTripper, method, url string, body io.Reader, header ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), generous)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := rt.RoundTrip(r)
	if ctx.Err() != nil {
		t.Fatalf("it was still held after %s: %v", generous, err)
	}
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.Request != r {
		t.Error("the answer is not to the request that was given")
	}
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// unkeptBody is a body that nobody keeps.
func unkeptBody() io.Reader { return io.MultiReader(strings.NewReader(strings.Repeat("x", 200<<10))) }

func keptBody() io.Reader { return strings.NewReader("small") }

func noBody() io.Reader { return nil }

func TestRefused(t *testing.T) {
	refused := func(s *h2peer.Stream) { s.Reset(http2.ErrCodeRefusedStream) }
	broken := func(s *h2peer.Stream) { s.Reset(http2.ErrCodeProtocol) }
	inner := func(s *h2peer.Stream) { s.Reset(http2.ErrCodeInternal) }
	away := func(s *h2peer.Stream) { s.GoAway(0, http2.ErrCodeNo) }
	angry := func(s *h2peer.Stream) { s.GoAway(0, http2.ErrCodeEnhanceYourCalm) }
	once := func(answer func(*h2peer.Stream)) func(*h2peer.Stream) {
		return func(s *h2peer.Stream) {
			if s.Number == 1 {
				answer(s)
			} else {
				s.OK()
			}
		}
	}
	for _, c := range []struct {
		name, method string
		body         func() io.Reader
		answer       func(*h2peer.Stream)
		header       []string
		sent         int
		want         error // nil is any where fails is set
		fails        bool
	}{
		{"refused for ever, GET", "GET", noBody, refused, nil, 2, ErrRefused, true},
		{"refused for ever, HEAD", "HEAD", noBody, refused, nil, 2, ErrRefused, true},
		{"refused for ever, POST without a body", "POST", noBody, refused, nil, 2, ErrRefused, true},
		{"refused for ever, POST that is kept", "POST", keptBody, refused, nil, 2, ErrRefused, true},
		{"refused for ever, POST that is not kept", "POST", unkeptBody, refused, nil, 1, ErrRefused, true},
		{"refused once, GET", "GET", noBody, once(refused), nil, 2, nil, false},
		{"refused once, POST without a body", "POST", noBody, once(refused), nil, 2, nil, false},
		{"refused once, POST that is kept", "POST", keptBody, once(refused), nil, 2, nil, false},
		{"refused once, POST that is not kept", "POST", unkeptBody, once(refused), nil, 1, ErrRefused, true},
		{"GOAWAY for ever, GET", "GET", noBody, away, nil, 2, ErrRefused, true},
		{"GOAWAY for ever, POST", "POST", keptBody, away, nil, 1, ErrRefused, true},
		{"GOAWAY for ever, POST without a body", "POST", noBody, away, nil, 1, ErrRefused, true},
		{"GOAWAY once, GET", "GET", noBody, once(away), nil, 2, nil, false},
		{"GOAWAY once, POST with an idempotency key", "POST", keptBody, once(away), []string{"Idempotency-Key", "k"}, 2, nil,
			false},
		{"GOAWAY with an error on a new connection", "GET", noBody, angry, nil, 1, nil, true},
		{"protocol error, POST", "POST", keptBody, broken, nil, 1, ErrRefused, true},
		{"protocol error, POST without a body", "POST", noBody, broken, nil, 1, ErrRefused, true},
		{"protocol error for ever, GET", "GET", noBody, broken, nil, 2, ErrRefused, true},
		{"internal error, GET", "GET", noBody, inner, nil, 1, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := h2peer.New(t, c.answer)
			body, err := send(t, transportTo(t, peer), c.method, peer.URL, c.body(), c.header...)
			if (err != nil) != c.fails || c.want != nil && !errors.Is(err, c.want) || !c.fails && body != "ok" {
				t.Errorf("%q, %v", body, err)
			}
			if sent := len(peer.Streams()); sent != c.sent {
				t.Errorf("sent %d times, want %d", sent, c.sent)
			}
		})
	}
}

// TestRefusedAtOnce: a peer that ends each connection before a request is dialled a few times, not
// for ever.
func TestRefusedAtOnce(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(method, func(t *testing.T) {
			peer := h2peer.Greeting(t, func(f *http2.Framer) error { return f.WriteGoAway(0, http2.ErrCodeNo, nil) })
			if _, err := send(t, transportTo(t, peer), method, peer.URL, keptBody()); err == nil {
				t.Error("no error")
			}
			if peer.Conns() > 2*maxDials || len(peer.Streams()) > 2 {
				t.Errorf("%d connections, %d requests", peer.Conns(), len(peer.Streams()))
			}
		})
	}
}

// TestConnectionLivesOn: what was refused, and sent again, leaves the connection to others.
func TestConnectionLivesOn(t *testing.T) {
	peer := h2peer.New(t, func(s *h2peer.Stream) {
		if s.Path == "/refused" {
			s.Reset(http2.ErrCodeRefusedStream)
		} else {
			s.OK()
		}
	})
	rt := transportTo(t, peer)
	for range 20 {
		if _, err := send(t, rt, "GET", peer.URL+"/refused", nil); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
		if body, err := send(t, rt, "GET", peer.URL+"/", nil); err != nil || body != "ok" {
			t.Fatalf("%q, %v", body, err)
		}
	}
	if peer.Conns() != 1 {
		t.Errorf("%d connections", peer.Conns())
	}
}

// TestStaleConnections: kept HTTP/1.1 connections that the server has closed cost no request,
// however many there are.
func TestStaleConnections(t *testing.T) {
	const stale = 8
	server := newRawServer(t)
	base := &http.Transport{DialContext: LimitDials(new(net.Dialer).DialContext), MaxIdleConnsPerHost: stale}
	t.Cleanup(base.CloseIdleConnections)
	rt := Transport{base}
	server.hold(stale)
	done := make(chan error, stale)
	for range stale {
		go func() { _, err := send(t, rt, "GET", server.url, nil); done <- err }()
	}
	for range stale {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	server.dropNext() // each of them ends when the next request comes in on it
	if body, err := send(t, rt, "GET", server.url, nil); err != nil || body != "ok" {
		t.Errorf("%q, %v", body, err)
	}
}

func TestInterim(t *testing.T) {
	peer := h2peer.New(t, func(s *h2peer.Stream) {
		for range 100 {
			s.Head(false, "103", "link", "</a>", "x-long", strings.Repeat("a", 100))
		}
		s.OK()
	})
	rt := transportTo(t, peer)
	var got counted
	r, err := http.NewRequestWithContext(context.WithValue(t.Context(), InterimKey{}, &got), "GET", peer.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := rt.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got != maxInterim {
		t.Errorf("%d interim answers were passed on, want %d", got, maxInterim)
	}
	if body, err := send(t, rt, "GET", peer.URL, nil); err != nil || body != "ok" {
		t.Errorf("without a taker: %q, %v", body, err)
	}
}

type counted int

func (c *counted) Interim(status int, h http.Header) {
	if status == http.StatusEarlyHints && h.Get("Link") == "</a>" {
		*c++
	}
}

func TestInterimBounds(t *testing.T) {
	for name, answer := range map[string]func(*h2peer.Stream){
		"without end": func(s *h2peer.Stream) {
			for range 3 * maxInterimBytes / 10_000 {
				s.Head(false, "103", "x", strings.Repeat("a", 10_000))
			}
		},
		"101": func(s *h2peer.Stream) { s.Head(false, "101"); s.OK() },
	} {
		t.Run(name, func(t *testing.T) {
			peer := h2peer.New(t, answer)
			if _, err := send(t, transportTo(t, peer), "GET", peer.URL, nil); err == nil {
				t.Error("no error")
			}
		})
	}
}

// TestHeadClosesHTTP1 and leaves HTTP/2 connections alone.
func TestHeadClosesHTTP1(t *testing.T) {
	server := newRawServer(t)
	rt := Transport{&http.Transport{}}
	for _, body := range []io.Reader{nil, bytes.NewReader([]byte("x"))} {
		if _, err := send(t, rt, "HEAD", server.url, body); err != nil {
			t.Fatal(err)
		}
		if got := <-server.heads; !strings.HasPrefix(got, "HEAD / HTTP/1.1\r\n") ||
			!strings.Contains(got, "\r\nConnection: close\r\n") {
			t.Errorf("sent %q", got)
		}
	}
	peer := h2peer.New(t, func(s *h2peer.Stream) { s.Head(true, "200") })
	two := transportTo(t, peer)
	for range 3 {
		if _, err := send(t, two, "HEAD", peer.URL, nil); err != nil {
			t.Fatal(err)
		}
	}
	if peer.Conns() != 1 {
		t.Errorf("%d HTTP/2 connections", peer.Conns())
	}
}
