package main

import (
	"fmt"
	"log"
	"time"
)

// closedLoop measures as many callers as the scenario says, each of which calls again once it has
// its answer.
func closedLoop(b *bench, s scenario, t *table) error {
	contenders, err := b.openAll(s, t)
	defer b.endAll(contenders)
	if err != nil {
		return err
	}
	return b.takeTurns(s, t, contenders, func(c *contender) (turn, error) { return b.loaded(c, s.callers, s.turn) })
}

// loaded is one turn of wrk.
func (b *bench) loaded(c *contender, callers int, duration time.Duration) (turn, error) {
	before := c.usage()
	n, err := wrk(b.dir, c, callers, duration)
	if err != nil {
		return nil, err
	}
	if n.errors > 0 || n.requests == 0 {
		return nil, fmt.Errorf("%d of %d requests failed", n.errors, n.requests)
	}
	t := turn{rate: float64(n.requests) / n.took.Seconds(), p50: millis(n.p50), p99: millis(n.p99)}
	c.spent(t, before, n.requests)
	mib := n.bytes / (1 << 20)
	t[throughput] = mib / n.took.Seconds()
	t[cpuMiB] = t[cpu] * float64(n.requests) / 1000 / mib
	return t, nil
}

// openAll starts the contenders of a scenario, and calls each for a second to warm it up.
func (b *bench) openAll(s scenario, t *table) (list []*contender, err error) {
	for _, name := range s.contenders {
		c, err := b.open(name, s.setup)
		if c != nil {
			list = append(list, c)
		}
		if err != nil {
			return list, err
		}
		t.series = append(t.series, &series{name: name})
		if s.path == pacedEvents || len(c.pids) == 0 {
			continue
		}
		if _, err := wrk(b.dir, c, min(s.callers, 32), time.Second); err != nil {
			return list, fmt.Errorf("warming up %s: %w", name, err)
		}
	}
	return list, nil
}

func (b *bench) endAll(contenders []*contender) {
	for _, c := range contenders {
		if c.cmd != nil {
			b.end(c.cmd)
		}
	}
}

// takeTurns has the contenders take turns, in each round another one first, so that what comes
// before one is not always the same.
func (b *bench) takeTurns(s scenario, t *table, contenders []*contender, measure func(*contender) (turn, error)) error {
	for round := range s.rounds {
		for i := range contenders {
			at := (i + round) % len(contenders)
			took, err := measure(contenders[at])
			if err != nil {
				return fmt.Errorf("%s, round %d: %w", contenders[at].name, round+1, err)
			}
			t.series[at].turns = append(t.series[at].turns, took)
			log.Printf("%-16s round %d  %-42s %s", s.id, round+1, contenders[at].name, took.brief(t.columns))
		}
	}
	return nil
}

// brief shows the first columns.
func (t turn) brief(columns []metric) (text string) {
	for _, m := range columns[:min(3, len(columns))] {
		if v, ok := t[m]; ok {
			text += fmt.Sprintf("  %s %s", number(v), m)
		}
	}
	return text
}
