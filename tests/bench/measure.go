package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// turn is what one contender did in one round.
type turn struct {
	requests int
	errors   int
	took     time.Duration
	p50, p99 time.Duration
	cpu      time.Duration
	// server is the CPU time of the database server.
	server  time.Duration
	mallocs uint64
	bytes   uint64
	rss     int64
}

func (t turn) rate() float64      { return float64(t.requests) / t.took.Seconds() }
func (t turn) cpuMicros() float64 { return float64(t.cpu.Microseconds()) / float64(t.requests) }

func (t turn) serverMicros() float64 { return float64(t.server.Microseconds()) / float64(t.requests) }

// measure loads c for a while. CPU time is of the contender's processes only, by /proc/PID/stat.
func (c *contender) measure(load generate, duration time.Duration, connections int) (turn, error) {
	if _, err := load.run(c, duration/4, connections); err != nil { // warm up
		return turn{}, err
	}
	cpu, server, memory := c.cpu(), c.serverCPU(), c.memory()
	t, err := load.run(c, duration, connections)
	if err != nil {
		return t, err
	}
	if t.errors > 0 || t.requests == 0 {
		return t, fmt.Errorf("%d of %d requests failed", t.errors, t.requests)
	}
	after := c.memory()
	t.cpu, t.mallocs, t.bytes = c.cpu()-cpu, after.Mallocs-memory.Mallocs, after.TotalAlloc-memory.TotalAlloc
	t.server, t.rss = c.serverCPU()-server, c.rss()
	return t, nil
}

func (c *contender) cpu() time.Duration {
	total := processCPU(c.pid)
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

// processCPU reads user and system time, in ticks of 10 ms (proc(5), fields 14 and 15).
func processCPU(pid int) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(rest)
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

func (c *contender) rss() int64 {
	total := int64(0)
	for _, pid := range append([]int{c.pid}, c.pids...) {
		raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		_, rest, _ := strings.Cut(string(raw), "VmRSS:")
		fields := strings.Fields(rest)
		if len(fields) > 0 {
			kb, _ := strconv.ParseInt(fields[0], 10, 64)
			total += kb << 10
		}
	}
	return total
}

// children lists the processes whose parent is pid.
func children(pid int) (list []int) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(raw), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			if child, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// memoryStats are those of runtime.MemStats that Caddy's admin endpoint shows.
type memoryStats struct{ Mallocs, TotalAlloc uint64 }

func (c *contender) memory() memoryStats {
	var vars struct{ Memstats memoryStats }
	if c.admin == "" {
		return vars.Memstats
	}
	res, err := (&http.Client{Timeout: 5 * time.Second}).Get("http://" + c.admin + "/debug/vars")
	if err != nil {
		return vars.Memstats
	}
	defer func() { _ = res.Body.Close() }()
	_ = json.NewDecoder(res.Body).Decode(&vars) // the columns stay empty without it
	return vars.Memstats
}
