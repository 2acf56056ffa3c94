package hostaddress

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// TestWildcard: one site with one certificate, of Caddy's own authority, serves every app and every
// labelled host, by HTTP/1.1 and HTTP/2.
func TestWildcard(t *testing.T) {
	s := prepare(t)
	root := t.TempDir()
	s.Gateway = harness.StartWith(t, func(g *harness.Gateway) string { return s.wildcard(g, root) })
	authority, err := os.ReadFile(filepath.Join(root, "pki", "authorities", "local", "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		t.Fatal("Caddy's authority has no certificate")
	}
	harness.Within(t, "obtaining the certificate", 20*time.Second, func() bool {
		conn, err := tls.Dial("tcp", s.Addr, &tls.Config{RootCAs: pool, ServerName: "any." + domain})
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			s.t = t
			client := s.client(pool, protocol)
			defer client.CloseIdleConnections()
			s.callByTLS(client, protocol)
		})
	}
}

// wildcard is the configuration of the documentation, with Caddy's own authority. It does not log
// at level DEBUG: Caddy then reports the obtaining of a certificate as an event, whose origin it
// copies while it may still be starting it (caddytls.TLS, v2.11.9), a data race of its own.
func (s *scene) wildcard(g *harness.Gateway, root string) string {
	_, port, err := net.SplitHostPort(g.Addr)
	if err != nil {
		s.t.Fatal(err)
	}
	site := fmt.Sprintf("https://*.%s:%s {\n bind 127.0.0.1\n tls internal\n vendgate_proxy {\n hosts %s\n }\n "+
		"vendgate_not_found\n}\n", domain, port, domain)
	text := g.Caddyfile(s.vendgate(), fmt.Sprintf("skip_install_trust\nstorage file_system %q", root), "")
	text = strings.Replace(text, "auto_https off", "auto_https disable_redirects", 1)
	text = strings.Replace(text, "level DEBUG", "level INFO", 1)
	return text[:strings.LastIndex(text, "\nhttp://")+1] + site
}

func (s *scene) client(pool *x509.CertPool, protocol string) *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Addr)
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: dial, TLSClientConfig: &tls.Config{RootCAs: pool},
			ForceAttemptHTTP2: protocol == "HTTP/2.0"},
	}
}

func (s *scene) callByTLS(client *http.Client, protocol string) {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.Addr)
	s.up.Answer(func(string) string {
		return "HTTP/1.1 201 Created\r\nContent-Length: 2\r\nLocation: http://" + s.files.Addr + "/v1/f\r\n\r\nok"
	})
	for host, up := range map[string]*harness.Upstream{"key": s.up, "KEY": s.up, "key--files": s.files} {
		up.Got()
		res, err := client.Do(s.request("https://" + host + "." + domain + ":" + port + "/v1/users?q=1"))
		if err != nil {
			s.t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if got := up.Got(); err != nil || res.Proto != protocol || string(body) != "ok" || len(got) != 1 ||
			!strings.HasPrefix(got[0], "GET /v1/users?q=1 HTTP/1.1\r\nHost: "+up.Addr+"\r\n") {
			s.t.Errorf("%s: %v, %s %s, and the upstream got %q", host, err, res.Proto, body, got)
		}
		if want := "https://key--files." + domain + ":" + port + "/v1/f"; up == s.up && res.Header.Get("Location") != want {
			s.t.Errorf("%s: the link leads to %s, want %s", host, res.Header.Get("Location"), want)
		}
	}
	// The authority of a request counts, not the name of its TLS connection.
	r := s.request("https://key." + domain + ":" + port + "/v1/users")
	r.Host = "nothing." + domain
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close()
	if code := res.Header.Get("Vendgate-Code"); code != "unknown_app" {
		s.t.Errorf("another authority is answered by %d %q", res.StatusCode, code)
	}
}

func (s *scene) request(url string) *http.Request {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.key)
	return r
}
