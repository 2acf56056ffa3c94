package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"time"
)

// The contenders: the gateway with each source, what people use in its place, two programs that
// forward nothing, and no proxy at all.
const (
	static       = "vendgate, source static"
	local        = "vendgate, source local"
	onPostgres   = "vendgate, source local on PostgreSQL"
	platform     = "vendgate, source platform"
	reverseProxy = "Caddy reverse_proxy, static header"
	forwardAuth  = "Caddy forward_auth + reverse_proxy"
	nginx        = "nginx auth_request"
	plain        = "httputil.ReverseProxy"
	respond      = "Caddy respond (forwards nothing)"
	empty        = "empty net/http handler (forwards nothing)"
	direct       = "the upstream itself (no proxy)"
)

// contender is a running one.
type contender struct {
	name, addr string
	// paths are called in turn; one at least.
	paths   []string
	headers map[string]string
	cmd     *exec.Cmd
	// pids are its processes, whose CPU time and memory count; none for the upstream itself.
	pids []int
	// server is the process of its database server; 0 without one.
	server int
	// admin shows the memory statistics of a program in Go; empty for others.
	admin string
}

func (c *contender) path() string { return c.paths[0] }

func (c *contender) url() string { return "http://" + c.addr + c.path() }

func (c *contender) cpu() (total time.Duration) {
	for _, pid := range c.pids {
		total += processCPU(pid)
	}
	return total
}

// serverCPU is that of the database server's sessions, which are its children.
func (c *contender) serverCPU() (total time.Duration) {
	if c.server == 0 {
		return 0
	}
	for _, pid := range children(c.server) {
		total += processCPU(pid)
	}
	return total
}

func (c *contender) rss() (total int64) {
	for _, pid := range c.pids {
		total += processMemory(pid)
	}
	return total
}

// usage is what a contender has used since it was started.
type usage struct {
	cpu, server time.Duration
	memory      *goMemory
}

func (c *contender) usage() usage { return usage{c.cpu(), c.serverCPU(), readMemory(c.admin)} }

// spent adds to t what each of n requests took since before.
func (c *contender) spent(t turn, before usage, n int) {
	after := c.usage()
	if len(c.pids) > 0 {
		t[cpu] = micros(after.cpu-before.cpu) / float64(n)
		t[resident] = float64(c.rss()) / (1 << 20)
	}
	if c.server != 0 {
		t[serverCPU] = micros(after.server-before.server) / float64(n)
	}
	if before.memory != nil && after.memory != nil {
		t[allocs] = float64(after.memory.Mallocs-before.memory.Mallocs) / float64(n)
		t[allocated] = float64(after.memory.TotalAlloc-before.memory.TotalAlloc) / float64(n)
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// works reports whether a call passes: a contender that fails every call would be the fastest of
// all.
func (c *contender) works() (err error) {
	for range 200 {
		if err = c.answers(); err == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	return fmt.Errorf("%s does not work: %w", c.name, err)
}

// answers makes one call, whose answer it does not read to its end.
func (c *contender) answers() error {
	r, err := http.NewRequest(http.MethodGet, c.url(), http.NoBody)
	if err != nil {
		return err
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		err = fmt.Errorf("it answers %s", res.Status)
	}
	_ = res.Body.Close()
	return err
}
