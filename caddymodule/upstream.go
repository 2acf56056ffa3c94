package caddymodule

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/vendgate/vendgate/catalog"
	"github.com/vendgate/vendgate/internal/httpx"
	"github.com/vendgate/vendgate/internal/stdlog"
	"github.com/vendgate/vendgate/policy"
)

// Upstream configures the connections to providers, token endpoints and remote sources.
type Upstream struct {
	// DialTimeout bounds the dial with its name look-up. Default: 5s.
	DialTimeout caddy.Duration `json:"dial_timeout,omitempty"`
	// ResponseHeaderTimeout bounds the wait for the answer's header, after the request went out.
	// Default: 5m, because language models think for minutes before they answer. Bodies are not
	// bounded: they stream.
	ResponseHeaderTimeout caddy.Duration `json:"response_header_timeout,omitempty"`
	// IdleTimeout closes connections without requests. Default: 90s.
	IdleTimeout caddy.Duration `json:"idle_timeout,omitempty"`
	// IdleConnections is how many of them are kept for each host. Default: 256; with net/http's own 2,
	// most requests under load open a new connection.
	IdleConnections int `json:"idle_connections,omitempty"`
	// TrustCA are PEM files of authorities to trust besides the system's. Default: none. A reload
	// reads them again.
	TrustCA []string `json:"trust_ca,omitempty"`
	// ProxyFromEnvironment sends upstream requests through the proxy that HTTPS_PROXY and its kin
	// name. Default: no. The addresses that may be dialled are then the proxy's to judge: the gateway
	// sees only the proxy's own.
	ProxyFromEnvironment bool `json:"proxy_from_environment,omitempty"`
}

func (u *Upstream) setDefaults() {
	for _, d := range []struct {
		value    *caddy.Duration
		fallback time.Duration
	}{{&u.DialTimeout, 5 * time.Second}, {&u.ResponseHeaderTimeout, 5 * time.Minute}, {&u.IdleTimeout, 90 * time.Second}} {
		if *d.value == 0 {
			*d.value = caddy.Duration(d.fallback)
		}
	}
	if u.IdleConnections == 0 {
		u.IdleConnections = 256
	}
}

func (u *Upstream) check() error {
	if u.DialTimeout < 0 || u.ResponseHeaderTimeout < 0 || u.IdleTimeout < 0 || u.IdleConnections < 0 {
		return fmt.Errorf("upstream: write positive durations and numbers")
	}
	files, err := u.readCA()
	if err != nil {
		return err
	}
	_, err = u.roots(files)
	return err
}

// maxFrame bounds the frames of an HTTP/2 provider, in bytes. net/http's own bound of 16 KiB costs
// large bodies about a tenth more: it asks for more after each frame. A connection keeps a buffer
// of its largest frame.
const maxFrame = 64 << 10

// transports outlive reloads: a new configuration keeps the connections of the old one where
// nothing about them changed.
var transports = caddy.NewUsagePool()

// transport is one pooled http.Transport.
type transport struct{ *http.Transport }

// RoundTrip implements http.RoundTripper. Its errors are safe to log: net/http's own may quote what
// the provider sent, and that may belong to an answer of before.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := httpx.Transport{Base: t.Transport}.RoundTrip(r)
	return res, httpx.SafeError(err)
}

// Destruct implements caddy.Destructor.
func (t transport) Destruct() error {
	t.CloseIdleConnections()
	return nil
}

// open returns the transport for hosts that may resolve to global unicast addresses and to those in
// allow, and the key to give it back by. Different allowances never share connections: a pooled
// connection was checked by the allowance it was dialled under.
func (u *Upstream) open(allow []string) (http.RoundTripper, string, error) {
	allow = slices.Clone(allow)
	slices.Sort(allow)
	files, err := u.readCA()
	if err != nil {
		return nil, "", err
	}
	// With the names of the CA files alone a reload would find the old transport, and trust what the
	// files held before.
	key := fmt.Sprintf("%+v %x %s", *u, digestsOf(files), strings.Join(slices.Compact(allow), " "))
	t, _, err := transports.LoadOrNew(key, func() (caddy.Destructor, error) {
		t, err := u.build(allow, files)
		return transport{t}, err
	})
	if err != nil {
		return nil, "", err
	}
	return t.(transport), key, nil
}

func (u *Upstream) build(allow []string, files [][]byte) (*http.Transport, error) {
	prefixes := make([]netip.Prefix, 0, len(allow))
	for _, text := range allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("allow_private %q: write a CIDR, like 10.1.0.0/16", text)
		}
		prefixes = append(prefixes, p)
	}
	roots, err := u.roots(files)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: time.Duration(u.DialTimeout), Control: policy.NewEgress(prefixes...).Control}
	t := &http.Transport{
		DialContext:            httpx.LimitDials(stdlog.Guard(dialer.DialContext)),
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    time.Duration(u.DialTimeout),
		MaxIdleConnsPerHost:    u.IdleConnections,
		IdleConnTimeout:        time.Duration(u.IdleTimeout),
		ResponseHeaderTimeout:  time.Duration(u.ResponseHeaderTimeout),
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 1 << 20,
		// Without pings, calls on an HTTP/2 connection whose peer is gone in silence would wait until TCP
		// gives up, in minutes.
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second, MaxReadFrameSize: maxFrame,
		},
		// The caller's Accept-Encoding is the caller's business; bytes pass as they are.
		DisableCompression: true,
	}
	if u.ProxyFromEnvironment {
		t.Proxy = http.ProxyFromEnvironment
	}
	return t, nil
}

// readCA reads the files of TrustCA, in order.
func (u *Upstream) readCA() ([][]byte, error) {
	var files [][]byte
	for _, name := range u.TrustCA {
		pem, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("trust_ca: %w: name a PEM file that the server may read", err)
		}
		files = append(files, pem)
	}
	return files, nil
}

// digestsOf returns the SHA-256 digest of each file.
func digestsOf(files [][]byte) [][sha256.Size]byte {
	var list [][sha256.Size]byte
	for _, pem := range files {
		list = append(list, sha256.Sum256(pem))
	}
	return list
}

// roots returns the system's authorities with those of files, which readCA returned, or nil, which
// means the system's, where there is nothing to add.
func (u *Upstream) roots(files [][]byte) (*x509.CertPool, error) {
	if len(files) == 0 {
		return nil, nil
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for i, pem := range files {
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("trust_ca %s: it has no PEM certificate: name a PEM file of CA certificates",
				u.TrustCA[i])
		}
	}
	return pool, nil
}

// OpenTransport returns a transport that dials the provider of app as the gateway does, under the
// same guard and bounds, and in a pool of its own: the caller ends its connections with release.
// Its errors are of the options `upstream` and `allow_private`; those of its calls are safe to log.
func (a *App) OpenTransport(app *catalog.App) (rt http.RoundTripper, release func(), err error) {
	upstream := a.Upstream
	upstream.setDefaults()
	files, err := upstream.readCA()
	if err != nil {
		return nil, nil, err
	}
	base, err := upstream.build(app.AllowPrivate, files)
	if err != nil {
		return nil, nil, err
	}
	return transport{base}, base.CloseIdleConnections, nil
}
