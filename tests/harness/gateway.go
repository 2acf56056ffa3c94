// Package harness runs the gateway in the test's own process, so that the race detector, the leak
// check and a heap dump see it, and plays providers on real sockets that keep every byte they get.
package harness

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // the module set of the real binary

	_ "github.com/vendgate/vendgate" // the modules under test
)

// Keys of the tenants that tests configure, and the end user they act for.
const (
	KeyA  = "pk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	KeyB  = "pk_live_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
	Alice = "alice@example.com"
	Bob   = "bob@example.com"
)

// Gateway is a running gateway.
type Gateway struct {
	t    testing.TB
	bind string
	// Addr is host and port; URL is `http://` and Addr.
	Addr, URL string
	// Client has connections of its own and follows no redirects.
	Client *http.Client
	// LogFile receives Caddy's log.
	LogFile string
}

// reserved keeps the sockets of FreeAddr open until the test binary ends.
var reserved sync.Map

// FreeAddr returns a loopback address that nothing listens on, and that no test on this machine has
// been given: Caddy's listeners share a port (SO_REUSEPORT), so that two tests with one address
// would get each other's answers. The port is below those that the kernel chooses for others
// (ip(7), ip_local_port_range), and an abstract socket (unix(7)) tells the tests of other packages
// that it is taken.
func FreeAddr(t testing.TB) string {
	t.Helper()
	for range 10000 {
		port := 10000 + rand.IntN(20000)
		mark, err := net.Listen("unix", fmt.Sprintf("@vendgate-test-port-%d", port))
		if err != nil {
			continue
		}
		reserved.Store(port, mark)
		addr := fmt.Sprintf("127.0.0.1:%d", port)
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no address is free")
	return ""
}

// Secret sets an environment variable for the test and returns the reference to it. It stays set
// until the test binary ends: a gateway outlives the test function that configured it while it is
// being stopped.
func Secret(t testing.TB, name, value string) string {
	t.Helper()
	if err := os.Setenv(name, value); err != nil {
		t.Fatal(err)
	}
	return "{env." + name + "}"
}

// Kept is an option of Start.
const Kept = "kept socket"

// keep makes the gateway listen on a socket that outlives its configurations, as under systemd's
// socket activation. Caddy's own listeners are closed with their configuration, and the kernel
// resets connections that wait in them to be accepted.
func (g *Gateway) keep() string {
	g.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _, _ = l.Close(), file.Close() })
	g.Addr, g.URL = l.Addr().String(), "http://"+l.Addr().String()
	return fmt.Sprintf("bind fd/%d", file.Fd())
}

// Start runs a gateway with the given options in its `vendgate` block, further global options, and
// directives of its site.
func Start(t testing.TB, vendgate string, more ...string) *Gateway {
	t.Helper()
	site := "vendgate_proxy"
	global := ""
	kept := false
	for _, m := range more {
		if m == Kept {
			kept = true
			continue
		}
		if rest, ok := strings.CutPrefix(m, "global:"); ok {
			global += rest + "\n"
			continue
		}
		site = m
	}
	return StartWith(t, func(g *Gateway) string {
		if kept {
			g.bind = g.keep()
		}
		return g.Caddyfile(vendgate, global, site)
	})
}

// StartWith runs a gateway with a Caddyfile of the test's own, which must serve Addr and log to
// LogFile.
func StartWith(t testing.TB, caddyfile func(*Gateway) string) *Gateway {
	t.Helper()
	addr := FreeAddr(t)
	g := &Gateway{t: t, bind: "bind 127.0.0.1", Addr: addr, URL: "http://" + addr,
		LogFile: filepath.Join(t.TempDir(), "caddy.log")}
	g.Client = &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       60 * time.Second,
	}
	g.Load(caddyfile(g))
	t.Cleanup(func() {
		g.Client.CloseIdleConnections()
		if err := caddy.Stop(); err != nil {
			t.Errorf("stopping caddy: %v", err)
		}
	})
	return g
}

