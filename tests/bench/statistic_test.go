package main

import (
	"math"
	"slices"
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
	}{
		{[]float64{7}, spread{7, 7, 7}},
		{[]float64{4, 1, 3, 2}, spread{1.75, 2.5, 3.25}},
		{[]float64{5, 1, 4, 2, 3}, spread{2, 3, 4}},
		{[]float64{1, 1, 1, 1, 1000}, spread{1, 1, 1}},
	} {
		given := slices.Clone(c.values)
		if got := summarize(c.values); got != c.want {
			t.Errorf("summarize(%v) = %v, want %v", given, got, c.want)
		}
		if !slices.Equal(given, c.values) {
			t.Errorf("summarize sorted its argument: the order is that of the rounds")
		}
	}
	if got := summarize(nil); !math.IsNaN(got.median) {
		t.Errorf("the median of nothing is %v", got.median)
	}
}

// A machine that is slow for a round is so for both: the ratio of the medians would tell of it.
func TestPairwise(t *testing.T) {
	a := []turn{{cpu: 10}, {cpu: 40}, {cpu: 12}}
	b := []turn{{cpu: 20}, {cpu: 80}, {rate: 1}}
	if got := pairwise(a, b, cpu, ratio); !slices.Equal(got, []float64{0.5, 0.5}) {
		t.Errorf("the ratios are %v", got)
	}
	if got := pairwise(a, b[:1], cpu, difference); !slices.Equal(got, []float64{-10}) {
		t.Errorf("the differences are %v", got)
	}
}

func TestLatencies(t *testing.T) {
	var took []time.Duration
	for i := range 1001 {
		took = append(took, time.Duration(1000-i)*time.Millisecond)
	}
	got := turn{}
	if got.latencies(took); got[p50] != 500 || got[p99] != 990 || math.Abs(got[p999]-999) > 1e-9 {
		t.Errorf("the percentiles of 0 to 1000 ms are %v", got)
	}
}
