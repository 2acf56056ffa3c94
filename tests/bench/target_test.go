package main

import (
	"strings"
	"testing"
)

func TestVerdict(t *testing.T) {
	most, least := target{limit: 0.95}, target{limit: 1, atLeast: true}
	for _, c := range []struct {
		target
		values []float64
		want   string
	}{
		{most, []float64{0.95}, "met"},
		{most, []float64{0.951}, "**not met**"},
		{most, []float64{0.5, 0.94, 2}, "met"},
		{least, []float64{1}, "met"},
		{least, []float64{0.999}, "**not met**"},
		{most, nil, "not measured"},
	} {
		if got := c.verdict(summarize(c.values)); got != c.want {
			t.Errorf("%v with limit %v is %q, want %q", c.values, c.limit, got, c.want)
		}
	}
}

// TestTargetsNameScenarios checks that each target is of something that is measured: a misspelled
// name would leave it "not measured" forever.
func TestTargetsNameScenarios(t *testing.T) {
	var o outcomes
	for _, s := range scenarios() {
		table := &table{id: s.id}
		names := s.contenders
		if len(names) == 0 {
			for _, size := range (&bench{}).sizes() {
				names = append(names, grown{size: size}.name())
			}
		}
		for _, name := range names {
			took := turn{}
			for _, m := range append(s.columns, throughput) {
				took[m] = 1
			}
			table.series = append(table.series, &series{name: name, turns: []turn{took}})
		}
		o = append(o, table)
	}
	if got := targetTable(o); strings.Contains(got, "not measured") {
		t.Error(got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{10: "10", 999: "999", 10_000: "10,000", 1_000_000: "1,000,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
