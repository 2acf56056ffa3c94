package integration

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// provider is an upstream by net/http, for what needs TLS or HTTP/2.
func provider(t *testing.T, h http.Handler, protocol string) (url, ca string) {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.EnableHTTP2 = protocol == "HTTP/2.0"
	if protocol == "plain" {
		s.Start()
	} else {
		s.StartTLS()
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
		ca = "upstream {\n trust_ca \"" + tempFile(t, cert) + "\"\n}\n"
	}
	t.Cleanup(s.Close)
	return s.URL, ca
}

func TestProtocols(t *testing.T) {
	megabyte := make([]byte, 1<<20)
	_, _ = rand.Read(megabyte)
	for _, protocol := range []string{"plain", "HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			var proto, key, sni, host string
			var received []byte
			url, ca := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				proto, key, host = r.Proto, r.Header.Get("X-Api-Key"), r.Host
				if r.TLS != nil {
					sni = r.TLS.ServerName
				}
				received, _ = io.ReadAll(r.Body)
				_, _ = w.Write(megabyte)
			}), protocol)
			g := harness.Start(t, ca+keyApp(url)+staticSource(t))
			res, err := g.Client.Do(g.Request("POST", "/proxy/c1/key/echo", megabyte))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			answered, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != 200 {
				t.Fatalf("%v, %d: %s", err, res.StatusCode, answered)
			}
			want := protocol
			if protocol == "plain" {
				want = "HTTP/1.1"
			}
			if proto != want || key != canary || host != strings.SplitN(url, "//", 2)[1] || sni != "" {
				t.Errorf("upstream saw %s, key %q, host %s, server name %q", proto, key, host, sni)
			}
			if !bytes.Equal(received, megabyte) || !bytes.Equal(answered, megabyte) {
				t.Errorf("bodies changed: %d bytes there, %d back", len(received), len(answered))
			}
		})
	}
}

// TestUntrustedTLS: a certificate of another name, an expired one or one nobody vouches for gets no
// request at all.
func TestUntrustedTLS(t *testing.T) {
	called := false
	url, _ := provider(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }), "HTTP/1.1")
	g := harness.Start(t, keyApp(url)+staticSource(t)) // without trust_ca
	res, err := g.Client.Do(g.Request("GET", "/proxy/c1/key/", nil))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 503 || res.Header.Get("Vendgate-Code") != "upstream_unavailable" || called {
		t.Errorf("answered %d %s, upstream called: %v", res.StatusCode, res.Header.Get("Vendgate-Code"), called)
	}
}

const (
	gigabyte = 1 << 30
	// roof is far below the body and far above what streaming needs, in bytes.
	roof = 96 << 20
)

// TestGigabyte streams a GiB each way and watches the heap of gateway, client and provider
// together.
func TestGigabyte(t *testing.T) {
	sum := make(chan string, 1)
	url, _ := provider(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.CopyN(w, zeros{}, gigabyte)
			return
		}
		h := sha256.New()
		n, _ := io.Copy(h, r.Body)
		sum <- fmt.Sprintf("%d %s", n, hex.EncodeToString(h.Sum(nil)))
	}), "plain")
	g := harness.Start(t, keyApp(url)+staticSource(t))
	g.Client.Timeout = 5 * time.Minute
	want := sha256.New()
	_, _ = io.CopyN(want, zeros{}, gigabyte)
	done := make(chan struct{})
	peak := make(chan uint64)
	go func() { peak <- watchHeap(done) }()

	up := g.Request("POST", "/proxy/c1/key/up", nil)
	up.Body, up.ContentLength, up.GetBody = io.NopCloser(io.LimitReader(zeros{}, gigabyte)), gigabyte, nil
	res, err := g.Client.Do(up)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if got := <-sum; got != fmt.Sprintf("%d %s", gigabyte, hex.EncodeToString(want.Sum(nil))) {
		t.Errorf("upstream received %s", got)
	}
	res, err = g.Client.Do(g.Request("GET", "/proxy/c1/key/down", nil))
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if n != gigabyte || err != nil {
		t.Errorf("received %d bytes, %v", n, err)
	}
	close(done)
	if p := <-peak; p > roof {
		t.Errorf("the heap grew to %d MiB while a GiB passed", p>>20)
	} else {
		t.Logf("heap peak %d MiB", p>>20)
	}
}

func watchHeap(done chan struct{}) (peak uint64) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak = max(peak, m.HeapInuse)
		select {
		case <-done:
			return peak
		case <-tick.C:
		}
	}
}

// zeros reads as zero bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