// Caddyfile is the configuration around a `vendgate` block. Its site answers whatever the Host
// header says.
func (g *Gateway) Caddyfile(vendgate, global, site string) string {
	_, port, _ := net.SplitHostPort(g.Addr)
	return fmt.Sprintf(`{
	admin off
	persist_config off
	auto_https off
	grace_period 2s
	log default {
		level DEBUG
		output file %q {
			roll_disabled
		}
	}
	%s
	vendgate {
		%s
	}
}
http://:%s {
	%s
	%s
}
`, g.LogFile, global, vendgate, port, g.bind, site)
}

// Adapt turns a Caddyfile into JSON.
func Adapt(caddyfile string) ([]byte, error) {
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile),
		map[string]any{"filename": "Caddyfile"})
	return adapted, err
}

// Load runs, or reloads, a Caddyfile.
func (g *Gateway) Load(caddyfile string) {
	g.t.Helper()
	if err := g.TryLoad(caddyfile); err != nil {
		g.t.Fatalf("loading: %v\n%s", err, caddyfile)
	}
}

// TryLoad is Load that returns its error. The listener of the configuration before, or of the one
// that was refused, is closed when it returns; see OneListener.
func (g *Gateway) TryLoad(caddyfile string) error {
	g.t.Helper()
	adapted, err := Adapt(caddyfile)
	if err != nil {
		return err
	}
	err = caddy.Load(adapted, true)
	OneListener(g.t, g.Addr)
	return err
}

// OneListener waits until at most one socket listens at each of the addresses. While Caddy replaces
// a configuration there are two for a moment, and the kernel resets the connections that wait to be
// accepted in the one that is closed.
func OneListener(t testing.TB, addrs ...string) {
	t.Helper()
	for _, addr := range addrs {
		Within(t, "closing the replaced listener at "+addr, 30*time.Second, func() bool { return listeners(t, addr) < 2 })
	}
}

// listeners counts the sockets that listen at an IPv4 address, by proc_pid_net(5).
func listeners(t testing.TB, addr string) (n int) {
	t.Helper()
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	ip := at.Addr().As4()
	slices.Reverse(ip[:]) // the kernel prints it as a little-endian number
	local := fmt.Sprintf("%X:%04X", ip, at.Port())
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 3 && f[1] == local && f[3] == "0A" {
			n++
		}
	}
	return n
}

// Log returns what Caddy logged so far.
func (g *Gateway) Log() string {
	g.t.Helper()
	raw, err := os.ReadFile(g.LogFile)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(raw)
}

// Request makes a request of tenant A for Alice; header lines replace or add to that.
func (g *Gateway) Request(method, path string, body []byte, headers ...string) *http.Request {
	g.t.Helper()
	r, err := http.NewRequest(method, g.URL+path, bytes.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+KeyA)
	r.Header.Set("X-User-Email", Alice)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ":")
		if value = strings.TrimSpace(value); value == "" {
			r.Header.Del(name)
		} else {
			r.Header.Set(name, value)
		}
	}
	return r
}

// Do sends r and returns status and body.
func (g *Gateway) Do(r *http.Request) (status int, body string) {
	g.t.Helper()
	res, err := g.Client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// KeyApp is a block that defines the app `key`, which takes its key in a header, over a provider at
// addr.
func KeyApp(addr string) string {
	return fmt.Sprintf(`app key {
		auth_type api_key
		upstream http://%s
		field api_key "API key" secret
		header X-Api-Key {api_key}
		allow_http
		allow_private 127.0.0.0/8
	}
	`, addr)
}

// Raw sends bytes on a fresh connection and returns all that comes back until the peer closes or,
// once there was something, two seconds pass without a byte.
func (g *Gateway) Raw(request string) string {
	g.t.Helper()
	return Raw(g.t, g.Addr, request)
}

// Raw is for hosts that are not a Gateway.
func Raw(t testing.TB, addr, request string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(request)); err != nil {
		t.Fatal(err)
	}
	var answer bytes.Buffer
	buf := make([]byte, 4096)
	for patience := 20 * time.Second; ; patience = 2 * time.Second {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		n, err := conn.Read(buf)
		answer.Write(buf[:n])
		if err != nil {
			return answer.String()
		}
	}
}
