package caddymodule_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule"
	"github.com/vendgate/vendgate/tests/harness"
)

// foreign is another host, `example.com` to the gateway's transport, that keeps the headers it got.
type foreign struct {
	mu  sync.Mutex
	got []*http.Request
}

func (f *foreign) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.got = append(f.got, r)
	f.mu.Unlock()
	w.Header().Set("Set-Cookie", "a=b")
	w.Header().Set("Vendgate-Code", "needs_reconnection")
	w.Header().Set("Link", `<http://gateway/proxy/c2/key/x>; rel="next"`)
	switch r.URL.Path {
	case "/hop":
		http.Redirect(w, r, "/file?sig=1%2F", http.StatusFound)
	case "/401":
		w.Header().Set("Www-Authenticate", `Bearer resource_metadata="https://example.com/m"`)
		w.WriteHeader(http.StatusUnauthorized)
	case "/429":
		w.WriteHeader(http.StatusTooManyRequests)
	default:
		_, _ = io.WriteString(w, strings.Repeat("0123456789", 10000))
	}
}

func (f *foreign) requests() []*http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

// startForeign plays example.com over TLS, where the pooled transport for public addresses finds it
// whatever the name server says.
func startForeign(t *testing.T) *foreign {
	t.Helper()
	f := &foreign{}
	server := httptest.NewTLSServer(f)
	t.Cleanup(server.Close)
	public := &caddymodule.Upstream{
		DialTimeout: caddy.Duration(5 * time.Second), ResponseHeaderTimeout: caddy.Duration(5 * time.Minute),
		IdleTimeout: caddy.Duration(90 * time.Second), IdleConnections: 256,
	}
	rt, key, err := public.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain := caddymodule.Plain(rt)
	dial, roots := plain.DialContext, plain.TLSClientConfig.RootCAs
	plain.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr == "example.com:443" {
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
		return dial(ctx, network, addr)
	}
	plain.TLSClientConfig.RootCAs = x509.NewCertPool()
	plain.TLSClientConfig.RootCAs.AddCert(server.Certificate())
	t.Cleanup(func() {
		plain.CloseIdleConnections()
		plain.DialContext, plain.TLSClientConfig.RootCAs = dial, roots
		if _, err := caddymodule.Pools()["transports"].Delete(key); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestFollowedRedirect: the other host's answer passes as its own, whatever it is, and nothing of
// the call goes there.
func TestFollowedRedirect(t *testing.T) {
	other := startForeign(t)
	provider := harness.NewUpstream(t, func(request string) string {
		_, path, _ := strings.Cut(request, "GET ")
		path, _, _ = strings.Cut(path, " ")
		return fmt.Sprintf("HTTP/1.1 302 Found\r\nLocation: https://example.com%s\r\nSet-Cookie: x=y\r\nContent-Length: "+
			"0\r\n\r\n", path)
	})
	g := harness.Start(t, staticGateway(t, provider.Addr), "vendgate_proxy {\nredirects follow\n}")
	for path, status := range map[string]int{"/hop": 200, "/file?sig=1%2F": 200, "/401": 401, "/429": 429} {
		t.Run(path, func(t *testing.T) {
			r := g.Request(http.MethodGet, "/proxy/c1/key"+path, nil)
			r.Header.Set("X-Custom", "own")
			r.Header.Set("Range", "bytes=0-1")
			res, err := g.Client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(res.Body)
			if err != nil || res.Body.Close() != nil || res.StatusCode != status || status == 200 && len(body) != 100000 {
				t.Errorf("%d with %d bytes, error %v", res.StatusCode, len(body), err)
			}
			for _, name := range []string{"Set-Cookie", "Vendgate-Code", "Link", "Location"} {
				if v := res.Header[name]; len(v) > 0 {
					t.Errorf("%s: %q came along", name, v)
				}
			}
			got := other.requests()
			if want := 1 + strings.Count(path, "hop"); len(got) != want {
				t.Errorf("%d requests, want %d", len(got), want)
			}
			for _, r := range got {
				if r.Host != "example.com" || len(r.Header) != 1 || r.UserAgent() != "Vendgate" {
					t.Errorf("the other host got %s %v", r.Host, r.Header)
				}
			}
		})
	}
}
