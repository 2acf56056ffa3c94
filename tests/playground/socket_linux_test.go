package playground

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// socket is one line of /proc/net (proc_net_tcp(5)).
type socket struct {
	protocol      string
	local, remote netip.AddrPort
	listening     bool
}

// sockets lists the sockets that a process has open now.
func sockets(pid int) (open []socket) {
	own := make(map[string]bool)
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid)) // the pattern is sound
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil { // else it was closed just now
			own[target] = true
		}
	}
	for _, protocol := range []string{"tcp", "tcp6", "udp", "udp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, protocol))
		if err != nil {
			continue // the process has just ended, or there is no IPv6
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 9 && own["socket:["+f[9]+"]"] {
				open = append(open, socket{protocol, address(f[1]), address(f[2]), f[3] == "0A"})
			}
		}
	}
	return open
}

// address reads hex words in the machine's byte order, and the port. The order is little-endian on
// what Go tests run on.
func address(text string) netip.AddrPort {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	p, portErr := hex.DecodeString(port)
	if err != nil || portErr != nil || len(p) != 2 {
		return netip.AddrPort{}
	}
	for word := range slices.Chunk(raw, 4) {
		slices.Reverse(word)
	}
	ip, _ := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip.Unmap(), uint16(p[0])<<8|uint16(p[1]))
}

// watch collects every socket that a process has until stop is called.
func watch(pid int) (stop func() map[socket]bool) {
	seen, done := make(map[socket]bool), make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			for _, s := range sockets(pid) {
				seen[s] = true
			}
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	return func() map[socket]bool { close(done); watching.Wait(); return seen }
}

// trap is a proxy that only counts who comes: whatever a library sends on its own account goes to
// the proxy of the environment.
func trap(t *testing.T) (url string, caught *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	caught = new(atomic.Int64)
	var accepting sync.WaitGroup
	accepting.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			caught.Add(1)
			_ = c.Close() // that it came is enough
		}
	})
	t.Cleanup(func() { _ = l.Close(); accepting.Wait() })
	return "http://" + l.Addr().String(), caught
}

// TestSockets: the playground listens on two loopback ports and talks to nobody but itself and its
// callers.
func TestSockets(t *testing.T) {
	proxy, caught := trap(t)
	p := &program{temp: t.TempDir()}
	env := harness.Environ(t, "TMPDIR="+p.temp, "HTTP_PROXY="+proxy, "HTTPS_PROXY="+proxy)
	p.Process = harness.StartProcess(t, env, harness.Program(t), "playground")
	stop := watch(p.PID()) // from its first moment on
	p.Await(t, "starting the playground", 30*time.Second, func() bool {
		return strings.HasSuffix(p.Stdout(), "Ctrl-C ends it.\n")
	})
	for _, s := range sections(p.Stdout()) {
		for _, call := range s.calls {
			p.shell(t, call)
		}
	}
	addresses := urls(p.Stdout())
	slices.Sort(addresses)
	var listening []string
	for _, s := range sockets(p.PID()) {
		if s.listening || strings.HasPrefix(s.protocol, "udp") {
			listening = append(listening, s.local.String())
		}
	}
	slices.Sort(listening)
	if !slices.Equal(listening, addresses) || len(addresses) != 2 {
		t.Errorf("listening on %v, want %v", listening, addresses)
	}
	p.interrupt(t, addresses...)
	seen, connections := stop(), 0
	for s := range seen {
		switch {
		case !s.local.Addr().IsLoopback() || strings.HasPrefix(s.protocol, "udp"):
			t.Errorf("a %s socket at %s", s.protocol, s.local)
		case s.listening:
		case !slices.Contains(addresses, s.remote.String()) && !slices.Contains(addresses, s.local.String()):
			t.Errorf("a connection from %s to %s, neither of which is its own", s.local, s.remote)
		default:
			connections++
		}
	}
	if connections == 0 {
		t.Error("no connection was seen at all: the watch sees nothing")
	}
	if n := caught.Load(); n != 0 {
		t.Errorf("%d connections to the proxy of the environment", n)
	}
}
