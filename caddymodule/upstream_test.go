package caddymodule_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/caddymodule"
)

func TestTransportPool(t *testing.T) {
	pool := caddymodule.Pools()["transports"]
	base := caddymodule.Upstream{IdleConnections: 7}
	other := caddymodule.Upstream{IdleConnections: 7, IdleTimeout: caddy.Duration(time.Second)}
	open := func(u caddymodule.Upstream, allow ...string) (any, string) {
		t.Helper()
		rt, key, err := u.Open(allow)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := pool.Delete(key); err != nil {
				t.Error(err)
			}
		})
		return rt, key
	}
	first, key := open(base, "10.0.0.0/8", "127.0.0.0/8")
	for name, tt := range map[string]struct {
		upstream caddymodule.Upstream
		allow    []string
		shared   bool
	}{
		"the same":         {base, []string{"10.0.0.0/8", "127.0.0.0/8"}, true},
		"another order":    {base, []string{"127.0.0.0/8", "10.0.0.0/8"}, true},
		"one twice":        {base, []string{"127.0.0.0/8", "10.0.0.0/8", "10.0.0.0/8"}, true},
		"fewer":            {base, []string{"10.0.0.0/8"}, false},
		"none":             {base, nil, false},
		"more":             {base, []string{"10.0.0.0/8", "127.0.0.0/8", "fd00::/8"}, false},
		"another duration": {other, []string{"10.0.0.0/8", "127.0.0.0/8"}, false},
		"another bound":    {caddymodule.Upstream{IdleConnections: 8}, []string{"10.0.0.0/8", "127.0.0.0/8"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := pool.References(key)
			rt, k, err := tt.upstream.Open(tt.allow)
			if err != nil {
				t.Fatal(err)
			}
			if (rt == first) != tt.shared {
				t.Errorf("shared: %t", rt == first)
			}
			if n, _ := pool.References(key); tt.shared && n != before+1 || !tt.shared && n != before {
				t.Errorf("references went from %d to %d", before, n)
			}
			if last, err := pool.Delete(k); err != nil || last == tt.shared {
				t.Errorf("given back: the last one %t, %v", last, err)
			}
		})
	}
	if _, _, err := base.Open([]string{"10.0.0.0"}); err == nil ||
		!strings.Contains(err.Error(), `allow_private "10.0.0.0": write a CIDR`) {
		t.Errorf("an address without a length: %v", err)
	}
}

// TestTransportPoolAuthorities: a reload trusts what the CA file holds by then, and shares the
// transport while it holds the same.
func TestTransportPoolAuthorities(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))
	defer server.Close()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	file := filepath.Join(t.TempDir(), "ca.pem")
	open := func(text []byte) http.RoundTripper {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		rt, key, err := (&caddymodule.Upstream{TrustCA: []string{file}}).Open([]string{"127.0.0.0/8"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if _, err := caddymodule.Pools()["transports"].Delete(key); err != nil {
				t.Error(err)
			}
		})
		return rt.(http.RoundTripper)
	}
	call := func(rt http.RoundTripper) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := rt.RoundTrip(r)
		if err != nil {
			return err
		}
		return resp.Body.Close()
	}
	other := open(otherAuthority(t))
	if err := call(other); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("trusting another authority: %v", err)
	}
	trusting := open(authority)
	if err := call(trusting); err != nil || trusting == other {
		t.Errorf("trusting the server's authority: %v", err)
	}
	if open(authority) != trusting {
		t.Error("the same contents made another transport")
	}
}

// otherAuthority is a certificate that signed nothing.
func otherAuthority(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// TestTransportHTTP2: a connection that died in silence is noticed in 45 s, and large bodies come
// in larger frames than those of net/http.
func TestTransportHTTP2(t *testing.T) {
	rt, key, err := new(caddymodule.Upstream).Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if _, err := caddymodule.Pools()["transports"].Delete(key); err != nil {
			t.Error(err)
		}
	}()
	config := caddymodule.Plain(rt).HTTP2
	if config == nil || config.SendPingTimeout != 30*time.Second || config.PingTimeout != 15*time.Second {
		t.Errorf("pings: %+v", config)
	}
	if config == nil || config.MaxReadFrameSize != 64<<10 {
		t.Errorf("frames: %+v", config)
	}
}
