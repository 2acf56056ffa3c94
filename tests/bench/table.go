package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// series is what one contender did in all rounds of a scenario.
type series struct {
	name  string
	turns []turn
}

// values are those of the rounds that measured m.
func (s *series) values(m metric) (list []float64) {
	if s == nil {
		return nil
	}
	for _, t := range s.turns {
		if v, ok := t[m]; ok {
			list = append(list, v)
		}
	}
	return list
}

// table is the outcome of a scenario.
type table struct {
	id, title, note string
	columns         []metric
	series          []*series
}

func (t *table) find(name string) *series {
	if t != nil {
		for _, s := range t.series {
			if s.name == name {
				return s
			}
		}
	}
	return nil
}

// outcomes are the tables in the order of the scenarios.
type outcomes []*table

func (o outcomes) find(id string) *table {
	for _, t := range o {
		if t.id == id {
			return t
		}
	}
	return nil
}

// compare returns what combine makes of two contenders, round by round.
func (o outcomes) compare(id string, m metric, a, b string, combine func(a, b float64) float64) []float64 {
	x, y := o.find(id).find(a), o.find(id).find(b)
	if x == nil || y == nil {
		return nil
	}
	return pairwise(x.turns, y.turns, m, combine)
}

// markdown writes the table, each value with its quartiles where there are more rounds than one.
func (t *table) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", t.title)
	if t.note != "" {
		b.WriteString(t.note + "\n\n")
	}
	b.WriteString("| contender |")
	columns := t.measured()
	for _, m := range columns {
		fmt.Fprintf(&b, " %s |", m)
	}
	b.WriteString("\n|---|" + strings.Repeat("--:|", len(columns)) + "\n")
	for _, s := range t.series {
		fmt.Fprintf(&b, "| %s |", s.name)
		for _, m := range columns {
			fmt.Fprintf(&b, " %s |", summarize(s.values(m)))
		}
		b.WriteString("\n")
	}
	return b.String() + "\n"
}

// measured are the columns that any contender has.
func (t *table) measured() (list []metric) {
	for _, m := range t.columns {
		if slices.ContainsFunc(t.series, func(s *series) bool { return len(s.values(m)) > 0 }) {
			list = append(list, m)
		}
	}
	return list
}

// String implements fmt.Stringer: the median, and the quartiles where they differ from it.
func (s spread) String() string {
	switch median, low, high := number(s.median), number(s.low), number(s.high); {
	case math.IsNaN(s.median):
		return "–"
	case low == high:
		return median
	default:
		return fmt.Sprintf("%s (%s–%s)", median, low, high)
	}
}

// number formats v with at least three significant digits.
func number(v float64) string {
	switch size := math.Abs(v); {
	case size >= 100:
		return fmt.Sprintf("%.0f", v)
	case size >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}
