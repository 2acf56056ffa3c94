package main

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// count is what a generator of load counted.
type count struct {
	requests, errors int
	bytes            float64
	took             time.Duration
	p50, p99         time.Duration
}

var (
	wrkDone   = regexp.MustCompile(`(\d+) requests in ([0-9.]+)(us|ms|s|m), ([0-9.]+)(B|KB|MB|GB|TB) read`)
	wrkBeyond = regexp.MustCompile(`(50|99)%\s+([0-9.]+)(us|ms|s|m)\b`)
	wrkFailed = regexp.MustCompile(
		`(?:Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+))`)
	units = map[string]float64{"us": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "B": 1, "KB": 1 << 10, "MB": 1 << 20,
		"GB": 1 << 30, "TB": 1 << 40}
)

// wrk loads c in a closed loop by the program of that name: each caller calls again once it has its
// answer.
func wrk(dir string, c *contender, callers int, duration time.Duration) (count, error) {
	seconds := max(1, int(duration.Round(time.Second)/time.Second))
	args := []string{"-t1", "-c" + strconv.Itoa(callers), "-d" + strconv.Itoa(seconds) + "s", "--timeout", "30s",
		"--latency"}
	if len(c.paths) > 0 {
		script, err := write(dir, "paths.lua", wrkScript(c.paths))
		if err != nil {
			return count{}, err
		}
		args = append(args, "-s", script)
	}
	for name, value := range c.headers {
		args = append(args, "-H", name+": "+value)
	}
	out, err := exec.Command("wrk", append(args, c.url())...).CombinedOutput()
	if err != nil {
		return count{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	return parseWrk(out)
}

// wrkScript has wrk call paths in turn.
func wrkScript(paths []string) string {
	var b strings.Builder
	b.WriteString("local requests, n = {}, 0\ninit = function()\n")
	for _, path := range paths {
		fmt.Fprintf(&b, " requests[#requests + 1] = wrk.format(nil, %q)\n", path)
	}
	b.WriteString("end\nrequest = function()\n n = n % #requests + 1\n return requests[n]\nend\n")
	return b.String()
}

var errWrk = errors.New("the output of wrk is not understood")

func parseWrk(out []byte) (n count, err error) {
	done := wrkDone.FindSubmatch(out)
	if done == nil {
		return n, fmt.Errorf("%w: %s", errWrk, bytes.TrimSpace(out))
	}
	n.requests, _ = strconv.Atoi(string(done[1]))
	n.took = time.Duration(measured(done[2], done[3]))
	n.bytes = measured(done[4], done[5])
	for _, found := range wrkFailed.FindAllSubmatch(out, -1) {
		for _, digits := range found[1:] {
			failed, _ := strconv.Atoi(string(digits))
			n.errors += failed
		}
	}
	for _, found := range wrkBeyond.FindAllSubmatch(out, -1) {
		took := time.Duration(measured(found[2], found[3]))
		if string(found[1]) == "50" {
			n.p50 = took
		} else {
			n.p99 = took
		}
	}
	return n, nil
}

// measured reads a number with its unit; wrk's expression lets no other in.
func measured(number, unit []byte) float64 {
	n, _ := strconv.ParseFloat(string(number), 64)
	return math.Round(n * units[string(unit)])
}
