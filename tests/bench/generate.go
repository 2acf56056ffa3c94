package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"
)

// generate makes the load.
type generate interface {
	name() string
	run(c *contender, duration time.Duration, connections int) (turn, error)
}

func chooseGenerator(wanted string) (generate, error) {
	_, err := exec.LookPath("wrk")
	switch {
	case wanted == "built-in", wanted == "auto" && err != nil:
		return builtIn{}, nil //nolint:nilerr // wrk is not installed
	case err != nil:
		return nil, err
	}
	return wrk{}, nil
}

// wrk is the load generator of Debian's package of that name.
type wrk struct{}

func (wrk) name() string { return "wrk" }

var (
	wrkLatency  = regexp.MustCompile(`(50|99)%\s+([0-9.]+)(us|ms|s)`)
	wrkRequests = regexp.MustCompile(`(\d+) requests in`)
	wrkFailed   = regexp.MustCompile(
		`(?:Non-2xx or 3xx responses: (\d+)|Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+))`)
)

func (wrk) run(c *contender, duration time.Duration, connections int) (turn, error) {
	seconds := max(1, int(duration.Round(time.Second)/time.Second))
	args := []string{"-t1", "-c" + strconv.Itoa(connections), "-d" + strconv.Itoa(seconds) + "s", "--latency"}
	for name, value := range c.headers {
		args = append(args, "-H", name+": "+value)
	}
	out, err := exec.Command("wrk", append(args, c.url)...).CombinedOutput()
	if err != nil {
		return turn{}, fmt.Errorf("wrk: %w: %s", err, out)
	}
	t := turn{took: time.Duration(seconds) * time.Second}
	if m := wrkRequests.FindSubmatch(out); m != nil {
		t.requests, _ = strconv.Atoi(string(m[1]))
	}
	for _, m := range wrkFailed.FindAllSubmatch(out, -1) {
		for _, n := range m[1:] {
			failed, _ := strconv.Atoi(string(n))
			t.errors += failed
		}
	}
	for _, m := range wrkLatency.FindAllSubmatch(out, -1) {
		unit := map[string]float64{"us": 1e3, "ms": 1e6, "s": 1e9}[string(m[3])]
		n, _ := strconv.ParseFloat(string(m[2]), 64)
		if string(m[1]) == "50" {
			t.p50 = time.Duration(n * unit)
		} else {
			t.p99 = time.Duration(n * unit)
		}
	}
	return t, nil
}

// builtIn is for machines without wrk; it takes more CPU itself.
type builtIn struct{}

func (builtIn) name() string { return "the built-in generator" }

func (builtIn) run(c *contender, duration time.Duration, connections int) (turn, error) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), duration)
	defer cancel()
	var mu sync.Mutex
	var all []time.Duration
	failed := 0
	var workers sync.WaitGroup
	begun := time.Now()
	for range connections {
		workers.Go(func() {
			var mine []time.Duration
			bad := 0
			for ctx.Err() == nil {
				sent := time.Now()
				if err := c.call(ctx, client); err == nil {
					mine = append(mine, time.Since(sent))
				} else if ctx.Err() == nil {
					bad++
				}
			}
			mu.Lock()
			all, failed = append(all, mine...), failed+bad
			mu.Unlock()
		})
	}
	workers.Wait()
	t := turn{requests: len(all), errors: failed, took: time.Since(begun)}
	slices.Sort(all)
	if len(all) > 0 {
		t.p50, t.p99 = all[len(all)/2], all[len(all)*99/100]
	}
	return t, nil
}

func (c *contender) call(ctx context.Context, client *http.Client) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url, http.NoBody)
	if err != nil {
		return err
	}
	for name, value := range c.headers {
		r.Header.Set(name, value)
	}
	res, err := client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}
