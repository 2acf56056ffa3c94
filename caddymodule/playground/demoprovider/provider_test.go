package demoprovider

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a provider that ends with the test.
func start(t *testing.T, o Options) *Provider {
	t.Helper()
	p, err := Start(t.Context(), "127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// answer is what came back; its body is read and closed.
type answer struct {
	status int
	header http.Header
	body   string
}

// field returns a member of a JSON body.
func (a answer) field(t *testing.T, name string) any {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(a.body), &members); err != nil {
		t.Fatalf("%v in %q", err, a.body)
	}
	return members[name]
}

// call sends one request; header holds pairs of name and value.
func call(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(text)}
}

// post sends a form.
func post(t *testing.T, target string, form url.Values, header ...string) answer {
	t.Helper()
	return call(t, "POST", target, form.Encode(), append(header, "Content-Type", "application/x-www-form-urlencoded")...)
}

func TestStartRefuses(t *testing.T) {
	p := start(t, Options{})
	for _, c := range []struct {
		name, addr string
		options    Options
		want       string
	}{
		{"taken port", strings.TrimPrefix(p.URL(), "http://"), Options{}, "starting the demonstration provider: listen tcp"},
		{"negative lifetime", "127.0.0.1:0", Options{AccessLifetime: -1}, "lifetime of access tokens is negative"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Start(t.Context(), c.addr, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestURLCanBeCalled(t *testing.T) {
	for _, c := range []struct {
		name, want string
		addr       net.TCPAddr
	}{
		{"loopback", "http://127.0.0.1:81", net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 81}},
		{"loopback, IPv6", "http://[::1]:81", net.TCPAddr{IP: net.IPv6loopback, Port: 81}},
		{"every address", "http://127.0.0.1:81", net.TCPAddr{IP: net.IPv6unspecified, Port: 81}},
		{"every address, IPv4", "http://127.0.0.1:81", net.TCPAddr{IP: net.IPv4zero, Port: 81}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := baseURL(&c.addr); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestCloseEndsStreams closes in the middle of a stream, once by hand and once by the context.
func TestCloseEndsStreams(t *testing.T) {
	for _, name := range []string{"Close", "context"} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var logged bytes.Buffer
			p, err := Start(ctx, "127.0.0.1:0", Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{}
			defer transport.CloseIdleConnections()
			r, err := http.NewRequestWithContext(t.Context(), "GET", p.URL()+"/api/stream", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+p.NewGrant("alice@example.com").AccessToken)
			res, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			if _, err := io.ReadFull(res.Body, make([]byte, 6)); err != nil {
				t.Fatal(err)
			}
			if name == "context" {
				cancel()
			}
			began := time.Now()
			p.Close()
			p.Close()
			if took := time.Since(began); took >= closeGrace {
				t.Errorf("closing took %s", took)
			}
			rest, _ := io.ReadAll(res.Body)
			if bytes.Contains(rest, []byte("id: 5")) || logged.Len() > 0 {
				t.Errorf("the stream ran to its end, or something was logged: %q %q", rest, logged.String())
			}
			if _, err := net.DialTimeout("tcp", strings.TrimPrefix(p.URL(), "http://"), time.Second); !errors.Is(err,
				syscall.ECONNREFUSED) {
				t.Errorf("dialling after Close: %v", err)
			}
		})
	}
}

// TestTablesAreBounded puts more than a table takes: the oldest goes, the youngest stays.
func TestTablesAreBounded(t *testing.T) {
	l := newMemory(time.Minute)
	first, second := l.issue("a"), l.issue("b")
	for range maxEntries - 1 {
		l.issue("c")
	}
	if _, ok := l.account(first.AccessToken); ok {
		t.Error("the oldest token is still known")
	}
	if _, ok := l.account(second.AccessToken); !ok {
		t.Error("the next oldest token is gone")
	}
	for range 2 * maxEntries {
		l.answer(l.ask(request{}))
	}
	if n, m := len(l.access.entries), len(l.tickets.order); n != maxEntries || m != maxEntries {
		t.Errorf("%d access tokens, %d tickets in order; both should be %d", n, m, maxEntries)
	}
}
