package main

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// metric is what a turn measures; its text heads a column.
type metric string

const (
	rate        metric = "requests/s"
	throughput  metric = "MiB/s"
	p50         metric = "p50 ms"
	p99         metric = "p99 ms"
	p999        metric = "p99.9 ms"
	late        metric = "sent late, p99 ms"
	cpu         metric = "CPU µs/request"
	cpuMiB      metric = "CPU ms/MiB"
	cpuEvent    metric = "CPU µs/event"
	serverCPU   metric = "CPU of PostgreSQL µs/request"
	events      metric = "events/s"
	allocs      metric = "allocs/request"
	allocated   metric = "bytes/request"
	resident    metric = "memory MiB"
	streamRSS   metric = "memory KiB/stream"
	streamHeap  metric = "heap and stacks KiB/stream"
	streams     metric = "streams"
	start       metric = "start to first call ms"
	allocsEvent metric = "allocs/event"
	addedP50    metric = "added p50 ms"
	addedP99    metric = "added p99 ms"
	addedP999   metric = "added p99.9 ms"
)

// turn is what one contender did in one round. What was not measured is absent.
type turn map[metric]float64

// spread is a median with the quartiles around it.
type spread struct{ low, median, high float64 }

// quantile interpolates between the two values next to the place of q, which is from 0 to 1. Of no
// values it is NaN.
func quantile[T cmp.Ordered](values []T, q float64, number func(T) float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	place := q * float64(len(sorted)-1)
	below := int(place)
	above := min(below+1, len(sorted)-1)
	a, b := number(sorted[below]), number(sorted[above])
	return a + (b-a)*(place-float64(below))
}

func summarize(values []float64) spread {
	number := func(v float64) float64 { return v }
	return spread{quantile(values, 0.25, number), quantile(values, 0.5, number), quantile(values, 0.75, number)}
}

// pairwise combines what two contenders did in the same round, so that what slows the machine for a
// while slows both. A round that has not both is left out.
func pairwise(a, b []turn, m metric, combine func(a, b float64) float64) (values []float64) {
	for i := range min(len(a), len(b)) {
		x, ok := a[i][m]
		y, both := b[i][m]
		if ok && both {
			values = append(values, combine(x, y))
		}
	}
	return values
}

func ratio(a, b float64) float64 { return a / b }

func difference(a, b float64) float64 { return a - b }

// latencies adds the percentiles of what calls took.
func (t turn) latencies(took []time.Duration) {
	for m, q := range map[metric]float64{p50: 0.5, p99: 0.99, p999: 0.999} {
		t[m] = quantile(took, q, millis)
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
