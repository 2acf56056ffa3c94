package reload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// stage is a gateway of the real program, its admin API, and a provider.
type stage struct {
	t        testing.TB
	addr     string
	admin    *http.Client
	socket   string       // of the admin API
	bind     string       // the `bind` line of the site
	global   string       // more global options
	vendgate string       // more options of the vendgate block
	site     string       // more directives of the site
	scheme   string       // before the site's port
	client   *http.Client // of a site by TLS
	provider string
	config   string // path of the Caddyfile
	env      []string
	process  *harness.Process
	version  int
}

// newStage prepares a gateway whose provider is h. It is not started yet.
func newStage(t testing.TB, h http.HandlerFunc) *stage {
	t.Helper()
	provider := httptest.NewServer(h)
	t.Cleanup(provider.Close)
	addr := harness.FreeAddr(t)
	dir := t.TempDir()
	s := &stage{t: t, addr: addr, scheme: "http://", bind: "bind 127.0.0.1", provider: provider.URL,
		socket: filepath.Join(dir, "admin.sock"), config: filepath.Join(dir, "Caddyfile"),
		env: harness.Environ(t, "VG_KEY=canary", "VG_TENANT="+harness.KeyA)}
	// A reload replaces the server of the admin API, too.
	s.admin = &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", s.socket)
		},
	}}
	return s
}

// handOver makes a listening socket that a process inherits, as from systemd.
func (s *stage) handOver() *os.File {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = file.Close() })
	s.addr, s.bind = l.Addr().String(), "bind fd/3"
	return file
}

// caddyfile is a configuration that differs from all before it.
func (s *stage) caddyfile() string {
	s.version++
	return fmt.Sprintf(`{
	admin unix/%s
	persist_config off
	auto_https disable_redirects
	%s
	vendgate {
		vend_timeout %dms
		%s
		app key {
			auth_type api_key
			upstream %s
			field api_key "API key" secret
			header X-Api-Key {api_key}
			allow_http
			allow_private 127.0.0.0/8
		}
		source static {
			connection c1 {
				tenant acme
				app key
				field api_key {env.VG_KEY}
			}
		}
		tenant acme {
			key {env.VG_TENANT}
			budget token unlimited
		}
	}
}
%s:%s {
	%s
	vendgate_proxy
	%s
}
`, s.socket, s.global, 10000+s.version, s.vendgate, s.provider, s.scheme, port(s.t, s.addr), s.bind, s.site)
}

func port(t testing.TB, addr string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// start starts the program and waits until it answers.
func (s *stage) start(files ...*os.File) {
	s.t.Helper()
	s.write(s.caddyfile())
	s.process = harness.StartInherited(s.t, s.env, files, harness.Program(s.t), "run", "--config", s.config)
	s.ready()
}

func (s *stage) ready() {
	s.t.Helper()
	s.process.Await(s.t, "starting a gateway", 20*time.Second, func() bool {
		res, err := s.admin.Get("http://localhost/config/")
		if err != nil {
			return false
		}
		return res.Body.Close() == nil && s.answers()
	})
}

// answers reports whether a call is answered.
func (s *stage) answers() bool {
	var t tally
	if s.client != nil {
		s.callBy(s.client, &t, 0)
	} else {
		c := caller{addr: s.addr, redial: true}
		c.call(&t, http.MethodGet, path)
	}
	return t.answered.Load() == 1
}

// write replaces the file of the configuration.
func (s *stage) write(caddyfile string) {
	s.t.Helper()
	if err := os.WriteFile(s.config, []byte(caddyfile), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// load reloads by the admin API.
func (s *stage) load(caddyfile string) error {
	res, err := s.admin.Post("http://localhost/load", "text/caddyfile", strings.NewReader(caddyfile))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the admin API answers %d: %s", res.StatusCode, answer)
	}
	return err
}

// reload reloads a configuration that differs. The server of the admin API is Caddy's own, and may
// close the next reload's connection while it is being replaced.
func (s *stage) reload() {
	s.t.Helper()
	err := s.load(s.caddyfile())
	for tries := 0; errors.Is(err, io.EOF) && tries < 20; tries++ {
		err = s.load(s.caddyfile())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// path is a call of the configured connection.
const path = "/proxy/c1/key/items"

// under has 50 callers call while do runs: GET and POST, most on connections that they keep and a
// few on a new one for each call.
func (s *stage) under(do func()) *tally {
	var t tally
	var callers sync.WaitGroup
	stop := make(chan struct{})
	for i := range 50 {
		callers.Go(func() {
			c := caller{addr: s.addr, redial: i%5 == 0}
			defer c.close()
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				c.call(&t, []string{http.MethodGet, http.MethodPost}[n%2], path)
			}
		})
	}
	do()
	close(stop)
	callers.Wait()
	return &t
}

func ok(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "ok")
}
