package integration

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestSent: a 503 says whether the provider may have got the request, so that nobody repeats a
// payment blindly.
func TestSent(t *testing.T) {
	lost := harness.NewUpstream(t, func(string) string { return "" }) // reads it all, and hangs up
	fails := harness.NewUpstream(t, func(string) string { return "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n" })
	refuses := harness.NewUpstream(t, harness.OK)
	refuses.Close()
	for name, c := range map[string]struct{ url, want string }{
		"nobody listens":       {"http://" + refuses.Addr, `"sent":false`},
		"no TLS on that port":  {"https://" + tlsBreaker(t), `"sent":false`},
		"no such name":         {"http://nobody.invalid", `"sent":false`},
		"the answer was lost":  {"http://" + lost.Addr, `"sent":true`},
		"a bad gateway beyond": {"http://" + fails.Addr, `"sent":true`},
	} {
		t.Run(name, func(t *testing.T) {
			g := harness.Start(t, keyApp(c.url)+staticSource(t))
			for _, method := range []string{"GET", "POST"} {
				res, err := g.Client.Do(g.Request(method, "/proxy/c1/key/pay", []byte("100")))
				if err != nil {
					t.Fatal(err)
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), c.want) {
					t.Errorf("%s: %d %s, want %s", method, res.StatusCode, body, c.want)
				}
			}
		})
	}
}

// TestSentByNoVend: where the source is away, nothing was sent.
func TestSentByNoVend(t *testing.T) {
	away := harness.NewUpstream(t, func(string) string {
		return "HTTP/1.1 503 Away\r\nRetry-After: 33\r\nContent-Length: 0\r\n\r\n"
	})
	up := harness.NewUpstream(t, harness.OK)
	g := harness.Start(t, keyApp("http://"+up.Addr)+`
	source platform {
		url http://`+away.Addr+`/platform/v1
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
		allow_http
		allow_private 127.0.0.0/8
	}
	tenant acme {
		key `+harness.Secret(t, "VG_TENANT_A", harness.KeyA)+`
	}
`)
	res, err := g.Client.Do(g.Request("POST", "/proxy/c1/key/pay", []byte("100")))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 503 || !strings.Contains(string(body), `"sent":false`) || res.Header.Get("Retry-After") != "33" ||
		len(up.Got()) > 0 {
		t.Errorf("%d %v %s", res.StatusCode, res.Header, body)
	}
}

// tlsBreaker is the address of a server that hangs up on every handshake.
func tlsBreaker(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String()
}
