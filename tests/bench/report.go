package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// newReport writes the medians of each contender's turns.
func newReport(contenders []*contender, generator string, rounds int, duration time.Duration, connections int) string {
	var b strings.Builder
	fmt.Fprintf(&b,
		"# Benchmark results\n\nMade by `make bench` on %s: %d rounds in which the contenders took turns of %s, %d "+
			"connections, load by %s, medians shown.\n",
		time.Now().UTC().Format("2006-01-02"), rounds, duration, connections, generator)
	fmt.Fprintf(&b,
		"Machine: %s, %d cores, Linux %s, %s. The load, the upstream and the vending server ran on the same cores, so the "+
			"rate\nis that of all together; CPU is the contender's own processes' (`/proc/PID/stat`), and what compares "+
			"best.\n\n", model(), runtime.NumCPU(), kernel(), runtime.Version())
	b.WriteString("| contender | requests/s | p50 | p99 | CPU µs/request | allocs/request | bytes/request | memory " +
		"MiB |\n|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for _, c := range contenders {
		allocs, bytes := "–", "–"
		if c.admin != "" {
			allocs = fmt.Sprintf("%.0f", c.median(func(t turn) float64 { return float64(t.mallocs) / float64(t.requests) }))
			bytes = fmt.Sprintf("%.0f", c.median(func(t turn) float64 { return float64(t.bytes) / float64(t.requests) }))
		}
		fmt.Fprintf(&b, "| %s | %.0f | %s | %s | %.1f | %s | %s | %.0f |\n", c.name, c.median(turn.rate),
			millis(c.median(func(t turn) float64 {
				return float64(t.p50)
			})), millis(c.median(func(t turn) float64 { return float64(t.p99) })),
			c.median(turn.cpuMicros), allocs, bytes, c.median(func(t turn) float64 { return float64(t.rss) / (1 << 20) }))
	}
	b.WriteString("\nCPU per request, side by side (median over rounds of the ratio within a round):\n\n")
	for _, r := range []struct {
		a, b, aim string
	}{
		{"vendgate, source local", "caddy reverse_proxy, header_up", "0.65"},
		{"vendgate, source platform", "caddy forward_auth + reverse_proxy", "0.55"},
		{"vendgate, source static", "plain httputil.ReverseProxy", ""},
	} {
		if len(find(contenders, r.a).turns) == 0 || len(find(contenders, r.b).turns) == 0 {
			continue
		}
		ratio := medianRatio(find(contenders, r.a), find(contenders, r.b))
		fmt.Fprintf(&b, "- %s ÷ %s: **%.2f**", r.a, r.b, ratio)
		if r.aim != "" {
			fmt.Fprintf(&b, " (aim: at most %s)", r.aim)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (c *contender) median(of func(turn) float64) float64 {
	values := make([]float64, 0, len(c.turns))
	for _, t := range c.turns {
		values = append(values, of(t))
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	if len(values) == 0 {
		return 0
	}
	return values[len(values)/2]
}

func medianRatio(a, b *contender) float64 {
	values := make([]float64, 0, len(a.turns))
	for i := range a.turns {
		values = append(values, a.turns[i].cpuMicros()/b.turns[i].cpuMicros())
	}
	return median(values)
}

func find(contenders []*contender, name string) *contender {
	for _, c := range contenders {
		if c.name == name {
			return c
		}
	}
	return &contender{}
}

func millis(ns float64) string { return fmt.Sprintf("%.2f ms", ns/1e6) }

func model() string {
	raw, _ := os.ReadFile("/proc/cpuinfo")
	_, rest, ok := strings.Cut(string(raw), "model name")
	if !ok {
		return "unknown processor"
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(strings.TrimLeft(line, "\t :"))
}

func kernel() string {
	raw, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.TrimSpace(string(raw))
}
