package cluster

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vendgate/vendgate/tests/harness"
)

// node is one gateway. It keeps its addresses and its proxies when it is restarted.
type node struct {
	// name is its number, and heard what the provider knows it by: that, unless it began as another.
	name, heard string
	// addr is host and port, URL is `http://` and addr.
	addr, URL string
	// socket is that of its admin API.
	socket string
	// postgres, listen and redis lead to its database, its connection for LISTEN and its Redis.
	postgres, listen, redis *proxy
	// program and config are what it runs and by which file of the cluster's.
	program, config string

	c         *cluster
	variables []string
	process   *harness.Process // nil when it does not run
	ended     []*harness.Process
}

func (c *cluster) newNode(i int) *node {
	c.t.Helper()
	n := &node{c: c, name: fmt.Sprint(i), addr: harness.FreeAddr(c.t), program: harness.Program(c.t), config: "Caddyfile"}
	n.URL = "http://" + n.addr
	n.listen, n.redis = newProxy(c.t, c.postgres.Addr), newProxy(c.t, c.redis.Addr)
	behind := c.postgres.Addr
	if c.bouncer != nil {
		behind = c.bouncer.Addr
	}
	n.postgres = newProxy(c.t, behind)
	dir := filepath.Join(c.dir, "node"+n.name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		c.t.Fatal(err)
	}
	n.socket = filepath.Join(dir, "admin.sock")
	n.variables = []string{"NODE=" + n.name, "VENDGATE_PORT=" + port(n.addr),
		"VENDGATE_ADMIN=" + n.socket, "VENDGATE_DATA=" + filepath.Join(dir, "data"),
		"DATABASE_URL=" + c.postgres.Via(n.postgres.addr).URL, "DATABASE_LISTEN_URL=" + c.postgres.Via(n.listen.addr).URL,
		"REDIS_URL=" + c.redis.Via(n.redis.addr).URL}
	return n
}

// start starts the node and waits until it is ready.
func (n *node) start() {
	n.c.t.Helper()
	n.begin()
	n.await()
}

// begin starts the node, and does not wait for it.
func (n *node) begin() {
	n.c.t.Helper()
	n.beginAs(n.name)
}

// beginAs is begin with another name for the provider to hear, so that it tells a node's lives
// apart.
func (n *node) beginAs(name string) {
	n.c.t.Helper()
	n.heard = name
	env := slices.Concat(n.c.env, n.variables, []string{"NODE=" + name})
	n.process = harness.StartProcess(n.c.t, env, n.program, "run", "--config", filepath.Join(n.c.dir, n.config))
}

// await waits until the node is ready.
func (n *node) await() {
	n.c.t.Helper()
	n.process.Await(n.c.t, "node "+n.name+" getting ready", time.Minute, n.ready)
}

// ready reports what a load balancer hears.
func (n *node) ready() bool { return status(n.URL+"/health/ready") == http.StatusOK }

// kill is `kill -9`.
func (n *node) kill() {
	n.process.Kill()
	n.ended, n.process = append(n.ended, n.process), nil
}

// stop ends the node by SIGTERM, which drains it, and waits for its end.
func (n *node) stop() {
	n.c.t.Helper()
	n.process.Signal(n.c.t, syscall.SIGTERM)
	if code := n.process.Ended(n.c.t, time.Minute); code != 0 {
		n.c.t.Errorf("node %s ended with code %d\n%s", n.name, code, n.process.Stderr())
	}
	n.ended, n.process = append(n.ended, n.process), nil
}

// restart is stop and start.
func (n *node) restart() {
	n.c.t.Helper()
	n.stop()
	n.start()
}

// freeze stops the node where it is; thaw lets it go on.
func (n *node) freeze() { n.process.Signal(n.c.t, syscall.SIGSTOP) }

func (n *node) thaw() { n.process.Signal(n.c.t, syscall.SIGCONT) }

// log is what the node has logged, in all its lives.
func (n *node) log() string {
	var all strings.Builder
	for _, p := range n.ended {
		all.WriteString(p.Stderr())
	}
	if n.process != nil {
		all.WriteString(n.process.Stderr())
	}
	return all.String()
}

// port is the port of an address.
func port(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return port
}

// probes keep no connection: each asks the process that listens by then.
var probes = &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// status is the status of a GET; 0 where none came.
func status(url string) int {
	res, err := probes.Get(url)
	if err != nil {
		return 0
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// call is a request for Alice to one of her connections, at a node or at the balancer.
func call(t testing.TB, method, url, id, app, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url+"/proxy/"+id+"/"+app+"/me", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+harness.KeyA)
	r.Header.Set("X-User-Email", harness.Alice)
	return r
}
