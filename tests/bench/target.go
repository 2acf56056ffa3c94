package main

import (
	"fmt"
	"math"
	"strings"
)

// target is a bound that a measure should keep.
type target struct {
	what    string
	limit   float64
	atLeast bool // else at most
	unit    string
	of      func(outcomes) []float64
}

func targets() []target {
	quotient := func(id string, m metric, a, b string) func(outcomes) []float64 {
		return func(o outcomes) []float64 { return o.compare(id, m, a, b, ratio) }
	}
	less := func(id string, m metric, a, b string) func(outcomes) []float64 {
		return func(o outcomes) []float64 { return o.compare(id, m, a, b, difference) }
	}
	of := func(id string, m metric, name string) func(outcomes) []float64 {
		return func(o outcomes) []float64 { return o.find(id).find(name).values(m) }
	}
	few, many := grown{size: 10}.name(), grown{size: 1_000_000}.name()
	return []target{
		{"local ÷ Caddy `reverse_proxy`, HTTP/1.1 upstream, CPU", 0.95, false, "",
			quotient(http1Usual, cpu, local, reverseProxy)},
		{"local ÷ Caddy `reverse_proxy`, TLS with HTTP/2, CPU", 1, false, "", quotient(tls2Usual, cpu, local, reverseProxy)},
		{"local ÷ `forward_auth` + `reverse_proxy`, CPU", 0.6, false, "", quotient(http1Usual, cpu, local, forwardAuth)},
		{"platform ÷ `forward_auth` + `reverse_proxy`, CPU", 0.8, false, "",
			quotient(http1Usual, cpu, platform, forwardAuth)},
		{"local ÷ nginx `auth_request`, CPU", 2.8, false, "", quotient(http1Usual, cpu, local, nginx)},
		{"local − static, CPU", 6, false, "µs", less(http1Usual, cpu, local, static)},
		{"local − static, allocations", 8, false, "", less(http1Usual, allocs, local, static)},
		{"1,000,000 connections ÷ 10, CPU", 1.1, false, "", quotient(growth, cpu, many, few)},
		{"memory, 1,000,000 connections, 1,000 hot", 160, false, "MiB", of(growth, resident, many)},
		{"start to first answered call, 1,000,000 connections", 300, false, "ms", of(growthStart, start, many)},
		{"idle event stream, of 5,000", 40, false, "KiB", of(idleStreams, streamRSS, local)},
		{"added p99 at 1,000 requests a second", 1, false, "ms", of(fixedRate, addedP99, local)},
		{"10 MiB, TLS with HTTP/1.1, throughput ÷ Caddy's", 1, true, "",
			quotient(tls1Large, throughput, local, reverseProxy)},
		{"10 MiB, TLS with HTTP/2, throughput ÷ Caddy's", 1, true, "",
			quotient(tls2Large, throughput, local, reverseProxy)},
	}
}

// verdict judges by the median, as it was measured and not as it is printed.
func (t target) verdict(s spread) string {
	switch {
	case math.IsNaN(s.median):
		return "not measured"
	case t.atLeast && s.median >= t.limit, !t.atLeast && s.median <= t.limit:
		return "met"
	}
	return "**not met**"
}

func targetTable(o outcomes) string {
	var b strings.Builder
	b.WriteString("| measure | target | measured | |\n|---|--:|--:|---|\n")
	for _, t := range targets() {
		sign := "≤"
		if t.atLeast {
			sign = "≥"
		}
		s := summarize(t.of(o))
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.what, strings.TrimSpace(fmt.Sprintf("%s %v %s", sign, t.limit, t.unit)),
			s, t.verdict(s))
	}
	return b.String() + "\n"
}
