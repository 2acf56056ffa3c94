package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	_ "expvar" // serves the memory statistics where net/http's own handler is served
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// The roles of this program's other processes: servers that contenders need, and contenders.
const (
	roleUpstream     = "upstream"      // HTTP/1.1 in the clear
	roleUpstreamTLS1 = "upstream-tls1" // HTTP/1.1 over TLS
	roleUpstreamTLS2 = "upstream-tls2" // HTTP/2 over TLS
	rolePlatform     = "platform"
	roleAuth         = "auth"
	roleProxy        = "proxy"
	roleEmpty        = "empty"
)

// The certificate of the upstreams, in the directory of the run.
const (
	certName = "upstream.pem"
	keyName  = "upstream.key"
)

// player is a process in a role.
type player struct{ role, addr, admin, target, dir string }

// command starts this program again in the role.
func (p player) command() *exec.Cmd {
	exe, err := os.Executable()
	if err != nil {
		exe = os.Args[0]
	}
	return exec.Command(exe, "-role", p.role, "-addr", p.addr, "-admin", p.admin, "-target", p.target, "-dir", p.dir)
}

// play serves until the process is ended.
func (p player) play() error {
	if p.admin != "" {
		go func() { _ = http.ListenAndServe(p.admin, nil) }()
	}
	s := &http.Server{Addr: p.addr, ReadHeaderTimeout: time.Minute}
	switch p.role {
	case roleUpstream, roleUpstreamTLS1, roleUpstreamTLS2:
		s.Handler = newUpstream()
	case rolePlatform:
		s.Handler = http.HandlerFunc(answerPlatform)
	case roleAuth:
		s.Handler = http.HandlerFunc(answerAuth)
	case roleEmpty:
		s.Handler = http.HandlerFunc(answerEmpty)
	case roleProxy:
		proxy, err := newProxy(p.target, filepath.Join(p.dir, certName))
		if err != nil {
			return err
		}
		s.Handler = proxy
	default:
		return fmt.Errorf("unknown role %q", p.role)
	}
	s.Protocols = new(http.Protocols)
	s.Protocols.SetHTTP1(true)
	switch p.role {
	case roleUpstreamTLS2:
		s.Protocols.SetHTTP2(true)
		s.Protocols.SetHTTP1(false)
	case roleUpstreamTLS1:
	default:
		return s.ListenAndServe()
	}
	return s.ListenAndServeTLS(filepath.Join(p.dir, certName), filepath.Join(p.dir, keyName))
}

// buffers are those of httputil.BufferPool.
type buffers struct{ sync.Pool }

func newBuffers() *buffers {
	return &buffers{sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}}
}

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte { return *b.Pool.Get().(*[]byte) }

// Put implements httputil.BufferPool.
func (b *buffers) Put(buffer []byte) { b.Pool.Put(&buffer) }

// newProxy is what a Go programmer would write: the standard library's proxy, which sets a header.
// Its pools are as large as the other contenders'.
func newProxy(target, certFile string) (*httputil.ReverseProxy, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	pem, err := os.ReadFile(certFile)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, errors.New("the certificate of the upstream is invalid")
	}
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true, ForceAttemptHTTP2: true,
			TLSClientConfig: &tls.Config{RootCAs: roots}},
		BufferPool: newBuffers(),
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(u)
			r.Out.Header.Set("Authorization", "Bearer "+token)
		},
	}, nil
}
